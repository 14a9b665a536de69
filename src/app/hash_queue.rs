//! How many requests may wait for the password hasher of an isolate.
//!
//! A hash blocks the isolate's one thread for about 35 ms. Requests beyond a bound are turned
//! away before they cost a database call or a hash, so that the ones that wait are served
//! soon and cheap requests are not stuck behind them.

use core::cell::{Cell, RefCell};

use crate::domain::time::{Seconds, UnixSeconds};

/// The most requests that may be on their way to a hash. At 35 ms each the last one waits a
/// little over two seconds.
pub const MAX_WAITING: usize = 64;
/// A ticket that is older belongs to a request that the platform has cancelled: a cancelled
/// request is not polled again, so its ticket is never handed back.
const TICKET_LIFETIME: Seconds = Seconds::new(30);

/// The requests on their way to a hash.
#[derive(Debug, Default)]
pub struct HashQueue {
    waiting: RefCell<Vec<(u64, UnixSeconds)>>,
    next: Cell<u64>,
}

/// A place in the queue, handed back when dropped.
#[must_use]
#[derive(Debug)]
pub struct HashTicket<'a> {
    queue: &'a HashQueue,
    number: u64,
}

impl HashQueue {
    /// Takes a place; `None` when all are taken.
    pub fn enter(&self, now: UnixSeconds) -> Option<HashTicket<'_>> {
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|(_, entered)| now < entered.plus(TICKET_LIFETIME));
        if waiting.len() >= MAX_WAITING {
            return None;
        }
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        waiting.push((number, now));
        Some(HashTicket {
            queue: self,
            number,
        })
    }
}

impl Drop for HashTicket<'_> {
    fn drop(&mut self) {
        self.queue
            .waiting
            .borrow_mut()
            .retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::{HashQueue, MAX_WAITING};
    use crate::domain::time::UnixSeconds;

    #[test]
    fn places_are_bounded_and_handed_back() {
        let queue = HashQueue::default();
        let now = UnixSeconds::new(0);
        let mut tickets: Vec<_> = (0..MAX_WAITING)
            .map(|_| queue.enter(now).unwrap())
            .collect();
        assert!(queue.enter(now).is_none());
        tickets.pop();
        assert!(queue.enter(now).is_some());
        drop(tickets);
        assert!(queue.waiting.borrow().is_empty());
    }

    #[test]
    fn a_ticket_that_is_never_handed_back_lapses() {
        let queue = HashQueue::default();
        for _ in 0..MAX_WAITING {
            core::mem::forget(queue.enter(UnixSeconds::new(0)));
        }
        assert!(queue.enter(UnixSeconds::new(29)).is_none());
        assert!(queue.enter(UnixSeconds::new(30)).is_some());
    }
}
