//! Hashes a password that somebody has chosen.

use super::hash_queue::{HashTicket, Line};
use super::{Ctx, ServiceError};
use crate::domain::credential::hashing::StoredHash;
use crate::domain::credential::password::NewPassword;
use crate::ports::Ports;

/// Takes a place in the hash queue, before anything that the caller's password costs. It ages from
/// now, and not from the start of the request: the limiters and the body may have taken seconds.
///
/// # Errors
///
/// Returns [`ServiceError::Busy`] when too many wait.
pub fn queued<'a, P: Ports>(ctx: &Ctx<'a, P>) -> Result<HashTicket<'a>, ServiceError> {
    let place = ctx.service.hash_queue.enter(ctx.ports.now());
    place.ok_or(ServiceError::Busy)
}

/// Hashes the password when it is its turn. One hash.
///
/// # Errors
///
/// Returns [`ServiceError::Busy`] when the isolate has no memory for it, and
/// [`ServiceError::Internal`] without randomness.
pub async fn hash_password<P: Ports>(
    ctx: &Ctx<'_, P>,
    place: &HashTicket<'_>,
    new: &NewPassword,
) -> Result<StoredHash, ServiceError> {
    let hasher = &ctx.service.hasher;
    let salt = ctx.ports.random_bytes()?;
    let _turn = place.turn(ctx.ports, Line::Own, hasher.effort()).await?;
    Ok(hasher.hash(new, salt)?)
}

#[cfg(test)]
mod tests {
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
}
