//! Rows as D1 hands them over, and what they become.

use serde::Deserialize;

use super::damaged;
use crate::domain::email::Email;
use crate::domain::hashing::StoredHash;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::session::{Device, Generation, Session};
use crate::domain::time::UnixSeconds;
use crate::domain::user::User;
use crate::ports::{Account, Credentials, PasswordVersion, RevokedToken, StoreError};

/// The columns of [`UserRow`], from `users AS u` and `roles AS r`.
macro_rules! user_columns {
    () => {
        "u.id,
         u.email,
         u.name,
         u.is_active,
         u.is_superuser,
         u.role_slug,
         r.name AS role_name,
         u.created_at,
         u.updated_at"
    };
}
pub(super) use user_columns;

/// The columns of [`RevokedRow`], from `sessions`.
macro_rules! revoked_columns {
    () => {
        "current_jti,
         previous_jti,
         idle_expires_at"
    };
}
pub(super) use revoked_columns;

/// A user with the role's name, and what the query asked for beside it.
#[derive(Deserialize)]
pub(super) struct UserRow {
    id: String,
    email: String,
    name: Option<String>,
    is_active: u8,
    is_superuser: u8,
    role_slug: String,
    role_name: String,
    created_at: i64,
    updated_at: i64,
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    password_version: i64,
    /// A JSON array of session ids.
    #[serde(default)]
    live_sessions: Option<String>,
}

impl UserRow {
    pub(super) fn into_credentials(mut self) -> Result<Credentials, StoreError> {
        let hash = self
            .password_hash
            .take()
            .ok_or_else(|| damaged("users.password_hash", "is missing"))?;
        let version = PasswordVersion(self.password_version);
        Ok(Credentials {
            version,
            user: self.into_user()?,
            hash: StoredHash::from_database(hash),
        })
    }

    pub(super) fn into_account(mut self) -> Result<Account, StoreError> {
        let sessions = self.live_sessions.take().unwrap_or_default();
        Ok(Account {
            live_sessions: serde_json::from_str::<Vec<SessionId>>(&sessions)
                .map_err(|_| damaged("sessions.id", "is not an id"))?,
            user: self.into_user()?,
        })
    }

    pub(super) fn into_user(self) -> Result<User, StoreError> {
        Ok(User {
            id: UserId::parse(&self.id).map_err(|_| damaged("users.id", "is not an id"))?,
            email: Email::parse(&self.email)
                .map_err(|_| damaged("users.email", "is not an address"))?,
            name: self.name,
            is_active: self.is_active == 1,
            is_superuser: self.is_superuser == 1,
            role_slug: self.role_slug,
            role_name: self.role_name,
            created_at: UnixSeconds::new(self.created_at),
            updated_at: UnixSeconds::new(self.updated_at),
        })
    }
}

/// The refresh tokens that end with a session.
#[derive(Deserialize)]
pub(super) struct RevokedRow {
    current_jti: String,
    previous_jti: Option<String>,
    idle_expires_at: i64,
}

/// A session that is not ended.
#[derive(Deserialize)]
pub(super) struct SessionRow {
    id: String,
    user_id: String,
    current_jti: String,
    previous_jti: Option<String>,
    rotated_at: Option<i64>,
    created_at: i64,
    last_used_at: i64,
    idle_expires_at: i64,
    absolute_expires_at: i64,
    user_agent: Option<String>,
    country: Option<String>,
}

impl SessionRow {
    pub(super) fn into_live_session(self) -> Result<Session, StoreError> {
        let previous = match (self.previous_jti, self.rotated_at) {
            (Some(jti), Some(rotated_at)) => Some((token_id(&jti)?, UnixSeconds::new(rotated_at))),
            _ => None,
        };
        Ok(Session {
            id: SessionId::parse(&self.id).map_err(|_| damaged("sessions.id", "is not an id"))?,
            user: UserId::parse(&self.user_id)
                .map_err(|_| damaged("sessions.user_id", "is not an id"))?,
            generation: Generation {
                current: token_id(&self.current_jti)?,
                previous,
            },
            created_at: UnixSeconds::new(self.created_at),
            last_used_at: UnixSeconds::new(self.last_used_at),
            idle_expires_at: UnixSeconds::new(self.idle_expires_at),
            absolute_expires_at: UnixSeconds::new(self.absolute_expires_at),
            ended: None,
            device: Device {
                user_agent: self.user_agent,
                country: self.country,
            },
        })
    }
}

/// The tokens of ended sessions, for the revocation list.
pub(super) fn revoked_tokens(rows: Vec<RevokedRow>) -> Result<Vec<RevokedToken>, StoreError> {
    let mut tokens = Vec::with_capacity(rows.len() * 2);
    for row in rows {
        for jti in [Some(row.current_jti), row.previous_jti]
            .into_iter()
            .flatten()
        {
            tokens.push(RevokedToken {
                id: token_id(&jti)?,
                expires_at: UnixSeconds::new(row.idle_expires_at),
            });
        }
    }
    Ok(tokens)
}

pub(super) fn token_id(text: &str) -> Result<TokenId, StoreError> {
    TokenId::parse(text).map_err(|_| damaged("sessions.current_jti", "is not an id"))
}
