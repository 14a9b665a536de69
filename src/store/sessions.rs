//! Lists and ends a user's sessions.

use super::row::{self, Row};
use super::{first, result};
use crate::domain::audit::Trace;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::session::{Device, EndReason, Session, SessionKey};
use crate::domain::time::UnixSeconds;
use crate::ports::{Batch, Database, Param, Rows, Statement, StoreError};

/// A session that a statement has ended, with its current refresh token. Only that token has to be
/// remembered: the database refuses superseded ones whenever it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// The user whose session it was.
    pub user: UserId,
    /// The id of the session's current refresh token.
    pub refresh_id: TokenId,
    /// When that token expires. Nothing has to remember it after that.
    pub expires_at: UnixSeconds,
}

impl EndedSession {
    /// Reads the columns of `ended_columns!`.
    pub(super) fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            user: row.user_id("user_id")?,
            refresh_id: row.token_id("current_jti")?,
            expires_at: row.time("idle_expires_at")?,
        })
    }

    /// Reads the columns of `ended_columns!` from every row.
    pub(super) fn read_all(rows: &dyn Rows) -> Result<Vec<Self>, StoreError> {
        row::all(rows, Self::read)
    }
}

/// The sessions that a caller ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The session with this id.
    One(SessionId),
    /// All sessions but the caller's own.
    Others,
    /// All sessions, including the caller's own.
    All,
}

const LIST: Statement = Statement::new(concat!(
    "/* list sessions */
     SELECT id,
            current_jti,
            created_at,
            last_used_at,
            idle_expires_at,
            absolute_expires_at,
            user_agent,
            country
       FROM sessions
      WHERE user_id = ?2
        AND ",
    live!(),
    " ORDER BY last_used_at DESC, created_at DESC"
));

/// Returns the caller's live sessions, the most recently used first. `None` when the caller's own
/// session is not among them. One round trip.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn list(
    database: &impl Database,
    caller: SessionKey,
    now: UnixSeconds,
) -> Result<Option<Vec<Session>>, StoreError> {
    let params = [now.get().into(), caller.user.to_string().into()];
    let results = database.run(&Batch::new(&params, [LIST])).await?;
    let sessions = row::all(result(&results, 0)?, |row| {
        Ok(Session {
            id: row.session_id("id")?,
            user: caller.user,
            refresh_id: row.token_id("current_jti")?,
            created_at: row.time("created_at")?,
            last_used_at: row.time("last_used_at")?,
            idle_expires_at: row.time("idle_expires_at")?,
            absolute_expires_at: row.time("absolute_expires_at")?,
            device: Device {
                user_agent: row.optional_text("user_agent")?,
                country: row.optional_text("country")?,
            },
        })
    })?;
    let is_live = sessions.iter().any(|session| session.id == caller.id);
    Ok(is_live.then_some(sessions))
}

/// Ends a session. A repetition finds the row that this request (`?4`) has ended, and returns it
/// again. Parameters: ?5 reason.
const END: Statement = Statement::new(concat!(
    "/* end session */
     UPDATE sessions
        SET ended_at = ?1,
            end_reason = ?5,
            trace = ?4
      WHERE user_id = ?2
        AND id = ?3
        AND (ended_at IS NULL OR trace = ?4)
        AND idle_expires_at > ?1
  RETURNING ",
    ended_columns!()
));

/// Ends a session at its holder's request. `None` when it is not live. One round trip of one
/// statement.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn end(
    database: &impl Database,
    session: SessionKey,
    reason: EndReason,
    trace: &Trace,
) -> Result<Option<EndedSession>, StoreError> {
    let params = [
        trace.at.get().into(),
        session.user.to_string().into(),
        session.id.to_string().into(),
        trace.to_json(None).into(),
        reason.as_str().into(),
    ];
    first(database, END, &params, EndedSession::read).await
}

/// Ends the live sessions of user `?2` that meet a condition, for the reason `?5`. A repetition
/// finds the rows that this request (`?4`) has ended. Expired sessions are unchanged.
macro_rules! end_all {
    ($name:literal, $condition:expr) => {
        end_all!($name, "?5", $condition)
    };
    ($name:literal, $reason:literal, $condition:expr) => {
        $crate::ports::Statement::new(concat!(
            "/* ",
            $name,
            " */
             UPDATE sessions
                SET ended_at = ?1,
                    end_reason = ",
            $reason,
            ",
                    trace = ?4
              WHERE user_id = ?2
                AND (ended_at IS NULL OR trace = ?4)
                AND idle_expires_at > ?1
                AND ",
            $condition,
            " RETURNING ",
            ended_columns!()
        ))
    };
}
pub(super) use end_all;

const END_ONE: Statement = end_all!("end one", concat!("id = ?6 AND ", caller_was_live!()));
/// The caller's own session stays live, so a repetition finds it live.
const END_OTHERS: Statement = end_all!("end others", concat!("id <> ?3 AND ", caller_is_live!()));
const END_ALL: Statement = end_all!("end all", caller_was_live!());

const IS_CALLER_LIVE: Statement = Statement::new(concat!(
    "/* is caller live */
     SELECT ",
    caller_was_live!(),
    " AS is_live"
));

/// Ends sessions of the caller's user and returns them. `None` when the caller's own session is not
/// live; then nothing has changed. One round trip. Repeating it within the same request returns the
/// same answer, even when the caller's own session was among those that ended.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn end_own(
    database: &impl Database,
    caller: SessionKey,
    which: Which,
    trace: &Trace,
) -> Result<Option<Vec<EndedSession>>, StoreError> {
    let (end, one) = match which {
        Which::One(id) => (END_ONE, Some(id.to_string())),
        Which::Others => (END_OTHERS, None),
        Which::All => (END_ALL, None),
    };
    let params: [Param<'_>; 6] = [
        trace.at.get().into(),
        caller.user.to_string().into(),
        caller.id.to_string().into(),
        trace.to_json(None).into(),
        EndReason::Revoked.as_str().into(),
        one.into(),
    ];
    let batch = Batch::new(&params, [end, IS_CALLER_LIVE]);
    let results = database.run(&batch).await?;
    let is_live = row::first(result(&results, 1)?, |row| row.is("is_live"))?;
    if is_live != Some(true) {
        return Ok(None);
    }
    EndedSession::read_all(result(&results, 0)?).map(Some)
}
