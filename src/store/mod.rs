//! The SQL: every statement, the rows it returns, and the functions that run it.
//!
//! The contract of a function is documented at the function: round trips, the effect of a
//! repetition, the meaning of `None`. D1 runs the statements in production and SQLite in native
//! tests, through one port ([`Database`]), so each rule exists only here.
//!
//! Parameters are numbered once for each batch. In a batch of a request `?1` is its time; where they
//! occur, `?2` is the user, `?3` the session and `?4` the trace. The batches that send the
//! mails of the outbox, clean up, or count attempts have numbers of their own.
//!
//! Every write may be repeated: it names the ids it creates and the values it replaces. The
//! triggers of `migrations/0003` and `migrations/0004` record what changes an account in the audit log.

/// The session is live: neither ended nor expired. Its idle end is never after its absolute end
/// (`CHECK` in `migrations/0001`).
macro_rules! live {
    () => {
        "ended_at IS NULL AND idle_expires_at > ?1"
    };
}

/// The caller's session `?3` of user `?2` is live. The user of a live session is active
/// (`users_activity_set`).
macro_rules! caller_is_live {
    () => {
        "EXISTS (SELECT 1
                   FROM sessions AS caller
                  WHERE caller.user_id = ?2
                    AND caller.id = ?3
                    AND caller.ended_at IS NULL
                    AND caller.idle_expires_at > ?1)"
    };
}

/// The caller's session `?3` of user `?2` is live, or this request (`?4`) has ended it: in an
/// earlier statement, or in an earlier run of the batch.
macro_rules! caller_was_live {
    () => {
        "EXISTS (SELECT 1
                   FROM sessions AS caller
                  WHERE caller.user_id = ?2
                    AND caller.id = ?3
                    AND (caller.ended_at IS NULL OR caller.trace = ?4)
                    AND caller.idle_expires_at > ?1)"
    };
}

/// This request (`?4`) has changed user `?2`, in this transaction or in an earlier run of it.
macro_rules! has_changed_user {
    () => {
        "EXISTS (SELECT 1 FROM users WHERE id = ?2 AND trace = ?4)"
    };
}

/// The session `?3` of user `?2` that a login begins exists. Everything else in the batch depends on it.
macro_rules! has_begun {
    () => {
        "EXISTS (SELECT 1 FROM sessions AS begun WHERE begun.user_id = ?2 AND begun.id = ?3)"
    };
}

/// The columns of a [`User`](crate::domain::identity::user::User), from `users`.
macro_rules! user_columns {
    () => {
        "id,
         email,
         name,
         is_active,
         is_superuser,
         role_slug,
         created_at,
         updated_at"
    };
}

/// The columns of an [`EndedSession`](sessions::EndedSession), from `sessions`.
macro_rules! ended_columns {
    () => {
        "user_id,
         current_jti,
         idle_expires_at"
    };
}

pub mod addresses;
pub mod attempts;
pub mod audit;
pub mod confirmations;
pub mod effects;
pub mod give_back;
pub mod log_in;
pub mod login_notices;
pub mod login_requests;
pub mod mail_counts;
mod one_time_tokens;
pub mod outbox;
pub mod passwords;
pub mod recovery;
pub mod registrations;
pub mod rotate;
mod row;
pub mod schema;
pub mod sessions;
pub mod sweep;
pub mod take_back;
pub mod users;

#[cfg(test)]
mod tests;

use crate::ports::{Batch, Database, Param, Rows, Statement, StoreError};
use row::Row;

/// Runs one statement and reads its first row, if there is one. One round trip.
async fn first<T>(
    database: &impl Database,
    statement: Statement,
    params: &[Param<'_>],
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let results = database.run(&Batch::new(params, [statement])).await?;
    row::first(result(&results, 0)?, read)
}

/// Returns the result of the statement at this index of the batch.
fn result(results: &[Box<dyn Rows>], place: usize) -> Result<&dyn Rows, StoreError> {
    results
        .get(place)
        .map(AsRef::as_ref)
        .ok_or_else(|| damaged("a batch", "has too few results"))
}

fn damaged(what: &str, how: &str) -> StoreError {
    StoreError::Damaged {
        cause: format!("{what} {how}"),
    }
}
