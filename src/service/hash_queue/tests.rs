use core::cell::{Cell, RefCell};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::{Crowded, FOREIGN_PER_CLIENT, HashQueue, HashTicket, HashTurn, Line, MAX_WAITING};
use crate::domain::credential::hashing::{Effort, HashCost};
use crate::domain::throttle::ClientPrefix;
use crate::domain::time::UnixSeconds;
use crate::ports::Timer;

const NOW: UnixSeconds = UnixSeconds::new(0);
const OURS: Effort = Effort {
    step_millis: 35,
    total_millis: 35,
};
/// Django's 1,200,000 rounds of PBKDF2.
const DJANGO: Effort = Effort {
    step_millis: 33,
    total_millis: 800,
};

/// A timer whose pauses last one poll each.
#[derive(Default)]
struct OnePoll {
    pauses: RefCell<Vec<u32>>,
    now: Cell<i64>,
}

impl Timer for OnePoll {
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.now.get())
    }

    async fn pause(&self, millis: u32) {
        self.pauses.borrow_mut().push(millis);
        let has_waited = Cell::new(false);
        core::future::poll_fn(|context| {
            if has_waited.replace(true) {
                Poll::Ready(())
            } else {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
    }
}

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<HashTurn<'a>, Crowded>> + 'a>>;

fn own<'a>(ticket: &'a HashTicket<'_>, timer: &'a OnePoll) -> Waiting<'a> {
    Box::pin(ticket.turn(timer, Line::Own, OURS))
}

fn client(number: usize) -> ClientPrefix {
    ClientPrefix::parse(Some(&format!("192.0.2.{number}")))
}

fn foreign<'a>(ticket: &'a HashTicket<'_>, timer: &'a OnePoll, from: usize) -> Waiting<'a> {
    Box::pin(ticket.turn(timer, Line::Foreign(client(from)), DJANGO))
}

fn is_pending(waiting: &mut Waiting<'_>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    waiting.as_mut().poll(&mut context).is_pending()
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
    assert!(queue.places.borrow().is_empty());
}

#[test]
fn there_are_fewer_places_for_costlier_hashes() {
    let capacity = |memory_kib: u32, iterations: u32| {
        let cost = HashCost {
            memory_kib,
            iterations,
        };
        HashQueue::for_hashes_of(cost.effort()).capacity
    };
    assert_eq!(
        HashQueue::for_hashes_of(HashCost::OWASP.effort()).capacity,
        MAX_WAITING
    );
    assert_eq!(capacity(7_168, 5), MAX_WAITING);
    assert_eq!(capacity(19_456, 4), 32);
    assert_eq!(capacity(47_104, 4), 13);
}

/// Whether the request was stopped before or in the line: no other request has to look.
#[test]
fn a_place_that_is_never_handed_back_lapses_in_seconds() {
    for are_in_line in [false, true] {
        let queue = HashQueue::default();
        let timer = OnePoll::default();
        let tickets: Vec<_> = (0..MAX_WAITING)
            .map(|_| queue.enter(NOW).unwrap())
            .collect();
        let mut stopped: Vec<_> = tickets.iter().map(|ticket| own(ticket, &timer)).collect();
        if are_in_line {
            assert!(stopped.iter_mut().all(is_pending));
        }
        assert!(queue.enter(UnixSeconds::new(4)).is_none());
        assert!(queue.enter(UnixSeconds::new(5)).is_some());
    }
}

#[test]
fn who_looks_keeps_the_place() {
    let queue = HashQueue::default();
    let timer = OnePoll::default();
    let (first, second) = (queue.enter(NOW).unwrap(), queue.enter(NOW).unwrap());
    // The first has the turn, and does not use it.
    let _turn = pollster::block_on(own(&first, &timer)).unwrap();
    let mut waiting = own(&second, &timer);
    for now in 0..5 {
        timer.now.set(now);
        assert!(is_pending(&mut waiting));
    }
    drop(queue.enter(UnixSeconds::new(8)));
    assert!(
        queue
            .places
            .borrow()
            .iter()
            .any(|place| place.number == second.number)
    );
}

#[test]
fn who_is_alone_does_not_pause() {
    let queue = HashQueue::default();
    let timer = OnePoll::default();
    let ticket = queue.enter(NOW).unwrap();
    drop(pollster::block_on(own(&ticket, &timer)));
    assert!(timer.pauses.borrow().is_empty());
    assert!(
        queue
            .places
            .borrow()
            .iter()
            .all(|place| place.standing.is_none())
    );
}

#[test]
fn turns_go_in_order_with_a_pause_before_each() {
    let queue = HashQueue::default();
    let timer = OnePoll::default();
    let mut context = Context::from_waker(Waker::noop());
    let (first, second) = (queue.enter(NOW).unwrap(), queue.enter(NOW).unwrap());
    let mut first_turn = own(&first, &timer);
    let mut second_turn = own(&second, &timer);
    assert!(is_pending(&mut first_turn) && is_pending(&mut second_turn));
    let Poll::Ready(turn) = first_turn.as_mut().poll(&mut context) else {
        panic!("the head has waited once");
    };
    // The second looks, sees the first at its hash, and looks again later.
    assert!(is_pending(&mut second_turn));
    drop(turn);
    // It has been woken, and pauses once more at the head.
    assert!(is_pending(&mut second_turn));
    assert!(!is_pending(&mut second_turn));
    assert_eq!(*timer.pauses.borrow(), [1, 21, 21, 1]);
}

#[test]
fn a_second_hash_of_a_request_comes_before_those_that_came_later() {
    let queue = HashQueue::default();
    let timer = OnePoll::default();
    let (first, second) = (queue.enter(NOW).unwrap(), queue.enter(NOW).unwrap());
    drop(pollster::block_on(own(&first, &timer)));
    let mut later = own(&second, &timer);
    assert!(is_pending(&mut later));
    let mut again = own(&first, &timer);
    assert!(is_pending(&mut again) && !is_pending(&mut again));
}

#[test]
fn stopped_requests_do_not_hold_the_line() {
    let queue = HashQueue::default();
    let timer = OnePoll::default();
    let tickets: Vec<_> = (0..11).map(|_| queue.enter(NOW).unwrap()).collect();
    let mut turns: Vec<_> = tickets.iter().map(|ticket| own(ticket, &timer)).collect();
    let mut alive = turns.pop().unwrap();
    assert!(turns.iter_mut().all(is_pending));
    timer.pauses.borrow_mut().clear();
    let has_turn = (0..1_000).any(|_| !is_pending(&mut alive));
    let waited: u32 = timer.pauses.borrow().iter().sum();
    assert!(has_turn);
    assert!(waited < 2_100, "{waited} ms");
}

/// Twenty costly hashes of as many clients wait, and one login has an own hash.
#[test]
fn hashes_of_other_systems_do_not_hold_up_ours() {
    let queue = HashQueue::default();
    let timer = OnePoll::default();
    let tickets: Vec<_> = (0..3).map(|_| queue.enter(NOW).unwrap()).collect();
    let mut costly: Vec<_> = tickets[..2]
        .iter()
        .enumerate()
        .map(|(from, ticket)| foreign(ticket, &timer, from))
        .collect();
    assert!(costly.iter_mut().all(is_pending));
    let mut ours = own(&tickets[2], &timer);
    assert!(is_pending(&mut ours));
    assert!(!is_pending(&mut ours), "nobody is ahead in its line");
}

/// Between a step of the other line and a turn, cheap requests are served.
#[test]
fn a_pause_that_the_other_lines_step_filled_is_repeated_once() {
    let queue = HashQueue::default();
    let timer = OnePoll::default();
    let tickets: Vec<_> = (0..2).map(|_| queue.enter(NOW).unwrap()).collect();
    let mut ours = own(&tickets[0], &timer);
    assert!(is_pending(&mut ours));
    let mut costly = foreign(&tickets[1], &timer, 1);
    assert!(is_pending(&mut costly) && !is_pending(&mut costly));
    timer.pauses.borrow_mut().clear();
    assert!(is_pending(&mut ours), "the step has taken up its pause");
    assert_eq!(*timer.pauses.borrow(), [1]);
    queue.turns.set(queue.turns.get() + 1);
    assert!(!is_pending(&mut ours), "no line is kept from its turn");
}

#[test]
fn a_client_has_two_places_for_costly_hashes_and_others_get_theirs() {
    let queue = HashQueue::default();
    let timer = OnePoll::default();
    let tickets: Vec<_> = (0..12).map(|_| queue.enter(NOW).unwrap()).collect();
    let mut greedy: Vec<_> = tickets[..10]
        .iter()
        .map(|ticket| foreign(ticket, &timer, 1))
        .collect();
    let waiting = greedy
        .iter_mut()
        .filter_map(|turn| is_pending(turn).then_some(()))
        .count();
    assert_eq!(waiting, FOREIGN_PER_CLIENT);
    // The two take 1.6 of 2.24 s.
    let mut other = Box::pin(tickets[10].turn(&timer, Line::Foreign(client(2)), OURS));
    let mut context = Context::from_waker(Waker::noop());
    assert!(other.as_mut().poll(&mut context).is_pending());
    // The sum of all of them is bounded too.
    let mut third = foreign(&tickets[11], &timer, 3);
    assert!(matches!(
        third.as_mut().poll(&mut context),
        Poll::Ready(Err(Crowded))
    ));
}

#[test]
fn a_hash_that_is_begun_pauses_for_as_long_as_each_step_took_and_needs_no_new_room() {
    let queue = HashQueue::default();
    let timer = OnePoll::default();
    let ticket = queue.enter(NOW).unwrap();
    drop(pollster::block_on(foreign(&ticket, &timer, 1)).unwrap());
    assert!(timer.pauses.borrow().is_empty());
    drop(pollster::block_on(foreign(&ticket, &timer, 1)).unwrap());
    assert_eq!(*timer.pauses.borrow(), [20, 13]);
}

#[test]
fn a_long_step_is_followed_by_a_pause_of_three_times_its_length() {
    let queue = HashQueue::default();
    let timer = OnePoll::default();
    let long = Effort {
        step_millis: 177,
        total_millis: 177,
    };
    let turn = || async {
        let ticket = queue.enter(NOW).unwrap();
        drop(
            ticket
                .turn(&timer, Line::Foreign(client(1)), long)
                .await
                .unwrap(),
        );
    };
    pollster::block_on(turn());
    assert!(timer.pauses.borrow().is_empty());
    pollster::block_on(turn());
    assert!(timer.pauses.borrow().iter().sum::<u32>() >= 3 * 177);
    // It is over when nobody has waited, too.
    for (now, rests) in [(1, true), (3, false)] {
        timer.now.set(now);
        timer.pauses.borrow_mut().clear();
        pollster::block_on(turn());
        assert_eq!(!timer.pauses.borrow().is_empty(), rests, "after {now} s");
    }
    // Own hashes do not wait for it.
    timer.pauses.borrow_mut().clear();
    let ticket = queue.enter(NOW).unwrap();
    drop(pollster::block_on(own(&ticket, &timer)).unwrap());
    assert!(timer.pauses.borrow().is_empty());
}

#[test]
fn who_waits_for_ten_seconds_is_turned_away() {
    let queue = HashQueue::default();
    let timer = OnePoll::default();
    let (first, second) = (queue.enter(NOW).unwrap(), queue.enter(NOW).unwrap());
    let _turn = pollster::block_on(own(&first, &timer)).unwrap();
    let mut waiting = own(&second, &timer);
    assert!(is_pending(&mut waiting));
    timer.now.set(10);
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(
        waiting.as_mut().poll(&mut context),
        Poll::Ready(Err(Crowded))
    ));
}
