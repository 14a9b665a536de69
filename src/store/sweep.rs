//! The clean-up. It finds rows that nothing can refer to any more by reading the tables by key, in
//! bounded steps. An index would cost a written row for each insert; reading a row costs a
//! thousandth of that.

mod statements;

use super::log_in::ENDED_KEPT;
use super::outbox::{KEPT as GIVEN_UP_KEPT, TRIED_FOR};
use super::{result, row};
use crate::domain::throttle::ATTEMPTS_KEPT;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// How long a count of mails without another one is kept. Its window is an hour.
const MAIL_COUNTS_KEPT: Seconds = Seconds::new(3_600);
/// How long a device is remembered after its last login.
const SEEN_LOGINS_KEPT: Seconds = Seconds::new(180 * 86_400);
/// How long a pass is the current one, in seconds. In a pass each table is read once, by as many runs
/// as that takes.
const PASS: i64 = 3_600;

/// A table that the clean-up sweeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// Sessions that ended a while ago, or have expired.
    Sessions,
    /// Counters without an attempt for a day.
    Attempts,
    /// Audit events beyond the retention.
    Events,
    /// One-time tokens that have expired.
    Tokens,
    /// Requests to log in by mail that have expired.
    LoginRequests,
    /// Counts of mails without one for an hour.
    MailCounts,
    /// Mails that were given up a week ago, and those that nobody has tried, such as while mails are
    /// off.
    Mails,
    /// Addresses that need not rest any more.
    RestingAddresses,
    /// Devices that have not been seen for half a year.
    SeenLogins,
}

impl Swept {
    /// Every table.
    pub const ALL: [Self; 9] = [
        Self::Attempts,
        Self::Sessions,
        Self::Events,
        Self::Tokens,
        Self::LoginRequests,
        Self::MailCounts,
        Self::Mails,
        Self::RestingAddresses,
        Self::SeenLogins,
    ];

    /// Returns the name of the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Attempts => "attempts",
            Self::Events => "audit_log",
            Self::Tokens => "one_time_tokens",
            Self::LoginRequests => "login_requests",
            Self::MailCounts => "mail_counts",
            Self::Mails => "outbox",
            Self::RestingAddresses => "resting_addresses",
            Self::SeenLogins => "seen_logins",
        }
    }
}

/// The last key that a step has read, as a JSON array of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position(String);

impl Position {
    /// Returns the position before the first row.
    #[must_use]
    pub fn start() -> Self {
        Self(r#"["",0]"#.to_owned())
    }

    /// Reads a position that a step has kept. `None`: the table has been read in this pass.
    fn read(kept: String, now: UnixSeconds) -> Option<Self> {
        if kept == end_of_pass(now) {
            None
        } else if kept.starts_with('[') {
            Some(Self(kept))
        } else {
            Some(Self::start())
        }
    }
}

/// Returns what a table's position is when the current pass has read it: the number of the pass.
fn end_of_pass(now: UnixSeconds) -> String {
    now.get().div_euclid(PASS).to_string()
}

/// The result of a step.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many rows it has deleted.
    pub removed: usize,
    /// Where the next step continues. `None` at the end of the table.
    pub next: Option<Position>,
}

const READ_POSITIONS: Statement =
    Statement::new("/* read positions */ SELECT swept, position FROM sweeps");

/// Returns the tables that the current pass has not read to their end, each with the position where it
/// continues. One round trip.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn unfinished(
    database: &impl Database,
    now: UnixSeconds,
) -> Result<Vec<(Swept, Position)>, StoreError> {
    let results = database.run(&Batch::new(&[], [READ_POSITIONS])).await?;
    let kept = row::all(result(&results, 0)?, |row| {
        Ok((row.text("swept")?, row.text("position")?))
    })?;
    let position = |swept: Swept| {
        let mut kept = kept.iter();
        match kept.find(|(table, _)| table == swept.as_str()) {
            Some((_, position)) => Position::read(position.clone(), now),
            None => Some(Position::start()),
        }
    };
    let tables = Swept::ALL.into_iter();
    Ok(tables
        .filter_map(|swept| Some((swept, position(swept)?)))
        .collect())
}

/// The times from which rows are dead.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    /// The time of the run.
    pub now: UnixSeconds,
    /// Audit events from before this time are deleted.
    pub events_before: UnixSeconds,
}

/// Reads the `rows` rows behind a position, deletes the dead ones among them, and keeps the position
/// that [`unfinished`] returns next. One round trip, which reads about twice `rows` rows.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn step(
    database: &impl Database,
    swept: Swept,
    from: &Position,
    rows: u32,
    horizon: Horizon,
) -> Result<Step, StoreError> {
    let before = match swept {
        Swept::Sessions => horizon.now.minus(ENDED_KEPT),
        Swept::Attempts => horizon.now.minus(ATTEMPTS_KEPT),
        Swept::Events => horizon.events_before,
        Swept::MailCounts => horizon.now.minus(MAIL_COUNTS_KEPT),
        Swept::Mails => horizon.now.minus(GIVEN_UP_KEPT),
        Swept::SeenLogins => horizon.now.minus(SEEN_LOGINS_KEPT),
        Swept::Tokens | Swept::LoginRequests | Swept::RestingAddresses => horizon.now,
    };
    let params: [Param<'_>; 6] = [
        horizon.now.get().into(),
        rows.into(),
        from.0.as_str().into(),
        before.get().into(),
        end_of_pass(horizon.now).into(),
        before.minus(TRIED_FOR).get().into(),
    ];
    let statements = statements::of(swept);
    let results = database.run(&Batch::new(&params, statements)).await?;
    let kept = row::first(result(&results, 0)?, |row| row.text("position"))?;
    Ok(Step {
        removed: result(&results, 1)?.changes(),
        next: kept.and_then(|kept| Position::read(kept, horizon.now)),
    })
}
