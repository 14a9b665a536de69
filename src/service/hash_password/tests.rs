//! When a place in the hash queue is taken.

use std::rc::Rc;

use super::queued;
use crate::domain::throttle::ClientPrefix;
use crate::domain::time::UnixSeconds;
use crate::service::caller::Caller;
use crate::service::config::tests::configure;
use crate::service::hash_queue::MAX_WAITING;
use crate::service::{Ctx, ServiceError};
use crate::testing::MemoryPorts;

/// A place lives for five seconds without a sign of life.
#[test]
fn the_seconds_before_a_place_is_taken_do_not_age_it() {
    let service = Rc::new(configure(&[]).map_err(|list| list.join("; ")).unwrap());
    let ports = MemoryPorts::default();
    let caller = Caller::new(String::new(), ClientPrefix::parse(None), None);
    let begun_at = |now| Ctx {
        service: &service,
        ports: &ports,
        now: UnixSeconds::new(now),
        caller: &caller,
    };
    let [slow, other] = [begun_at(100), begun_at(106)];
    // Its limiters and its body have taken four seconds.
    ports.timer.now.set(104);
    let places: Vec<_> = (0..MAX_WAITING).map(|_| queued(&slow).unwrap()).collect();
    ports.timer.now.set(106);
    assert_eq!(queued(&other).err(), Some(ServiceError::Busy));
    drop(places);
    assert!(queued(&other).is_ok());
}
