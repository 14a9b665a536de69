//! How many requests may wait for the password hasher of an isolate, and in which order they
//! get to it.
//!
//! A hash blocks the isolate's one thread for about 35 ms. So requests beyond a bound are
//! turned away before they cost a database call or a hash; and those that wait take turns
//! with a pause before each, in which the event loop serves everything that is cheap: without
//! it, a burst of logins would run its hashes back to back.

use core::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::Timer;

/// The most requests that may be on their way to a hash. At 35 ms each the last one waits a
/// little over two seconds.
pub const MAX_WAITING: usize = 64;
/// A ticket that is older belongs to a request that the platform has cancelled: a cancelled
/// request is not polled again, so its ticket is never handed back.
const TICKET_LIFETIME: Seconds = Seconds::new(30);
/// The pause before a turn, and the shortest between two looks at the line.
const PAUSE_MILLIS: u32 = 1;
/// What one place in the line adds to the pause between two looks: somewhat less than a hash
/// takes.
const PAUSE_PER_PLACE_MILLIS: u32 = 20;
/// Places beyond this one do not add to the pause: everybody looks at least every 101 ms.
const MAX_COUNTED_PLACES: u32 = 5;
/// Who has not looked while somebody behind has looked this often, for 210 ms or more, has
/// been cancelled.
const LOOKS_TO_LIVE: u32 = 10;

/// The requests on their way to a hash.
#[derive(Debug, Default)]
pub struct HashQueue {
    /// All of them, with the time of entry.
    waiting: RefCell<Vec<(u64, UnixSeconds)>>,
    /// Those that are ready to hash, in the order in which they became so.
    line: RefCell<VecDeque<Place>>,
    next: Cell<u64>,
}

/// Somebody in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    number: u64,
    /// How often they have looked: a sign of life.
    looks: u32,
}

/// A place in the queue, handed back when dropped.
#[must_use]
#[derive(Debug)]
pub struct HashTicket<'a> {
    queue: &'a HashQueue,
    number: u64,
}

/// The turn to compute one hash, at once; handed back when dropped.
#[must_use]
#[derive(Debug)]
pub struct HashTurn<'a>(&'a HashTicket<'a>);

impl HashQueue {
    /// Takes a place; `None` when all are taken.
    pub fn enter(&self, now: UnixSeconds) -> Option<HashTicket<'_>> {
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|(_, entered)| now < entered.plus(TICKET_LIFETIME));
        self.line.borrow_mut().retain(|place| {
            let is_waiting = |(number, _): &(u64, UnixSeconds)| *number == place.number;
            waiting.iter().any(is_waiting)
        });
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

    fn leave_line(&self, number: u64) {
        self.line
            .borrow_mut()
            .retain(|place| place.number != number);
    }

    /// Shows a sign of life, and tells how many are ahead.
    fn look(&self, number: u64) -> u32 {
        let mut line = self.line.borrow_mut();
        let own = line.iter().position(|place| place.number == number);
        if let Some(place) = own.and_then(|own| line.get_mut(own)) {
            place.looks = place.looks.wrapping_add(1);
        }
        // Whoever was taken for dead goes ahead.
        u32::try_from(own.unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// Drops those ahead of `number` who stand there just as they did in `before`, and tells
    /// who is ahead now.
    fn drop_dead(&self, number: u64, before: &[Place]) -> Vec<Place> {
        let mut line = self.line.borrow_mut();
        line.retain(|place| !before.contains(place));
        let ahead = line.iter().take_while(|place| place.number != number);
        ahead.copied().collect()
    }
}

impl HashTicket<'_> {
    /// Waits for the turn. A request that is alone in the isolate does not wait at all.
    ///
    /// The line is looked at, not signalled: a Worker must not await what another request
    /// resolves.
    pub async fn turn(&self, timer: &impl Timer) -> HashTurn<'_> {
        let queue = self.queue;
        queue.line.borrow_mut().push_back(Place {
            number: self.number,
            looks: 0,
        });
        if queue.waiting.borrow().len() <= 1 {
            return HashTurn(self);
        }
        let mut seen = Vec::new();
        for looks in 0_u32.. {
            if looks.is_multiple_of(LOOKS_TO_LIVE) {
                seen = queue.drop_dead(self.number, &seen);
            }
            let ahead = queue.look(self.number);
            // At the head too: the pause is what lets cheap requests through.
            let places = ahead.min(MAX_COUNTED_PLACES);
            timer
                .pause(PAUSE_MILLIS + places * PAUSE_PER_PLACE_MILLIS)
                .await;
            if ahead == 0 {
                break;
            }
        }
        HashTurn(self)
    }
}

impl Drop for HashTurn<'_> {
    fn drop(&mut self) {
        self.0.queue.leave_line(self.0.number);
    }
}

impl Drop for HashTicket<'_> {
    fn drop(&mut self) {
        self.queue.leave_line(self.number);
        self.queue
            .waiting
            .borrow_mut()
            .retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use core::cell::{Cell, RefCell};
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    use super::{HashQueue, MAX_WAITING};
    use crate::domain::time::UnixSeconds;
    use crate::ports::Timer;

    const NOW: UnixSeconds = UnixSeconds::new(0);

    /// Each pause lasts one poll.
    #[derive(Default)]
    struct OnePoll {
        pauses: RefCell<Vec<u32>>,
    }

    impl Timer for OnePoll {
        fn now(&self) -> UnixSeconds {
            NOW
        }

        async fn pause(&self, millis: u32) {
            self.pauses.borrow_mut().push(millis);
            let has_waited = Cell::new(false);
            core::future::poll_fn(|_| {
                if has_waited.replace(true) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        }
    }

    #[test]
    fn places_are_bounded_and_handed_back() {
        let queue = HashQueue::default();
        let mut tickets: Vec<_> = (0..MAX_WAITING)
            .map(|_| queue.enter(NOW).unwrap())
            .collect();
        assert!(queue.enter(NOW).is_none());
        tickets.pop();
        assert!(queue.enter(NOW).is_some());
        drop(tickets);
        assert!(queue.waiting.borrow().is_empty());
    }

    #[test]
    fn a_ticket_that_is_never_handed_back_lapses() {
        let queue = HashQueue::default();
        for _ in 0..MAX_WAITING {
            core::mem::forget(queue.enter(NOW));
        }
        assert!(queue.enter(UnixSeconds::new(29)).is_none());
        assert!(queue.enter(UnixSeconds::new(30)).is_some());
    }

    #[test]
    fn who_is_alone_does_not_pause() {
        let queue = HashQueue::default();
        let timer = OnePoll::default();
        let ticket = queue.enter(NOW).unwrap();
        drop(pollster::block_on(ticket.turn(&timer)));
        assert!(timer.pauses.borrow().is_empty());
        assert!(queue.line.borrow().is_empty());
    }

    #[test]
    fn turns_go_in_order_with_a_pause_before_each() {
        let queue = HashQueue::default();
        let timer = OnePoll::default();
        let mut context = Context::from_waker(Waker::noop());
        let (first, second) = (queue.enter(NOW).unwrap(), queue.enter(NOW).unwrap());
        let mut first_turn = pin!(first.turn(&timer));
        let mut second_turn = pin!(second.turn(&timer));
        assert!(first_turn.as_mut().poll(&mut context).is_pending());
        assert!(second_turn.as_mut().poll(&mut context).is_pending());
        let Poll::Ready(turn) = first_turn.as_mut().poll(&mut context) else {
            panic!("the head has waited once");
        };
        // The second looks, sees the first at its hash, and looks again later.
        assert!(second_turn.as_mut().poll(&mut context).is_pending());
        drop(turn);
        // It has been woken, and pauses once more at the head.
        assert!(second_turn.as_mut().poll(&mut context).is_pending());
        assert!(second_turn.as_mut().poll(&mut context).is_ready());
        assert_eq!(*timer.pauses.borrow(), [1, 21, 21, 1]);
    }

    #[test]
    fn cancelled_requests_do_not_hold_the_line() {
        let queue = HashQueue::default();
        let timer = OnePoll::default();
        let mut context = Context::from_waker(Waker::noop());
        let tickets: Vec<_> = (0..11).map(|_| queue.enter(NOW).unwrap()).collect();
        let mut turns: Vec<_> = tickets
            .iter()
            .map(|ticket| Box::pin(ticket.turn(&timer)))
            .collect();
        let alive = turns.pop();
        for dead in &mut turns {
            assert!(dead.as_mut().poll(&mut context).is_pending());
        }
        timer.pauses.borrow_mut().clear();
        let mut alive = alive.unwrap();
        let has_turn = (0..1_000).any(|_| alive.as_mut().poll(&mut context).is_ready());
        let waited: u32 = timer.pauses.borrow().iter().sum();
        assert!(has_turn);
        assert!(waited < 2_100, "{waited} ms");
    }

    #[test]
    fn tickets_that_have_lapsed_leave_the_line() {
        let queue = HashQueue::default();
        let timer = OnePoll::default();
        let mut context = Context::from_waker(Waker::noop());
        let (one, other) = (queue.enter(NOW).unwrap(), queue.enter(NOW).unwrap());
        let mut dead = [Box::pin(one.turn(&timer)), Box::pin(other.turn(&timer))];
        for turn in &mut dead {
            assert!(turn.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(queue.line.borrow().len(), 2);
        let later = queue.enter(UnixSeconds::new(30)).unwrap();
        assert!(queue.line.borrow().is_empty());
        drop(later);
    }
}
