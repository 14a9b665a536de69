//! `SessionStore` on D1. The conditions are those of `domain::session`: what is decided there
//! in Rust is decided here, in `log_in` and in `refresh` by the affected rows of one
//! transaction.

use super::audit::{audit_rows, record};
use super::rows::{RevokedRow, SessionRow, revoked_columns, revoked_tokens};
use super::{Database, Param, Statement, rows};
use crate::domain::audit::{AuditEvent, Trace};
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::{EndReason, Session};
use crate::domain::time::UnixSeconds;
use crate::ports::{Login, RevokedToken, Rotation, RotationRequest, SessionStore, StoreError};

/// A repetition finds the row that it has ended, and says so again.
const END: &str = concat!(
    "UPDATE sessions
        SET ended_at = ?3,
            end_reason = ?4
      WHERE id = ?1
        AND user_id = ?2
        AND (ended_at IS NULL OR (ended_at = ?3 AND end_reason = ?4))
        AND idle_expires_at > ?3
        AND absolute_expires_at > ?3
  RETURNING ",
    revoked_columns!()
);

const RECORD_END: &str = audit_rows!(
    "user_id",
    "id",
    "?8",
    "FROM sessions
    WHERE id = ?6
      AND user_id = ?7
      AND ended_at IS NULL
      AND idle_expires_at > ?2
      AND absolute_expires_at > ?2"
);

const LIST: &str = "
    SELECT id,
           user_id,
           current_jti,
           previous_jti,
           rotated_at,
           created_at,
           last_used_at,
           idle_expires_at,
           absolute_expires_at,
           user_agent,
           country
      FROM sessions
     WHERE user_id = ?1
       AND ended_at IS NULL
       AND idle_expires_at > ?2
       AND absolute_expires_at > ?2
     ORDER BY last_used_at DESC, rowid DESC";

/// Those that have expired have ended by themselves.
const END_ALL: &str = concat!(
    "UPDATE sessions
        SET ended_at = ?3,
            end_reason = ?4
      WHERE user_id = ?1
        AND id IS NOT ?2
        AND ended_at IS NULL
        AND idle_expires_at > ?3
        AND absolute_expires_at > ?3
  RETURNING ",
    revoked_columns!()
);

const RECORD_END_ALL: &str = audit_rows!(
    "user_id",
    "id",
    "?8",
    "FROM sessions
    WHERE user_id = ?6
      AND id IS NOT ?7
      AND ended_at IS NULL
      AND idle_expires_at > ?2
      AND absolute_expires_at > ?2"
);

impl SessionStore for Database {
    async fn begin(&self, login: &Login) -> Result<Option<Vec<RevokedToken>>, StoreError> {
        self.begin_session(login).await
    }

    async fn rotate(&self, request: &RotationRequest) -> Result<Rotation, StoreError> {
        self.rotate_token(request).await
    }

    async fn list(&self, user: UserId, now: UnixSeconds) -> Result<Vec<Session>, StoreError> {
        let user = user.to_string();
        let list = Statement {
            sql: LIST,
            params: vec![Param::Text(&user), Param::Int(now.get())],
        };
        let [list] = self.batch([list]).await?;
        rows::<SessionRow>(&list)?
            .into_iter()
            .map(SessionRow::into_live_session)
            .collect()
    }

    async fn end_all(
        &self,
        user: UserId,
        except: Option<SessionId>,
        trace: &Trace,
    ) -> Result<Vec<RevokedToken>, StoreError> {
        let user = user.to_string();
        let except = except.map(|session| session.to_string());
        let which = || [Param::Text(&user), Param::optional(except.as_deref())];
        let reason = || Param::Text(EndReason::Revoked.as_str());
        let record_end = record(
            RECORD_END_ALL,
            (AuditEvent::SessionEnded, trace),
            which().into_iter().chain([reason()]),
        );
        let now = Param::Int(trace.at.get());
        let end = Statement {
            sql: END_ALL,
            params: which().into_iter().chain([now, reason()]).collect(),
        };
        let [_, ended] = self.batch([record_end, end]).await?;
        revoked_tokens(rows::<RevokedRow>(&ended)?)
    }

    async fn end(
        &self,
        session: SessionId,
        user: UserId,
        reason: EndReason,
        trace: &Trace,
    ) -> Result<Vec<RevokedToken>, StoreError> {
        let session = session.to_string();
        let user = user.to_string();
        let which = || [Param::Text(&session), Param::Text(&user)];
        let (event, recorded) = match reason {
            EndReason::Logout => (AuditEvent::LoggedOut, Param::Null),
            _ => (AuditEvent::SessionEnded, Param::Text(reason.as_str())),
        };
        let record_end = record(
            RECORD_END,
            (event, trace),
            which().into_iter().chain([recorded]),
        );
        let end = Statement {
            sql: END,
            params: which()
                .into_iter()
                .chain([Param::Int(trace.at.get()), Param::Text(reason.as_str())])
                .collect(),
        };
        let [_, ended] = self.batch([record_end, end]).await?;
        revoked_tokens(rows::<RevokedRow>(&ended)?)
    }
}
