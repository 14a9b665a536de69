//! The SQL: every statement, the rows it gives, and the functions that run it.
//!
//! A function's contract stands above its statements: round trips, what a repetition does, what
//! `None` means. D1 runs the statements in production and SQLite in native tests, over one port
//! ([`Database`](crate::ports::Database)), so a rule that is written here exists nowhere else.
//!
//! The parameters of a batch are numbered once. In every batch `?1` is the time of the request,
//! and where they occur `?2` is the user, `?3` the session and `?4` the trace of the request.
//!
//! Every write may be repeated: it names the ids it creates and the values it replaces. What
//! changes an account is recorded in the audit log by the triggers of `migrations/0003`.

/// The session has neither ended nor expired: it has not been idle for too long, which it
/// also is at its absolute end (`CHECK` in `migrations/0001`).
macro_rules! live {
    () => {
        "ended_at IS NULL AND idle_expires_at > ?1"
    };
}

/// The caller's session `?3` of user `?2` is live. A live session's user is active
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

/// The caller's session `?3` of user `?2` is live, or this very request (`?4`) has ended it: then
/// the statement comes after the one that did, or is repeated.
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

/// The columns of [`users::UserRow`], from `users`.
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

/// The columns that make an [`EndedSession`](sessions::EndedSession), from `sessions`.
macro_rules! ended_columns {
    () => {
        "user_id,
         current_jti,
         idle_expires_at"
    };
}

pub mod attempts;
pub mod audit;
pub mod log_in;
pub mod passwords;
pub mod rotate;
mod row;
pub mod sessions;
pub mod sweep;
pub mod users;

#[cfg(test)]
mod tests;

use crate::ports::{Batch, Database, Param, Rows, Statement, StoreError};
use row::Row;

/// Runs one statement and reads its only row, if there is one. One round trip.
async fn first<T>(
    database: &impl Database,
    statement: Statement,
    params: &[Param<'_>],
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let results = database.run(&Batch::new(params, [statement])).await?;
    row::first(result(&results, 0)?, read)
}

/// The rows of the statement at this place of the batch.
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
