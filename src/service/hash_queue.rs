//! How many requests may wait for the password hasher of an isolate, and in which order they
//! get to it.
//!
//! A hash blocks the isolate's one thread, ours for about 35 ms. So requests beyond a bound are
//! turned away before they cost a database call or a hash; and those that wait take turns
//! with a pause before each, in which the event loop serves everything that is cheap: without
//! it, a burst of logins would run its hashes back to back.
//!
//! There are two lines. Hashes of other systems may take twenty times as long as ours: they go
//! in steps, and stand in a line of their own. The first of one line and the first of the other
//! get to the thread in turns, so a login with one of our hashes waits for one step of another
//! system's at most before each that it has to wait for anyway.

use core::cell::{Cell, RefCell};

use crate::domain::credential::hashing::Effort;
use crate::domain::throttle::ClientPrefix;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::Timer;

/// The most requests that may be on their way to a hash of the default cost. At 35 ms each the
/// last one waits a little over two seconds. (With a higher cost there are fewer.)
pub const MAX_WAITING: usize = 64;
/// The fewest places at the highest cost.
const LEAST_WAITING: usize = 12;
/// What all waiting hashes of ours may take together.
const OWN_MILLIS: u32 = 64 * 35;
/// What all waiting hashes of other systems may take together, unless there is but one.
const FOREIGN_MILLIS: u32 = 64 * 35;
/// Of those that wait for another system's hash, the most from one client: it leaves room for
/// others, however costly the hashes are that it asks for.
const FOREIGN_PER_CLIENT: usize = 2;
/// The line of other systems' hashes pauses after each step, for as long as the step has taken:
/// half of the isolate's time at least is everybody else's.
const REST_PER_STEP: u32 = 1;
/// After a step that takes longer than this it pauses for three times as long: of the time, at most
/// a quarter goes into steps that make somebody wait for a fifth of a second.
const LONG_STEP_MILLIS: u32 = 50;
const REST_PER_LONG_STEP: u32 = 3;
/// A request that has not got its turn this long after taking its place is turned away.
const PATIENCE: Seconds = Seconds::new(10);
/// A place without a sign of life for this long belongs to a request that the platform has
/// stopped: it is not polled again, so the place is never handed back. The database answers
/// within three seconds.
const LIFETIME: Seconds = Seconds::new(5);
/// The pause before a turn, and the shortest between two looks at the line.
const PAUSE_MILLIS: u32 = 1;
/// What one place in the line adds to the pause between two looks: somewhat less than a hash
/// takes.
const PAUSE_PER_PLACE_MILLIS: u32 = 20;
/// Places beyond this one do not add to the pause: everybody looks at least every 101 ms.
const MAX_COUNTED_PLACES: u32 = 5;
/// Who has not looked while somebody behind has looked this often, for 210 ms or more, has
/// been stopped.
const LOOKS_TO_LIVE: u32 = 10;

/// The requests on their way to a hash.
#[derive(Debug)]
pub struct HashQueue {
    /// In the order of their entry, which is the order of their turns.
    places: RefCell<Vec<Place>>,
    capacity: usize,
    next: Cell<u64>,
    /// How long the line of other systems' hashes still pauses.
    foreign_rest_millis: Cell<u32>,
}

/// The line that a request stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// For one of our hashes.
    Own,
    /// For a step of a hash of another system, or of another cost.
    Foreign(ClientPrefix),
}

#[derive(Clone, Copy, Debug)]
struct Place {
    number: u64,
    /// The last sign of life.
    seen: UnixSeconds,
    /// The line, while the request stands in one, and how often it has looked.
    standing: Option<(Line, u32)>,
    /// What another system's hash still takes, from its first step to the end of the request.
    foreign: Option<(ClientPrefix, u32)>,
}

/// There are too many before this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowded;

/// A place in the queue, handed back when dropped.
#[must_use]
#[derive(Debug)]
pub struct HashTicket<'a> {
    queue: &'a HashQueue,
    number: u64,
    entered: UnixSeconds,
}

/// The turn to compute one step, at once; handed back when dropped.
#[must_use]
#[derive(Debug)]
pub struct HashTurn<'a>(&'a HashTicket<'a>);

impl Default for HashQueue {
    fn default() -> Self {
        Self::with_capacity(MAX_WAITING)
    }
}

impl HashQueue {
    /// A queue for hashes that take this long.
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
        }
    }

    /// Takes a place; `None` when all are taken.
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

    /// Does something to a place, if it has not been taken for dead.
    fn with_place(&self, number: u64, change: impl FnOnce(&mut Place)) {
        let mut places = self.places.borrow_mut();
        if let Some(place) = places.iter_mut().find(|place| place.number == number) {
            change(place);
        }
    }

    /// Lets a hash of another system in, if all that wait leave room for it.
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

    /// Those ahead in the same line, with the number of their looks. Nobody is ahead of a request
    /// that was taken for dead.
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

    /// Drops the places that stand just as they did in `before`.
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
    /// isolate does not wait at all, but between two steps.
    ///
    /// The line is looked at, not signalled: a Worker must not await what another request
    /// resolves.
    ///
    /// # Errors
    ///
    /// [`Crowded`] when the line has no room for another system's hash, or when the turn does
    /// not come in time.
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
        if !is_alone || is_next_step || queue.is_resting(line) {
            self.wait(timer, line).await?;
        }
        if matches!(line, Line::Foreign(_)) {
            let is_long = effort.step_millis > LONG_STEP_MILLIS;
            let factor = if is_long {
                REST_PER_LONG_STEP
            } else {
                REST_PER_STEP
            };
            queue.foreign_rest_millis.set(effort.step_millis * factor);
        }
        Ok(turn)
    }

    async fn wait(&self, timer: &impl Timer, line: Line) -> Result<(), Crowded> {
        let (queue, number) = (self.queue, self.number);
        let mut seen = Vec::new();
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
            // At the head too: the pause is what lets cheap requests through.
            let places = u32::try_from(ahead.len()).unwrap_or(u32::MAX);
            let pause = PAUSE_MILLIS + places.min(MAX_COUNTED_PLACES) * PAUSE_PER_PLACE_MILLIS;
            let rest = queue.take_rest(line, ahead.is_empty());
            timer.pause(pause.max(rest)).await;
            if ahead.is_empty() && !queue.is_resting(line) {
                break;
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

    /// A part of the rest, for the first in the line: short enough to go on looking.
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
