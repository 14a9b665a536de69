//! The statement that rotates a refresh token, answers its predecessor, or ends the session on
//! reuse.

use super::row::Row;
use super::sessions::EndedSession;
use super::{damaged, first};
use crate::domain::audit::Trace;
use crate::domain::id::TokenId;
use crate::domain::session::{EndReason, Grant, SessionKey};
use crate::domain::time::Seconds;
use crate::ports::{Database, Statement, StoreError};

/// A refresh token to be rotated.
#[derive(Clone, Debug)]
pub struct RotationRequest {
    /// The session that the token names.
    pub session: SessionKey,
    /// The token's id.
    pub presented: TokenId,
    /// The id of its successor, if it rotates.
    pub successor: TokenId,
    /// How long an idle session lasts from now.
    pub idle: Seconds,
    /// How long after a rotation the predecessor gets the same pair again.
    pub grace: Seconds,
    /// The time and origin of the request.
    pub trace: Trace,
}

/// The outcome of a refresh.
#[must_use]
#[derive(Clone, Debug)]
pub enum Rotation {
    /// The token was current and is now superseded, or it was the predecessor within the grace and
    /// nothing has changed. Both get the same answer.
    Rotated(Grant),
    /// The token was superseded: the session has ended now.
    Reused(EndedSession),
    /// The session is not live, or is not the user's. Nothing has changed.
    Dead,
}

/// The presented token is the current one.
macro_rules! is_current {
    () => {
        "current_jti = ?5"
    };
}

/// The presented token is the current one, or its predecessor within the grace.
macro_rules! is_good {
    () => {
        concat!(
            "(",
            is_current!(),
            " OR (previous_jti IS ?5 AND ?1 - rotated_at <= ?8))"
        )
    };
}

/// Rotates. Parameters: ?5 presented id, ?6 its successor's id, ?7 idle time, ?8 grace, ?9 `reuse`.
///
/// Of any number of parallel calls with one token, one finds its id in `current_jti`. The others
/// find it in `previous_jti`, and write what is there already: both are answered from one row. Any
/// other id of a live session belongs to a copied token and ends the session. A repetition finds
/// its own rotation, or the session that this request (`?4`) has ended. Nothing makes an ended
/// session live again.
const ROTATE: Statement = Statement::new(concat!(
    "/* rotate */
     UPDATE sessions
        SET previous_jti = iif(",
    is_current!(),
    ", ?5, previous_jti),
            current_jti = iif(",
    is_current!(),
    ", ?6, current_jti),
            rotated_at = iif(",
    is_current!(),
    ", ?1, rotated_at),
            last_used_at = iif(",
    is_current!(),
    ", ?1, last_used_at),
            idle_expires_at = iif(",
    is_current!(),
    ", min(?1 + ?7, absolute_expires_at), idle_expires_at),
            ended_at = iif(",
    is_good!(),
    ", ended_at, ?1),
            end_reason = iif(",
    is_good!(),
    ", end_reason, ?9),
            trace = iif(",
    is_good!(),
    ", trace, ?4)
      WHERE user_id = ?2
        AND id = ?3
        AND (ended_at IS NULL OR (trace = ?4 AND end_reason = ?9))
        AND idle_expires_at > ?1
  RETURNING user_id,
            current_jti,
            rotated_at,
            idle_expires_at,
            ended_at,
            (SELECT role_slug FROM users WHERE id = ?2) AS role_slug"
));

/// Rotates a refresh token, answers its predecessor, or ends the session on reuse. One round trip
/// of one statement: nothing is read before it is decided. Of any number of parallel calls with one
/// token exactly one changes the session, and all answers are equal.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn rotate(
    database: &impl Database,
    request: &RotationRequest,
) -> Result<Rotation, StoreError> {
    let params = [
        request.trace.at.get().into(),
        request.session.user.to_string().into(),
        request.session.id.to_string().into(),
        request.trace.to_json(None).into(),
        request.presented.to_string().into(),
        request.successor.to_string().into(),
        request.idle.get().into(),
        request.grace.get().into(),
        EndReason::Reuse.as_str().into(),
    ];
    let read = |row: &Row<'_>| read(request.session, row);
    let rotation = first(database, ROTATE, &params, read).await?;
    Ok(rotation.unwrap_or(Rotation::Dead))
}

fn read(session: SessionKey, row: &Row<'_>) -> Result<Rotation, StoreError> {
    if row.optional_time("ended_at")?.is_some() {
        return EndedSession::read(row).map(Rotation::Reused);
    }
    Ok(Rotation::Rotated(Grant {
        session,
        refresh_id: row.token_id("current_jti")?,
        issued_at: row
            .optional_time("rotated_at")?
            .ok_or_else(|| damaged("rotated_at", "is missing"))?,
        expires_at: row.time("idle_expires_at")?,
        role: row.text("role_slug")?,
    }))
}
