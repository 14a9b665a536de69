//! The hash queue: how many requests may wait for the password hasher of an isolate, and in which
//! order they get to it.
//!
//! A hash blocks the isolate's one thread, an own one for about 35 ms. So requests beyond a bound
//! are refused before they cost a database call or a hash. Those that wait take turns, with a pause
//! before each turn in which the event loop serves everything that is cheap. Without the pause, a
//! burst of logins would run its hashes back to back.
//!
//! There are two lines. A hash of another system may take twenty times as long as an own one: it is
//! computed in steps, and waits in a separate line. The heads of the two lines take turns, so a
//! login with an own hash waits for at most one foreign step before each own hash ahead of it.

use core::cell::{Cell, RefCell};

use crate::domain::credential::hashing::Effort;
use crate::domain::throttle::ClientPrefix;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::Timer;

/// The most requests that may be on their way to a hash of the default cost. At 35 ms each, the
/// last one waits a little over two seconds. (A higher cost allows fewer.)
pub const MAX_WAITING: usize = 64;
/// The fewest places, at the highest cost.
const LEAST_WAITING: usize = 12;
/// The time that all waiting own hashes may take together.
const OWN_MILLIS: u32 = 64 * 35;
/// The time that all waiting foreign hashes may take together. A single one may exceed it.
const FOREIGN_MILLIS: u32 = 64 * 35;
/// The most foreign hashes that may wait for one client. It leaves room for other clients, however
/// costly the hashes are.
const FOREIGN_PER_CLIENT: usize = 2;
/// The foreign line pauses after each step, for as long as the step has taken: at least half of the
/// isolate's time remains for other requests.
const REST_PER_STEP: u32 = 1;
/// After a step that takes longer than this, the foreign line pauses for three times as long: at
/// most a quarter of the time is spent on steps that block other requests for a fifth of a second.
const LONG_STEP_MILLIS: u32 = 50;
const REST_PER_LONG_STEP: u32 = 3;
/// No rest is longer: 531 ms after the longest step, and the step itself, which the clock does not
/// show. A clock of whole seconds may be early by one.
const LONGEST_REST: Seconds = Seconds::new(2);
/// A request whose turn has not come this long after it took its place is refused.
const PATIENCE: Seconds = Seconds::new(10);
/// A place without a sign of life for this long belongs to a request that the platform has stopped:
/// the request is not polled again, so the place is never returned. The database answers within
/// three seconds.
const LIFETIME: Seconds = Seconds::new(5);
/// The pause before a turn, and the shortest pause between two looks at the line.
const PAUSE_MILLIS: u32 = 1;
/// How much each place ahead adds to the pause between two looks: somewhat less than a hash takes.
const PAUSE_PER_PLACE_MILLIS: u32 = 20;
/// Places beyond this number do not add to the pause: every request looks at least every 101 ms.
const MAX_COUNTED_PLACES: u32 = 5;
/// A request has been stopped if it has not looked while one behind it has looked this often, for
/// 210 ms or more.
const LOOKS_TO_LIVE: u32 = 10;

/// The requests on their way to a hash.
#[derive(Debug)]
pub struct HashQueue {
    /// In the order of their entry, which is the order of their turns.
    places: RefCell<Vec<Place>>,
    capacity: usize,
    next: Cell<u64>,
    /// How much longer the foreign line pauses, and since when: with nobody waiting, it has paused
    /// as well.
    foreign_rest_millis: Cell<u32>,
    resting_since: Cell<UnixSeconds>,
    /// How many turns there have been.
    turns: Cell<u64>,
}

/// The line in which a request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// For an own hash.
    Own,
    /// For a step of a hash of another system, or of another cost.
    Foreign(ClientPrefix),
}

#[derive(Clone, Copy, Debug)]
struct Place {
    number: u64,
    /// The last sign of life.
    seen: UnixSeconds,
    /// The line, while the request waits in one, and how often it has looked.
    standing: Option<(Line, u32)>,
    /// The remaining time of a foreign hash, from its first step to the end of the request.
    foreign: Option<(ClientPrefix, u32)>,
}

/// The error for a request that has too many before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowded;

/// A place in the queue, returned when dropped.
#[must_use]
#[derive(Debug)]
pub struct HashTicket<'a> {
    queue: &'a HashQueue,
    number: u64,
    entered: UnixSeconds,
}

/// The turn to compute one step, at once. Returned when dropped.
#[must_use]
#[derive(Debug)]
pub struct HashTurn<'a>(&'a HashTicket<'a>);

impl Default for HashQueue {
    fn default() -> Self {
        Self::with_capacity(MAX_WAITING)
    }
}

impl HashQueue {
    /// Creates a queue for hashes that take this long.
    #[must_use]
    pub fn for_hashes_of(effort: Effort) -> Self {
        let places = OWN_MILLIS / effort.total_millis.max(1);
        Self::with_capacity((places as usize).clamp(LEAST_WAITING, MAX_WAITING))
    }

    fn with_capacity(capacity: usize) -> Self {
        Self {
            places: RefCell::default(),
            capacity,
            next: Cell::new(0),
            foreign_rest_millis: Cell::new(0),
            resting_since: Cell::new(UnixSeconds::new(0)),
            turns: Cell::new(0),
        }
    }

    /// Takes a place. `None` when all are taken.
    pub fn enter(&self, now: UnixSeconds) -> Option<HashTicket<'_>> {
        let mut places = self.places.borrow_mut();
        places.retain(|place| now < place.seen.plus(LIFETIME));
        if places.len() >= self.capacity {
            return None;
        }
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        places.push(Place {
            number,
            seen: now,
            standing: None,
            foreign: None,
        });
        Some(HashTicket {
            queue: self,
            number,
            entered: now,
        })
    }

    /// Changes a place, if it has not been dropped as dead.
    fn with_place(&self, number: u64, change: impl FnOnce(&mut Place)) {
        let mut places = self.places.borrow_mut();
        if let Some(place) = places.iter_mut().find(|place| place.number == number) {
            change(place);
        }
    }

    /// Admits a foreign hash, if those that wait leave room for it.
    fn admit(&self, number: u64, client: ClientPrefix, effort: Effort) -> Result<(), Crowded> {
        let (mut millis, mut of_client) = (0_u32, 0);
        for place in self
            .places
            .borrow()
            .iter()
            .filter(|place| place.number != number)
        {
            if let Some((other, left)) = place.foreign {
                millis = millis.saturating_add(left);
                of_client += usize::from(other == client);
            }
        }
        let has_room = millis == 0 || millis.saturating_add(effort.total_millis) <= FOREIGN_MILLIS;
        if !has_room || of_client >= FOREIGN_PER_CLIENT {
            return Err(Crowded);
        }
        self.with_place(number, |place| {
            place.foreign = Some((client, effort.total_millis));
        });
        Ok(())
    }

    /// Returns the requests ahead in the same line, with the number of their looks. A request that
    /// was dropped as dead is treated as first in line.
    fn ahead(&self, number: u64, line: Line) -> Vec<(u64, u32)> {
        let places = self.places.borrow();
        if places.iter().all(|place| place.number != number) {
            return Vec::new();
        }
        let before = places.iter().take_while(|place| place.number != number);
        before
            .filter_map(|place| match place.standing {
                Some((other, looks)) if other.is_same(line) => Some((place.number, looks)),
                _ => None,
            })
            .collect()
    }

    /// Drops the places that are unchanged since `before`.
    fn drop_dead(&self, before: &[(u64, u32)]) {
        self.places.borrow_mut().retain(|place| {
            let is_dead = |(number, looks): &(u64, u32)| {
                *number == place.number && place.standing.is_some_and(|(_, now)| now == *looks)
            };
            !before.iter().any(is_dead)
        });
    }
}

impl Line {
    const fn is_same(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Own, Self::Own) | (Self::Foreign(_), Self::Foreign(_))
        )
    }
}

impl HashTicket<'_> {
    /// Waits for the turn to compute the next step of `effort`. A request that is alone in the
    /// isolate does not wait, except between two steps.
    ///
    /// Requests look at the line instead of being signalled: a Worker must not await what another
    /// request resolves.
    ///
    /// # Errors
    ///
    /// Returns [`Crowded`] when the line has no room for a foreign hash, or when the turn does not
    /// come in time.
    pub async fn turn(
        &self,
        timer: &impl Timer,
        line: Line,
        effort: Effort,
    ) -> Result<HashTurn<'_>, Crowded> {
        let (queue, number) = (self.queue, self.number);
        let is_next_step = self.is_foreign();
        match line {
            Line::Foreign(client) if !is_next_step => queue.admit(number, client, effort)?,
            Line::Foreign(client) => queue.with_place(number, |place| {
                place.foreign = Some((client, effort.total_millis));
            }),
            Line::Own => {}
        }
        queue.with_place(number, |place| place.standing = Some((line, 0)));
        let turn = HashTurn(self);
        let is_alone = queue.places.borrow().len() <= 1;
        queue.end_rest(timer.now());
        if !is_alone || is_next_step || queue.is_resting(line) {
            self.wait(timer, line).await?;
        }
        queue.turns.set(queue.turns.get().wrapping_add(1));
        if matches!(line, Line::Foreign(_)) {
            let is_long = effort.step_millis > LONG_STEP_MILLIS;
            let factor = if is_long {
                REST_PER_LONG_STEP
            } else {
                REST_PER_STEP
            };
            queue.foreign_rest_millis.set(effort.step_millis * factor);
            queue.resting_since.set(timer.now());
        }
        Ok(turn)
    }

    async fn wait(&self, timer: &impl Timer, line: Line) -> Result<(), Crowded> {
        let (queue, number) = (self.queue, self.number);
        let mut seen = Vec::new();
        let mut has_given_way = false;
        for looks in 1_u32.. {
            let mut ahead = queue.ahead(number, line);
            if looks % LOOKS_TO_LIVE == 1 {
                queue.drop_dead(&seen);
                ahead = queue.ahead(number, line);
                seen.clone_from(&ahead);
            }
            let now = timer.now();
            if now >= self.entered.plus(PATIENCE) {
                return Err(Crowded);
            }
            queue.with_place(number, |place| {
                place.seen = now;
                place.standing = Some((line, looks));
            });
            // Also at the head of the line: the pause lets cheap requests through.
            let places = u32::try_from(ahead.len()).unwrap_or(u32::MAX);
            let pause = PAUSE_MILLIS + places.min(MAX_COUNTED_PLACES) * PAUSE_PER_PLACE_MILLIS;
            let rest = queue.take_rest(line, ahead.is_empty());
            let turns = queue.turns.get();
            timer.pause(pause.max(rest)).await;
            if ahead.is_empty() && !queue.is_resting(line) {
                // A pause that the other line's step has filled let nothing through. Once only, so
                // that neither line can keep the other from its turn.
                if turns == queue.turns.get() || has_given_way {
                    break;
                }
                has_given_way = true;
            }
        }
        Ok(())
    }

    fn is_foreign(&self) -> bool {
        let places = self.queue.places.borrow();
        let own = places.iter().find(|place| place.number == self.number);
        own.is_some_and(|place| place.foreign.is_some())
    }
}

impl HashQueue {
    fn is_resting(&self, line: Line) -> bool {
        matches!(line, Line::Foreign(_)) && self.foreign_rest_millis.get() > 0
    }

    /// Ends a rest that has lasted for as long as the longest one, in whole seconds of the clock.
    fn end_rest(&self, now: UnixSeconds) {
        if now >= self.resting_since.get().plus(LONGEST_REST) {
            self.foreign_rest_millis.set(0);
        }
    }

    /// Takes a part of the foreign line's rest, for its head: short enough to keep looking.
    fn take_rest(&self, line: Line, is_first: bool) -> u32 {
        if !is_first || !self.is_resting(line) {
            return 0;
        }
        let left = self.foreign_rest_millis.get();
        let part = left.min(PAUSE_PER_PLACE_MILLIS);
        self.foreign_rest_millis.set(left - part);
        part
    }
}

impl Drop for HashTurn<'_> {
    fn drop(&mut self) {
        let ticket = self.0;
        ticket
            .queue
            .with_place(ticket.number, |place| place.standing = None);
    }
}

impl Drop for HashTicket<'_> {
    fn drop(&mut self) {
        let mut places = self.queue.places.borrow_mut();
        places.retain(|place| place.number != self.number);
    }
}

#[cfg(test)]
mod tests;
