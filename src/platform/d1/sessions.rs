//! `SessionStore` on D1. The conditions are those of `domain::session`: what is decided there
//! in Rust is decided here by the affected rows of one transaction.

use serde::Deserialize;

use super::rows::{RevokedRow, SessionRow, revoked_columns, revoked_tokens, token_id};
use super::{Database, Param, Statement, changes, first_row, rows};
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::{EndReason, Generation, MAX_LIVE_SESSIONS, Session};
use crate::domain::time::UnixSeconds;
use crate::ports::{
    Login, Rehash, RevokedToken, RotatedSession, Rotation, RotationRequest, SessionStore,
    StoreError,
};

/// Only while the user is active and the verified password is the current one: a login cannot
/// outrun a change of the password. A repetition finds its own row.
const INSERT_SESSION: &str = "
    INSERT INTO sessions (
               id, user_id, current_jti, created_at, last_used_at,
               idle_expires_at, absolute_expires_at, user_agent, country)
    SELECT ?1, id, ?3, ?4, ?4, ?5, ?6, ?7, ?8
      FROM users
     WHERE id = ?2
       AND is_active = 1
       AND password_version = ?9
        ON CONFLICT (id) DO NOTHING";

const REHASH: &str = "
    UPDATE users
       SET password_hash = ?2
     WHERE id = ?1
       AND password_hash = ?3
       AND EXISTS (SELECT 1 FROM sessions WHERE id = ?4)";

const END_CARRIED: &str = concat!(
    "UPDATE sessions
        SET ended_at = ?4,
            end_reason = ?5
      WHERE id IN (?2, ?3)
        AND ended_at IS NULL
        AND EXISTS (SELECT 1 FROM sessions WHERE id = ?1)
  RETURNING ",
    revoked_columns!()
);

/// All but the new one and the most recently used of the others; of equals the later row stays.
/// (The new one may not look the newest: another location's clock may be ahead.)
const EVICT: &str = concat!(
    "UPDATE sessions
        SET ended_at = ?2,
            end_reason = ?3
      WHERE id IN (SELECT id
                     FROM sessions
                    WHERE user_id = ?1
                      AND id <> ?5
                      AND ended_at IS NULL
                      AND idle_expires_at > ?2
                      AND absolute_expires_at > ?2
                    ORDER BY last_used_at DESC, rowid DESC
                    LIMIT -1 OFFSET ?4)
        AND EXISTS (SELECT 1 FROM sessions WHERE id = ?5)
  RETURNING ",
    revoked_columns!()
);

/// A success forgets the failures before it.
const FORGET_ATTEMPTS: &str = "
    DELETE FROM login_attempts
     WHERE key IN (?2, ?3)
       AND EXISTS (SELECT 1 FROM sessions WHERE id = ?1)";

const HAS_BEGUN: &str = "SELECT id FROM sessions WHERE id = ?1";

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

/// The token is neither the current one nor the immediate predecessor within the grace. A
/// repetition finds the row that it has ended, and says so again.
const PUNISH_REUSE: &str = concat!(
    "UPDATE sessions
        SET ended_at = ?4,
            end_reason = ?6
      WHERE id = ?1
        AND user_id = ?2
        AND (ended_at IS NULL OR (ended_at = ?4 AND end_reason = ?6))
        AND idle_expires_at > ?4
        AND absolute_expires_at > ?4
        AND current_jti <> ?3
        AND NOT (previous_jti IS ?3 AND ?4 - rotated_at <= ?5)
  RETURNING ",
    revoked_columns!()
);

/// What the two statements before have left; also the predecessor's answer within the grace.
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

/// A repetition finds the row that it has ended, and says so again.
const END: &str = concat!(
    "UPDATE sessions
        SET ended_at = ?3,
            end_reason = ?4
      WHERE id = ?1
        AND user_id = ?2
        AND (ended_at IS NULL OR (ended_at = ?3 AND end_reason = ?4))
  RETURNING ",
    revoked_columns!()
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

const END_ALL: &str = concat!(
    "UPDATE sessions
        SET ended_at = ?3,
            end_reason = ?4
      WHERE user_id = ?1
        AND id IS NOT ?2
        AND ended_at IS NULL
  RETURNING ",
    revoked_columns!()
);

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

impl SessionStore for Database {
    async fn begin(&self, login: &Login) -> Result<Option<Vec<RevokedToken>>, StoreError> {
        let Login { session, now, .. } = login;
        let now = Param::Int(now.get());
        let id = session.id.to_string();
        let user = session.user.to_string();
        let token = session.generation.current.to_string();
        let carried = login
            .carried
            .map(|session| session.map(|session| session.to_string()));
        let [first, second] = &carried;
        let insert = Statement {
            sql: INSERT_SESSION,
            params: vec![
                Param::Text(&id),
                Param::Text(&user),
                Param::Text(&token),
                now,
                Param::Int(session.idle_expires_at.get()),
                Param::Int(session.absolute_expires_at.get()),
                Param::optional(session.device.user_agent.as_deref()),
                Param::optional(session.device.country.as_deref()),
                Param::Int(login.verified.0),
            ],
        };
        let end_carried = Statement {
            sql: END_CARRIED,
            params: vec![
                Param::Text(&id),
                Param::optional(first.as_deref()),
                Param::optional(second.as_deref()),
                Param::Int(login.now.get()),
                Param::Text(EndReason::Replaced.as_str()),
            ],
        };
        let evict = Statement {
            sql: EVICT,
            params: vec![
                Param::Text(&user),
                Param::Int(login.now.get()),
                Param::Text(EndReason::Evicted.as_str()),
                Param::Int(i64::try_from(MAX_LIVE_SESSIONS - 1).unwrap_or(i64::MAX)),
                Param::Text(&id),
            ],
        };
        let check = Statement {
            sql: HAS_BEGUN,
            params: vec![Param::Text(&id)],
        };
        let forget = Statement {
            sql: FORGET_ATTEMPTS,
            params: vec![
                Param::Text(&id),
                Param::Text(login.attempts.pair.as_str()),
                Param::Text(login.attempts.account.as_str()),
            ],
        };
        let (carried, evicted, begun) = if let Some(Rehash { from, to }) = &login.rehash {
            let rehash = Statement {
                sql: REHASH,
                params: vec![
                    Param::Text(&user),
                    Param::Text(to.expose()),
                    Param::Text(from.expose()),
                    Param::Text(&id),
                ],
            };
            let [_, carried, evicted, begun, ..] = self
                .batch([insert, end_carried, evict, check, forget, rehash])
                .await?;
            (carried, evicted, begun)
        } else {
            let [_, carried, evicted, begun, _] = self
                .batch([insert, end_carried, evict, check, forget])
                .await?;
            (carried, evicted, begun)
        };
        if rows::<HasBegunRow>(&begun)?.is_empty() {
            return Ok(None);
        }
        let mut ended = rows::<RevokedRow>(&carried)?;
        ended.extend(rows::<RevokedRow>(&evicted)?);
        revoked_tokens(ended).map(Some)
    }

    async fn rotate(&self, request: &RotationRequest) -> Result<Rotation, StoreError> {
        let session = request.session.to_string();
        let user = request.user.to_string();
        let presented = request.presented.to_string();
        let successor = request.successor.to_string();
        let now = request.now.get();
        let grace = i64::from(request.grace.get());
        let rotate = Statement {
            sql: ROTATE,
            params: vec![
                Param::Text(&session),
                Param::Text(&user),
                Param::Text(&presented),
                Param::Text(&successor),
                Param::Int(now),
                Param::Int(i64::from(request.idle.get())),
            ],
        };
        let punish = Statement {
            sql: PUNISH_REUSE,
            params: vec![
                Param::Text(&session),
                Param::Text(&user),
                Param::Text(&presented),
                Param::Int(now),
                Param::Int(grace),
                Param::Text(EndReason::Reuse.as_str()),
            ],
        };
        let survivor = Statement {
            sql: SURVIVOR,
            params: vec![
                Param::Text(&session),
                Param::Text(&user),
                Param::Text(&presented),
                Param::Int(now),
                Param::Int(grace),
            ],
        };
        let [rotated, punished, survivor] = self.batch([rotate, punish, survivor]).await?;
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
        now: UnixSeconds,
    ) -> Result<Vec<RevokedToken>, StoreError> {
        let user = user.to_string();
        let except = except.map(|session| session.to_string());
        let end = Statement {
            sql: END_ALL,
            params: vec![
                Param::Text(&user),
                Param::optional(except.as_deref()),
                Param::Int(now.get()),
                Param::Text(EndReason::Revoked.as_str()),
            ],
        };
        let [ended] = self.batch([end]).await?;
        revoked_tokens(rows::<RevokedRow>(&ended)?)
    }

    async fn end(
        &self,
        session: SessionId,
        user: UserId,
        reason: EndReason,
        now: UnixSeconds,
    ) -> Result<Vec<RevokedToken>, StoreError> {
        let session = session.to_string();
        let user = user.to_string();
        let end = Statement {
            sql: END,
            params: vec![
                Param::Text(&session),
                Param::Text(&user),
                Param::Int(now.get()),
                Param::Text(reason.as_str()),
            ],
        };
        let [ended] = self.batch([end]).await?;
        revoked_tokens(rows::<RevokedRow>(&ended)?)
    }
}

#[derive(Deserialize)]
struct HasBegunRow {
    #[expect(dead_code, reason = "the row's presence is the answer")]
    id: String,
}
