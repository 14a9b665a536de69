//! The batch that rotates a refresh token, or punishes its reuse. The conditions are those of
//! `domain::session::Session::judge`.

use serde::Deserialize;

use super::audit::{audit_rows, record};
use super::rows::{RevokedRow, revoked_columns, revoked_tokens, token_id};
use super::{Database, Param, Statement, first_row, rows};
use crate::domain::audit::AuditEvent;
use crate::domain::session::EndReason;
use crate::domain::time::UnixSeconds;
use crate::ports::{RotatedSession, Rotation, RotationRequest, StoreError};

/// Of any number of parallel calls with one token, one finds its id in `current_jti`. The others
/// find it in `previous_jti`, and write what stands there: both are answered from one row.
const ROTATE: &str = "
    UPDATE sessions
       SET previous_jti = ?3,
           current_jti = iif(current_jti = ?3, ?4, current_jti),
           rotated_at = iif(current_jti = ?3, ?5, rotated_at),
           last_used_at = iif(current_jti = ?3, ?5, last_used_at),
           idle_expires_at = iif(current_jti = ?3, min(?5 + ?6, absolute_expires_at), idle_expires_at)
     WHERE id = ?1
       AND user_id = ?2
       AND (current_jti = ?3 OR (previous_jti = ?3 AND ?5 - rotated_at <= ?7))
       AND ended_at IS NULL
       AND idle_expires_at > ?5
       AND absolute_expires_at > ?5
       AND EXISTS (SELECT 1 FROM users WHERE id = ?2 AND is_active = 1)
 RETURNING current_jti,
           rotated_at,
           idle_expires_at,
           (SELECT role_slug FROM users WHERE id = ?2) AS role_slug";

/// The token is neither the current one nor the immediate predecessor within the grace.
macro_rules! reused {
    ($session:literal, $user:literal, $presented:literal, $now:literal, $grace:literal) => {
        concat!(
            "id = ",
            $session,
            " AND user_id = ",
            $user,
            " AND idle_expires_at > ",
            $now,
            " AND absolute_expires_at > ",
            $now,
            " AND current_jti <> ",
            $presented,
            " AND NOT (previous_jti IS ",
            $presented,
            " AND ",
            $now,
            " - rotated_at <= ",
            $grace,
            ")"
        )
    };
}

const RECORD_REUSE: &str = audit_rows!(
    "user_id",
    "id",
    "NULL",
    concat!(
        "FROM sessions WHERE ended_at IS NULL AND ",
        reused!("?6", "?7", "?8", "?2", "?9")
    )
);

/// A repetition finds the row that it has ended, and says so again.
const PUNISH_REUSE: &str = concat!(
    "UPDATE sessions
        SET ended_at = ?4,
            end_reason = ?6
      WHERE (ended_at IS NULL OR (ended_at = ?4 AND end_reason = ?6))
        AND ",
    reused!("?1", "?2", "?3", "?4", "?5"),
    " RETURNING ",
    revoked_columns!()
);

#[derive(Deserialize)]
struct RotatedRow {
    current_jti: String,
    rotated_at: i64,
    idle_expires_at: i64,
    role_slug: String,
}

impl RotatedRow {
    fn into_rotated(self) -> Result<RotatedSession, StoreError> {
        Ok(RotatedSession {
            refresh_id: token_id(&self.current_jti)?,
            issued_at: UnixSeconds::new(self.rotated_at),
            expires_at: UnixSeconds::new(self.idle_expires_at),
            role: self.role_slug,
        })
    }
}

/// A statement whose first parameters name the token.
fn statement<'a>(
    sql: &'static str,
    token: [Param<'a>; 3],
    rest: impl IntoIterator<Item = Param<'a>>,
) -> Statement<'a> {
    let params = token.into_iter().chain(rest).collect();
    Statement { sql, params }
}

impl Database {
    /// `SessionStore::rotate`.
    pub(super) async fn rotate_token(
        &self,
        request: &RotationRequest,
    ) -> Result<Rotation, StoreError> {
        let session = request.session.to_string();
        let user = request.user.to_string();
        let presented = request.presented.to_string();
        let successor = request.successor.to_string();
        let token = || {
            [
                Param::Text(&session),
                Param::Text(&user),
                Param::Text(&presented),
            ]
        };
        let now = || Param::Int(request.trace.at.get());
        let grace = || Param::Int(i64::from(request.grace.get()));
        let idle = Param::Int(i64::from(request.idle.get()));
        let rest = [Param::Text(&successor), now(), idle, grace()];
        let rotate = statement(ROTATE, token(), rest);
        let record_reuse = record(
            RECORD_REUSE,
            (AuditEvent::RefreshReused, &request.trace),
            token().into_iter().chain([grace()]),
        );
        let reason = Param::Text(EndReason::Reuse.as_str());
        let punish = statement(PUNISH_REUSE, token(), [now(), grace(), reason]);
        let [rotated, _, punished] = self.batch([rotate, record_reuse, punish]).await?;
        if let Some(row) = first_row::<RotatedRow>(&rotated)? {
            return row.into_rotated().map(Rotation::Rotated);
        }
        let punished = rows::<RevokedRow>(&punished)?;
        Ok(if punished.is_empty() {
            Rotation::Dead
        } else {
            Rotation::Reused(revoked_tokens(punished)?)
        })
    }
}
