//! The statements of the clean-up, two for each table.
//!
//! Parameters: ?1 now, ?2 rows a step, ?3 position, ?4 the time before which a row is dead, ?5 what
//! the position is at the table's end, ?6 (mails) the time before which a row is dead that nobody has
//! tried.

use super::Swept;
use crate::ports::Statement;

/// Keeps the key of the last row of a step, `?2` rows behind the position `?3`, or `?5` at the end of
/// the table. In the transaction of the step, so that a run that is cut off has lost nothing.
macro_rules! keep_position {
    ($table:literal, $first:literal) => {
        keep_position!(@ $table, $first, "?3 ->> 0")
    };
    ($table:literal, $first:literal, $second:literal) => {
        keep_position!(@ $table, concat!($first, ", ", $second), "?3 ->> 0, ?3 ->> 1")
    };
    ($table:literal, $first:literal, $second:literal, $third:literal) => {
        keep_position!(@ $table, concat!($first, ", ", $second, ", ", $third), "?3 ->> 0, ?3 ->> 1, ?3 ->> 2")
    };
    (@ $table:literal, $key:expr, $position:literal) => {
        Statement::new(concat!(
            "/* keep position in ",
            $table,
            " */ INSERT INTO sweeps (swept, position) VALUES ('",
            $table,
            "', coalesce((SELECT json_array(",
            $key,
            ") FROM ",
            $table,
            " WHERE (",
            $key,
            ") > (",
            $position,
            ") ORDER BY ",
            $key,
            " LIMIT 1 OFFSET ?2 - 1), ?5))
             ON CONFLICT (swept) DO UPDATE SET position = excluded.position
             RETURNING position"
        ))
    };
}

/// Deletes the dead rows among the `?2` rows behind the position `?3`.
macro_rules! sweep {
    ($table:literal, ($first:literal), $columns:literal, $is_dead:literal) => {
        sweep!(@ $table, $first, "?3 ->> 0", $columns, $is_dead)
    };
    ($table:literal, ($first:literal, $second:literal), $columns:literal, $is_dead:literal) => {
        sweep!(@ $table, concat!($first, ", ", $second), "?3 ->> 0, ?3 ->> 1", $columns, $is_dead)
    };
    ($table:literal, ($first:literal, $second:literal, $third:literal), $columns:literal, $is_dead:literal) => {
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

const KEEP_SESSIONS: Statement = keep_position!("sessions", "user_id", "id");
const SWEEP_SESSIONS: Statement = sweep!(
    "sessions",
    ("user_id", "id"),
    "ended_at, idle_expires_at",
    "ended_at <= ?4 OR idle_expires_at <= ?1"
);

const KEEP_ATTEMPTS: Statement = keep_position!("attempts", "account", "client");
const SWEEP_ATTEMPTS: Statement = sweep!(
    "attempts",
    ("account", "client"),
    "updated_at",
    "updated_at <= ?4"
);

const KEEP_EVENTS: Statement = keep_position!("audit_log", "user_id", "id");
const SWEEP_EVENTS: Statement = sweep!("audit_log", ("user_id", "id"), "last_at", "last_at < ?4");

const KEEP_TOKENS: Statement = keep_position!("one_time_tokens", "user_id", "purpose", "ordinal");
const SWEEP_TOKENS: Statement = sweep!(
    "one_time_tokens",
    ("user_id", "purpose", "ordinal"),
    "expires_at",
    "expires_at <= ?1"
);

const KEEP_REQUESTS: Statement = keep_position!("login_requests", "browser", "digest");
const SWEEP_REQUESTS: Statement = sweep!(
    "login_requests",
    ("browser", "digest"),
    "expires_at",
    "expires_at <= ?1"
);

const KEEP_COUNTS: Statement = keep_position!("mail_counts", "kind", "counted");
const SWEEP_COUNTS: Statement = sweep!(
    "mail_counts",
    ("kind", "counted"),
    "updated_at",
    "updated_at <= ?4"
);

const KEEP_MAILS: Statement = keep_position!("outbox", "id");
const SWEEP_MAILS: Statement = sweep!(
    "outbox",
    ("id"),
    "given_up_at, created_at",
    "coalesce(given_up_at <= ?4, created_at <= ?6)"
);

const KEEP_RESTING: Statement = keep_position!("resting_addresses", "email", "user_id");
const SWEEP_RESTING: Statement = sweep!(
    "resting_addresses",
    ("email", "user_id"),
    "until",
    "until <= ?1"
);

const KEEP_SEEN: Statement = keep_position!("seen_logins", "user_id", "device");
const SWEEP_SEEN: Statement = sweep!(
    "seen_logins",
    ("user_id", "device"),
    "seen_at",
    "seen_at <= ?4"
);

/// Returns the statements of a step, in their order: the position is counted in rows that are still
/// there.
pub(super) const fn of(swept: Swept) -> [Statement; 2] {
    match swept {
        Swept::Sessions => [KEEP_SESSIONS, SWEEP_SESSIONS],
        Swept::Attempts => [KEEP_ATTEMPTS, SWEEP_ATTEMPTS],
        Swept::Events => [KEEP_EVENTS, SWEEP_EVENTS],
        Swept::Tokens => [KEEP_TOKENS, SWEEP_TOKENS],
        Swept::LoginRequests => [KEEP_REQUESTS, SWEEP_REQUESTS],
        Swept::MailCounts => [KEEP_COUNTS, SWEEP_COUNTS],
        Swept::Mails => [KEEP_MAILS, SWEEP_MAILS],
        Swept::RestingAddresses => [KEEP_RESTING, SWEEP_RESTING],
        Swept::SeenLogins => [KEEP_SEEN, SWEEP_SEEN],
    }
}
