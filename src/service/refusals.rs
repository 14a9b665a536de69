//! Refusals in the audit log. They are written in the background, because nothing else is written
//! with them, and summed, so that a caller who is refused cannot fill the log.
//!
//! The triggers of `migrations/0003` and `migrations/0004` record what changes something, with the change.

use core::cell::RefCell;

use super::Ctx;
use crate::domain::audit::{AuditEvent, is_same_window};
use crate::domain::id::UserId;
use crate::domain::throttle::ThrottleKey;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::Ports;
use crate::store::audit::{self, Refused};

/// How often an isolate writes refusals that cost nothing, for each kind and account: a flood of
/// them must not become a flood of writes.
const WRITE_PAUSE: Seconds = Seconds::new(10);
/// The number of kinds and accounts that an isolate counts separately. Beyond it, those of one kind
/// are counted together, without an account.
const MAX_COUNTED: usize = 64;

/// Counts a refused password. It has cost a hash, and the throttle bounds the number of them, so
/// each is written at once.
pub fn password_refused<P: Ports>(ctx: &Ctx<'_, P>, event: AuditEvent, user: Option<UserId>) {
    let told = Told {
        event,
        user,
        count: 1,
    };
    write(ctx, &told);
}

/// Counts a request that was refused before it cost anything, together with those of all other
/// callers. Counts that an isolate has not written within the hour are lost: the row's count is a
/// minimum.
pub fn request_refused<P: Ports>(ctx: &Ctx<'_, P>, event: AuditEvent) {
    let what = Kind {
        event,
        account: None,
    };
    if let Some(due) = ctx.service.refusals.add(what, ctx.now) {
        let told = Told {
            event,
            user: None,
            count: due.count,
        };
        write(ctx, &told);
    }
}

/// Counts an attempt on an account that was throttled and cost nothing. An address that is not
/// registered is written as often as any other, so that the amount of work does not distinguish
/// them.
pub fn attempt_refused<P: Ports>(ctx: &Ctx<'_, P>, account: ThrottleKey, user: Option<UserId>) {
    let event = AuditEvent::Throttled;
    let what = Kind {
        event,
        account: Some(account),
    };
    if let Some(due) = ctx.service.refusals.add(what, ctx.now) {
        let told = Told {
            event,
            user: user.filter(|_| !due.is_shared),
            count: due.count,
        };
        write(ctx, &told);
    }
}

/// The refusals that are written.
struct Told {
    event: AuditEvent,
    user: Option<UserId>,
    count: u32,
}

fn write<P: Ports>(ctx: &Ctx<'_, P>, told: &Told) {
    let refused = Refused {
        event: told.event,
        user: told.user,
        count: told.count,
        trace: ctx.trace(),
    };
    let ports = ctx.ports.clone();
    ctx.ports.in_background(async move {
        if let Err(error) = audit::add(&ports, &refused).await {
            ports.error(
                "audit.failure",
                &[("error.cause", error.to_string().into())],
            );
        }
    });
}

/// The refusals that an isolate has counted.
#[derive(Default)]
pub struct Refusals(RefCell<Vec<Counted>>);

/// What is counted together.
#[derive(Clone, PartialEq, Eq)]
struct Kind {
    event: AuditEvent,
    /// `None` for refusals without an account, and for those that are no longer counted separately.
    account: Option<ThrottleKey>,
}

struct Counted {
    what: Kind,
    written_at: UnixSeconds,
    unwritten: u32,
}

/// What must be written now.
#[derive(Debug, PartialEq, Eq)]
struct Due {
    count: u32,
    /// Whether the count is not of one account.
    is_shared: bool,
}

impl Refusals {
    /// Counts one more refusal. Returns what must be written now, if anything.
    fn add(&self, mut what: Kind, now: UnixSeconds) -> Option<Due> {
        let mut all = self.0.borrow_mut();
        let is_recent = |counted: &Counted| now < counted.written_at.plus(WRITE_PAUSE);
        let is_full = all.len() >= MAX_COUNTED && all.iter().all(is_recent);
        if is_full && !all.iter().any(|counted| counted.what == what) {
            what.account = None;
        }
        let is_shared = what.account.is_none();
        if let Some(counted) = all.iter_mut().find(|counted| counted.what == what) {
            if is_recent(counted) {
                counted.unwritten = counted.unwritten.saturating_add(1);
                return None;
            }
            // They belong to an earlier hour and would be counted in the wrong row.
            let held_back = core::mem::take(&mut counted.unwritten);
            let held_back = if is_same_window(counted.written_at, now) {
                held_back
            } else {
                0
            };
            counted.written_at = now;
            let count = held_back.saturating_add(1);
            return Some(Due { count, is_shared });
        }
        if all.len() >= MAX_COUNTED {
            let oldest = all.iter().map(|counted| counted.written_at).min();
            let mut written = all.iter().map(|counted| Some(counted.written_at));
            if let Some(at) = written.position(|at| at == oldest) {
                all.swap_remove(at);
            }
        }
        all.push(Counted {
            what,
            written_at: now,
            unwritten: 0,
        });
        Some(Due {
            count: 1,
            is_shared,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Due, Kind, MAX_COUNTED, Refusals};
    use crate::domain::audit::AuditEvent;
    use crate::domain::identity::email::Email;
    use crate::domain::throttle::{ClientPrefix, ThrottleKeys};
    use crate::domain::time::UnixSeconds;

    const CROSS_SITE: Kind = Kind {
        event: AuditEvent::CrossSiteRefused,
        account: None,
    };
    const THROTTLED: Kind = Kind {
        event: AuditEvent::Throttled,
        account: None,
    };

    fn account(number: usize) -> Kind {
        let email = Email::parse(&format!("person{number}@example.org")).unwrap();
        let keys = ThrottleKeys::new([1; 32]).of_login(&email, ClientPrefix::parse(None));
        Kind {
            account: Some(keys.account),
            ..THROTTLED
        }
    }

    fn at(seconds: i64) -> UnixSeconds {
        UnixSeconds::new(7_200 + seconds)
    }

    #[test]
    fn a_flood_is_written_once_in_ten_seconds_and_counted_whole() {
        let refusals = Refusals::default();
        let mut written = Vec::new();
        for millis in 0..25_000 {
            let due = refusals.add(CROSS_SITE, at(millis / 1_000));
            written.extend(due.map(|due| due.count));
        }
        assert_eq!(written, [1, 10_000, 10_000]);
    }

    #[test]
    fn what_is_held_back_does_not_move_into_another_hour() {
        let refusals = Refusals::default();
        for _ in 0..5 {
            let _ = refusals.add(CROSS_SITE, at(0));
        }
        let due = refusals.add(CROSS_SITE, at(3_600));
        assert_eq!(due.map(|due| due.count), Some(1));
    }

    #[test]
    fn kinds_and_accounts_are_counted_apart() {
        let refusals = Refusals::default();
        for what in [CROSS_SITE, THROTTLED, account(1)] {
            let is_shared = what.account.is_none();
            let due = refusals.add(what.clone(), at(0));
            assert_eq!(
                due,
                Some(Due {
                    count: 1,
                    is_shared
                })
            );
            assert_eq!(refusals.add(what, at(0)), None);
        }
    }

    #[test]
    fn any_number_of_accounts_costs_a_bounded_number_of_writes() {
        let refusals = Refusals::default();
        let mut writes = 0;
        let mut counted = 0;
        for second in 0..100 {
            for number in 0..200 {
                let due = refusals.add(account(number), at(second));
                writes += usize::from(due.is_some());
                counted += due.map_or(0, |due| due.count);
            }
        }
        assert!(writes <= 11 * (MAX_COUNTED + 2), "{writes}");
        assert!(refusals.0.borrow().len() <= MAX_COUNTED + 1);
        assert!(counted > 5_000, "{counted}");
    }
}
