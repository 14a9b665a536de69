//! The batch that rotates a refresh token. The conditions are those of
//! `domain::session::Session::judge`.

use serde::Deserialize;

use super::audit::{audit_rows, record};
use super::rows::{RevokedRow, revoked_columns, revoked_tokens, token_id};
use super::{Database, Param, Statement, changes, first_row, rows};
use crate::domain::audit::AuditEvent;
use crate::domain::session::{EndReason, Generation};
use crate::domain::time::UnixSeconds;
use crate::ports::{RotatedSession, Rotation, RotationRequest, StoreError};

/// Of any number of parallel calls with one token, one finds its id in `current_jti`.
const ROTATE: &str = "
    UPDATE sessions
       SET previous_jti = current_jti,
           current_jti = ?4,
           rotated_at = ?5,
           last_used_at = ?5,
           idle_expires_at = min(?5 + ?6, absolute_expires_at)
     WHERE id = ?1
       AND user_id = ?2
       AND current_jti = ?3
       AND ended_at IS NULL
       AND idle_expires_at > ?5
       AND absolute_expires_at > ?5
       AND EXISTS (SELECT 1 FROM users WHERE id = ?2 AND is_active = 1)";

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

/// What the statements before have left; also the predecessor's answer within the grace.
const SURVIVOR: &str = "
    SELECT s.current_jti,
           s.previous_jti,
           s.rotated_at,
           s.idle_expires_at,
           u.role_slug
      FROM sessions AS s
      JOIN users AS u ON u.id = s.user_id
     WHERE s.id = ?1
       AND s.user_id = ?2
       AND s.previous_jti = ?3
       AND s.ended_at IS NULL
       AND s.idle_expires_at > ?4
       AND s.absolute_expires_at > ?4
       AND ?4 - s.rotated_at <= ?5
       AND u.is_active = 1";

#[derive(Deserialize)]
struct SurvivorRow {
    current_jti: String,
    previous_jti: String,
    rotated_at: i64,
    idle_expires_at: i64,
    role_slug: String,
}

impl SurvivorRow {
    fn into_rotated(self) -> Result<RotatedSession, StoreError> {
        let issued_at = UnixSeconds::new(self.rotated_at);
        Ok(RotatedSession {
            generation: Generation {
                current: token_id(&self.current_jti)?,
                previous: Some((token_id(&self.previous_jti)?, issued_at)),
            },
            issued_at,
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
        let rotate = statement(ROTATE, token(), [Param::Text(&successor), now(), idle]);
        let record_reuse = record(
            RECORD_REUSE,
            (AuditEvent::RefreshReused, &request.trace),
            token().into_iter().chain([grace()]),
        );
        let reason = Param::Text(EndReason::Reuse.as_str());
        let punish = statement(PUNISH_REUSE, token(), [now(), grace(), reason]);
        let survivor = statement(SURVIVOR, token(), [now(), grace()]);
        let [rotated, _, punished, survivor] =
            self.batch([rotate, record_reuse, punish, survivor]).await?;
        let punished = rows::<RevokedRow>(&punished)?;
        if !punished.is_empty() {
            return revoked_tokens(punished).map(Rotation::Reused);
        }
        let Some(survivor) = first_row::<SurvivorRow>(&survivor)? else {
            return Ok(Rotation::Dead);
        };
        let survivor = survivor.into_rotated()?;
        Ok(if changes(&rotated)? == 1 {
            Rotation::Rotated(survivor)
        } else {
            Rotation::Replayed(survivor)
        })
    }
}
