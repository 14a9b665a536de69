//! The clean-up. It finds rows that nothing can refer to any more by reading the tables by key, in
//! bounded steps. An index would cost a written row for each insert; reading a row costs a
//! thousandth of that.

use super::log_in::ENDED_KEPT;
use super::{first, result, row};
use crate::domain::throttle::ATTEMPTS_KEPT;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// How long a count of mails without another one is kept. Its window is an hour.
const MAIL_COUNTS_KEPT: Seconds = Seconds::new(3_600);
/// How long a device is remembered after its last login.
const SEEN_LOGINS_KEPT: Seconds = Seconds::new(180 * 86_400);

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
    /// Addresses that need not rest any more.
    RestingAddresses,
    /// Devices that have not been seen for half a year.
    SeenLogins,
}

impl Swept {
    /// Every table, in the order in which they are swept.
    pub const ALL: [Self; 8] = [
        Self::Attempts,
        Self::Sessions,
        Self::Events,
        Self::Tokens,
        Self::LoginRequests,
        Self::MailCounts,
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
            Self::RestingAddresses => "resting_addresses",
            Self::SeenLogins => "seen_logins",
        }
    }

    const fn statements(self) -> (Statement, Statement) {
        match self {
            Self::Sessions => (END_OF_SESSIONS, SWEEP_SESSIONS),
            Self::Attempts => (END_OF_ATTEMPTS, SWEEP_ATTEMPTS),
            Self::Events => (END_OF_EVENTS, SWEEP_EVENTS),
            Self::Tokens => (END_OF_TOKENS, SWEEP_TOKENS),
            Self::LoginRequests => (END_OF_REQUESTS, SWEEP_REQUESTS),
            Self::MailCounts => (END_OF_COUNTS, SWEEP_COUNTS),
            Self::RestingAddresses => (END_OF_RESTING, SWEEP_RESTING),
            Self::SeenLogins => (END_OF_SEEN, SWEEP_SEEN),
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

/// Reads the key of the last row of a step: `?2` rows after the position `?3`. Parameters: ?2 rows
/// a step, ?3 position.
macro_rules! end_of_step {
    ($table:literal, $first:literal, $second:literal) => {
        end_of_step!(@ $table, concat!($first, ", ", $second), "?3 ->> 0, ?3 ->> 1")
    };
    ($table:literal, $first:literal, $second:literal, $third:literal) => {
        end_of_step!(@ $table, concat!($first, ", ", $second, ", ", $third), "?3 ->> 0, ?3 ->> 1, ?3 ->> 2")
    };
    (@ $table:literal, $key:expr, $position:literal) => {
        Statement::new(concat!(
            "/* end of step in ",
            $table,
            " */ SELECT json_array(",
            $key,
            ") AS position FROM ",
            $table,
            " WHERE (",
            $key,
            ") > (",
            $position,
            ") ORDER BY ",
            $key,
            " LIMIT 1 OFFSET ?2 - 1"
        ))
    };
}

/// Deletes the dead rows among the `?2` rows after the position `?3`.
macro_rules! sweep {
    ($table:literal, $first:literal, $second:literal, $columns:literal, $is_dead:literal) => {
        sweep!(@ $table, concat!($first, ", ", $second), "?3 ->> 0, ?3 ->> 1", $columns, $is_dead)
    };
    ($table:literal, $first:literal, $second:literal, $third:literal, $columns:literal, $is_dead:literal) => {
        sweep!(@ $table, concat!($first, ", ", $second, ", ", $third), "?3 ->> 0, ?3 ->> 1, ?3 ->> 2", $columns, $is_dead)
    };
    (@ $table:literal, $key:expr, $position:literal, $columns:literal, $is_dead:literal) => {
        Statement::new(concat!(
            "/* sweep ",
            $table,
            " */ DELETE FROM ",
            $table,
            " WHERE (",
            $key,
            ") IN (SELECT ",
            $key,
            " FROM (SELECT ",
            $key,
            ", ",
            $columns,
            " FROM ",
            $table,
            " WHERE (",
            $key,
            ") > (",
            $position,
            ") ORDER BY ",
            $key,
            " LIMIT ?2) WHERE ",
            $is_dead,
            ")"
        ))
    };
}

const END_OF_SESSIONS: Statement = end_of_step!("sessions", "user_id", "id");
const SWEEP_SESSIONS: Statement = sweep!(
    "sessions",
    "user_id",
    "id",
    "ended_at, idle_expires_at",
    "ended_at <= ?4 OR idle_expires_at <= ?1"
);

const END_OF_ATTEMPTS: Statement = end_of_step!("attempts", "account", "client");
const SWEEP_ATTEMPTS: Statement = sweep!(
    "attempts",
    "account",
    "client",
    "updated_at",
    "updated_at <= ?4"
);

const END_OF_EVENTS: Statement = end_of_step!("audit_log", "user_id", "id");
const SWEEP_EVENTS: Statement = sweep!("audit_log", "user_id", "id", "last_at", "last_at < ?4");

const END_OF_TOKENS: Statement = end_of_step!("one_time_tokens", "user_id", "purpose", "ordinal");
const SWEEP_TOKENS: Statement = sweep!(
    "one_time_tokens",
    "user_id",
    "purpose",
    "ordinal",
    "expires_at",
    "expires_at <= ?1"
);

const END_OF_REQUESTS: Statement = end_of_step!("login_requests", "browser", "digest");
const SWEEP_REQUESTS: Statement = sweep!(
    "login_requests",
    "browser",
    "digest",
    "expires_at",
    "expires_at <= ?1"
);

const END_OF_COUNTS: Statement = end_of_step!("mail_counts", "kind", "counted");
const SWEEP_COUNTS: Statement = sweep!(
    "mail_counts",
    "kind",
    "counted",
    "updated_at",
    "updated_at <= ?4"
);

const END_OF_RESTING: Statement = end_of_step!("resting_addresses", "email", "user_id");
const SWEEP_RESTING: Statement = sweep!(
    "resting_addresses",
    "email",
    "user_id",
    "until",
    "until <= ?1"
);

const END_OF_SEEN: Statement = end_of_step!("seen_logins", "user_id", "device");
const SWEEP_SEEN: Statement = sweep!(
    "seen_logins",
    "user_id",
    "device",
    "seen_at",
    "seen_at <= ?4"
);

const READ_POSITION: Statement =
    Statement::new("/* read position */ SELECT position FROM sweeps WHERE swept = ?1");
const KEEP_POSITION: Statement = Statement::new(
    "/* keep position */
     INSERT INTO sweeps (swept, position)
     VALUES (?1, ?2)
         ON CONFLICT (swept) DO UPDATE
        SET position = excluded.position",
);

/// Returns where the last run stopped. One round trip.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn position(database: &impl Database, swept: Swept) -> Result<Position, StoreError> {
    let params = [swept.as_str().into()];
    let found = first(database, READ_POSITION, &params, |row| row.text("position")).await?;
    Ok(found.map_or_else(Position::start, Position))
}

/// Stores where the next run continues. One round trip.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer.
pub async fn keep_position(
    database: &impl Database,
    swept: Swept,
    position: &Position,
) -> Result<(), StoreError> {
    let params = [swept.as_str().into(), position.0.as_str().into()];
    database.run(&Batch::new(&params, [KEEP_POSITION])).await?;
    Ok(())
}

/// The times from which rows are dead.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    /// The time of the run.
    pub now: UnixSeconds,
    /// Audit events from before this time are deleted.
    pub events_before: UnixSeconds,
}

/// Reads the `rows` rows after a position and deletes the dead ones among them. One round trip,
/// which reads about twice `rows` rows.
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
        Swept::SeenLogins => horizon.now.minus(SEEN_LOGINS_KEPT),
        Swept::Tokens | Swept::LoginRequests | Swept::RestingAddresses => horizon.now,
    };
    let params: [Param<'_>; 4] = [
        horizon.now.get().into(),
        rows.into(),
        from.0.as_str().into(),
        before.get().into(),
    ];
    let (end, sweep) = swept.statements();
    let results = database.run(&Batch::new(&params, [end, sweep])).await?;
    Ok(Step {
        removed: result(&results, 1)?.changes(),
        next: row::first(result(&results, 0)?, |row| {
            row.text("position").map(Position)
        })?,
    })
}
