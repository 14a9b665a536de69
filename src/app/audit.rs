//! Refusals in the audit log: written in the background, because nothing else is written with
//! them, and added up, so that whoever is refused cannot fill the log.
//!
//! What changes something is recorded by the stores, in the transaction of the change.

use core::cell::RefCell;

use serde_json::json;

use super::Ctx;
use crate::domain::audit::AuditEvent;
use crate::domain::id::{TokenId, UserId};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{AuditLog, Background, Entropy, Log, Ports, Refused};

/// Refusals that cost nothing are written this often by an isolate, for each kind and user:
/// a flood of them must not become a flood of writes.
const WRITE_PAUSE: Seconds = Seconds::new(10);
/// Kinds and users that an isolate keeps count of; the one written longest ago goes first,
/// with what it had still to write.
const MAX_COUNTED: usize = 64;

/// Counts a refused password. It has cost a hash, and the throttle bounds how many there are:
/// each is written at once.
pub fn password_refused<P: Ports>(ctx: &Ctx<'_, P>, event: AuditEvent, user: Option<UserId>) {
    write(ctx, (event, user), 1);
}

/// Counts a request that was refused before it cost anything. What an isolate has counted and
/// not written when it ends is lost: the row says "at least".
pub fn request_refused<P: Ports>(ctx: &Ctx<'_, P>, event: AuditEvent, user: Option<UserId>) {
    if let Some(count) = ctx.service.refusals.add((event, user), ctx.now) {
        write(ctx, (event, user), count);
    }
}

fn write<P: Ports>(ctx: &Ctx<'_, P>, (event, user): (AuditEvent, Option<UserId>), count: u32) {
    // Without entropy the request fails anyway.
    let Ok(entry) = ctx.ports.entropy().bytes() else {
        return;
    };
    let refused = Refused {
        event,
        user,
        count,
        entry: TokenId::from_random(entry),
        trace: ctx.trace(),
    };
    let (audit, log) = (ctx.ports.audit().clone(), ctx.ports.log().clone());
    ctx.ports.background().run(async move {
        if let Err(error) = audit.add(&refused).await {
            log.line(&json!({
                "level": "error",
                "event": "audit.failure",
                "error.cause": error.to_string(),
            }));
        }
    });
}

/// What an isolate has counted.
#[derive(Default)]
pub struct Refusals(RefCell<Vec<Counted>>);

struct Counted {
    what: (AuditEvent, Option<UserId>),
    written_at: UnixSeconds,
    unwritten: u32,
}

impl Refusals {
    /// Counts one more; `Some` with how many there are to be written now.
    fn add(&self, what: (AuditEvent, Option<UserId>), now: UnixSeconds) -> Option<u32> {
        let mut all = self.0.borrow_mut();
        if let Some(counted) = all.iter_mut().find(|counted| counted.what == what) {
            counted.unwritten = counted.unwritten.saturating_add(1);
            if now < counted.written_at.plus(WRITE_PAUSE) {
                return None;
            }
            counted.written_at = now;
            return Some(core::mem::take(&mut counted.unwritten));
        }
        if all.len() >= MAX_COUNTED {
            let oldest = all.iter().map(|counted| counted.written_at).min();
            if let Some(at) = all
                .iter()
                .position(|counted| Some(counted.written_at) == oldest)
            {
                all.swap_remove(at);
            }
        }
        all.push(Counted {
            what,
            written_at: now,
            unwritten: 0,
        });
        Some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_COUNTED, Refusals};
    use crate::domain::audit::AuditEvent;
    use crate::domain::id::UserId;
    use crate::domain::time::UnixSeconds;

    const CROSS_SITE: (AuditEvent, Option<UserId>) = (AuditEvent::CrossSiteRefused, None);

    #[test]
    fn a_flood_is_written_once_in_ten_seconds_and_counted_whole() {
        let refusals = Refusals::default();
        let mut written = Vec::new();
        for millis in 0..25_000 {
            let now = UnixSeconds::new(1_000 + millis / 1_000);
            written.extend(refusals.add(CROSS_SITE, now));
        }
        assert_eq!(written, [1, 10_000, 10_000]);
    }

    #[test]
    fn kinds_and_users_are_counted_apart() {
        let refusals = Refusals::default();
        let now = UnixSeconds::new(1_000);
        let user = UserId::new(0, &[1; 10]);
        for what in [
            CROSS_SITE,
            (AuditEvent::Throttled, None),
            (AuditEvent::Throttled, Some(user)),
        ] {
            assert_eq!(refusals.add(what, now), Some(1));
            assert_eq!(refusals.add(what, now), None);
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let refusals = Refusals::default();
        for number in 0..1_000_u16 {
            let now = UnixSeconds::new(i64::from(number));
            let mut random = [0; 10];
            random[..2].copy_from_slice(&number.to_le_bytes());
            let user = Some(UserId::new(0, &random));
            assert_eq!(refusals.add((AuditEvent::Throttled, user), now), Some(1));
            assert!(refusals.0.borrow().len() <= MAX_COUNTED);
        }
        // The latest are still known.
        let mut random = [0; 10];
        random[..2].copy_from_slice(&999_u16.to_le_bytes());
        let latest = (AuditEvent::Throttled, Some(UserId::new(0, &random)));
        assert_eq!(refusals.add(latest, UnixSeconds::new(999)), None);
    }
}
