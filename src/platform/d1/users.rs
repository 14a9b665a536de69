//! `UserStore` on D1.

use worker::D1Result;

use super::attempts::Circumstances;
use super::audit::{audit_rows, record};
use super::rows::{RevokedRow, UserRow, revoked_columns, revoked_tokens, user_columns};
use super::{Database, Param, Statement, changes, first_row, rows};
use crate::domain::audit::AuditEvent;
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::EndReason;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::domain::user::{User, UserName};
use crate::ports::{
    Account, Attempt, Attempted, LoginAttempt, NewUser, PasswordReplacement, Registration,
    RevokedToken, StoreError, Throttled, UserStore,
};

/// As `INSERT_USER`, which comes after it.
const RECORD_REGISTRATION: &str = audit_rows!(
    "?6",
    "NULL",
    "NULL",
    "FROM roles
    WHERE slug = ?8
      AND NOT EXISTS (SELECT 1 FROM users WHERE email = ?7)"
);

/// Adds nothing when the address is taken or the role unknown; which of them, the next
/// statement tells.
const INSERT_USER: &str = "
    INSERT INTO users (id, email, name, password_hash, role_slug, created_at, updated_at)
    SELECT ?1, ?2, ?3, ?4, slug, ?6, ?6
      FROM roles
     WHERE slug = ?5
        ON CONFLICT (email) DO NOTHING";

const USER_BY_EMAIL: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", u.password_hash, u.password_version
       FROM users AS u
       JOIN roles AS r ON r.slug = u.role_slug
      WHERE u.email = ?1"
);

const USER_IN_SESSION: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", u.password_hash, u.password_version
       FROM sessions AS s
       JOIN users AS u ON u.id = s.user_id
       JOIN roles AS r ON r.slug = u.role_slug
      WHERE s.id = ?1
        AND s.user_id = ?2
        AND s.ended_at IS NULL
        AND s.idle_expires_at > ?3
        AND s.absolute_expires_at > ?3
        AND u.is_active = 1"
);

const ACCOUNT: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", (SELECT json_group_array(s.id)
          FROM sessions AS s
         WHERE s.user_id = u.id
           AND s.ended_at IS NULL
           AND s.idle_expires_at > ?2
           AND s.absolute_expires_at > ?2) AS live_sessions
       FROM users AS u
       JOIN roles AS r ON r.slug = u.role_slug
      WHERE u.id = ?1"
);

const RENAME: &str = "
    UPDATE users
       SET name = ?2,
           updated_at = ?3
     WHERE id = ?1
       AND is_active = 1";

const ACTIVE_USER: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM users AS u
       JOIN roles AS r ON r.slug = u.role_slug
      WHERE u.id = ?1
        AND u.is_active = 1"
);

/// The verified password stands, and the session from which it is changed is live.
macro_rules! password_stands {
    ($user:literal, $version:literal, $session:literal, $now:literal) => {
        concat!(
            "password_version = ",
            $version,
            " AND EXISTS (SELECT 1
                            FROM sessions
                           WHERE id = ",
            $session,
            " AND user_id = ",
            $user,
            " AND ended_at IS NULL
              AND idle_expires_at > ",
            $now,
            " AND absolute_expires_at > ",
            $now,
            ")"
        )
    };
}

const RECORD_CHANGE: &str = audit_rows!(
    "id",
    "?8",
    "NULL",
    concat!(
        "FROM users WHERE id = ?6 AND is_active = 1 AND ",
        password_stands!("?6", "?7", "?8", "?2")
    )
);

/// Compare-and-set on the verified version, from a session that is live. When the batch is
/// repeated the new hash stands already and counts as replaced: the salt makes it ours.
const REPLACE_PASSWORD: &str = concat!(
    "UPDATE users
        SET password_hash = ?2,
            password_version = ?3 + 1,
            updated_at = ?5
      WHERE id = ?1
        AND is_active = 1
        AND (password_hash = ?2
             OR (",
    password_stands!("?1", "?3", "?4", "?5"),
    "))"
);

/// Only when the new password stands, in the same transaction.
const END_ALL_SESSIONS: &str = concat!(
    "UPDATE sessions
        SET ended_at = ?3,
            end_reason = ?4
      WHERE user_id = ?1
        AND ended_at IS NULL
        AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND password_hash = ?2)
  RETURNING ",
    revoked_columns!()
);

/// As `END_ALL_SESSIONS`; a success forgets the failures before it.
const FORGET_ATTEMPTS: &str = "
    DELETE FROM login_attempts
     WHERE key IN (?3, ?4)
       AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND password_hash = ?2)";

fn attempted(pause: Option<Seconds>, user: &D1Result) -> Result<Attempted, StoreError> {
    let found = first_row::<UserRow>(user)?
        .map(UserRow::into_credentials)
        .transpose()?;
    Ok(match pause {
        None => Attempted::Admitted(found),
        Some(pause) => Attempted::Throttled(Throttled {
            pause,
            user: found.map(|found| found.user.id),
        }),
    })
}

impl UserStore for Database {
    async fn register(&self, user: &NewUser) -> Result<Registration, StoreError> {
        let id = user.id.to_string();
        let insert = Statement {
            sql: INSERT_USER,
            params: vec![
                Param::Text(&id),
                Param::Text(user.email.as_str()),
                Param::optional(user.name.as_ref().map(UserName::as_str)),
                Param::Text(user.hash.expose()),
                Param::Text(user.role.as_str()),
                Param::Int(user.trace.at.get()),
            ],
        };
        let registration = record(
            RECORD_REGISTRATION,
            (AuditEvent::Registered, &user.trace),
            [
                Param::Text(&id),
                Param::Text(user.email.as_str()),
                Param::Text(user.role.as_str()),
            ],
        );
        let read = Statement {
            sql: USER_BY_EMAIL,
            params: vec![Param::Text(user.email.as_str())],
        };
        let [_, _, read] = self.batch([registration, insert, read]).await?;
        let Some(row) = first_row::<UserRow>(&read)? else {
            return Ok(Registration::NoSuchRole);
        };
        let stored = row.into_user()?;
        Ok(if stored.id == user.id {
            Registration::Registered(stored)
        } else {
            Registration::EmailTaken
        })
    }

    async fn attempt(&self, attempt: &LoginAttempt) -> Result<Attempted, StoreError> {
        let user = Statement {
            sql: USER_BY_EMAIL,
            params: vec![Param::Text(attempt.email.as_str())],
        };
        let circumstances = Circumstances {
            email: Some(&attempt.email),
            carried: attempt.carried,
            within: None,
        };
        let (pause, user) = self
            .count_attempt(&attempt.counted, circumstances, user)
            .await?;
        attempted(pause, &user)
    }

    async fn rename(
        &self,
        user: UserId,
        name: Option<&UserName>,
        now: UnixSeconds,
    ) -> Result<Option<User>, StoreError> {
        let user = user.to_string();
        let rename = Statement {
            sql: RENAME,
            params: vec![
                Param::Text(&user),
                Param::optional(name.map(UserName::as_str)),
                Param::Int(now.get()),
            ],
        };
        let read = Statement {
            sql: ACTIVE_USER,
            params: vec![Param::Text(&user)],
        };
        let [_, read] = self.batch([rename, read]).await?;
        let row = first_row::<UserRow>(&read)?;
        row.map(UserRow::into_user).transpose()
    }

    async fn credentials_in(
        &self,
        session: SessionId,
        user: UserId,
        attempt: &Attempt,
    ) -> Result<Attempted, StoreError> {
        let circumstances = Circumstances {
            within: Some(session),
            ..Circumstances::default()
        };
        let session = session.to_string();
        let user = user.to_string();
        let read = Statement {
            sql: USER_IN_SESSION,
            params: vec![
                Param::Text(&session),
                Param::Text(&user),
                Param::Int(attempt.now.get()),
            ],
        };
        let (pause, read) = self.count_attempt(attempt, circumstances, read).await?;
        attempted(pause, &read)
    }

    async fn account(&self, user: UserId, now: UnixSeconds) -> Result<Option<Account>, StoreError> {
        let row: Option<UserRow> = self
            .first(Statement {
                sql: ACCOUNT,
                params: vec![Param::Text(&user.to_string()), Param::Int(now.get())],
            })
            .await?;
        row.map(UserRow::into_account).transpose()
    }

    async fn replace_password(
        &self,
        change: &PasswordReplacement,
    ) -> Result<Option<Vec<RevokedToken>>, StoreError> {
        let user = change.user.to_string();
        let session = change.session.to_string();
        let now = change.trace.at.get();
        let record_change = record(
            RECORD_CHANGE,
            (AuditEvent::PasswordChanged, &change.trace),
            [
                Param::Text(&user),
                Param::Int(change.verified.0),
                Param::Text(&session),
            ],
        );
        let replace = Statement {
            sql: REPLACE_PASSWORD,
            params: vec![
                Param::Text(&user),
                Param::Text(change.new.expose()),
                Param::Int(change.verified.0),
                Param::Text(&session),
                Param::Int(now),
            ],
        };
        let end = Statement {
            sql: END_ALL_SESSIONS,
            params: vec![
                Param::Text(&user),
                Param::Text(change.new.expose()),
                Param::Int(now),
                Param::Text(EndReason::PasswordChanged.as_str()),
            ],
        };
        let forget = Statement {
            sql: FORGET_ATTEMPTS,
            params: vec![
                Param::Text(&user),
                Param::Text(change.new.expose()),
                Param::Text(change.attempts.pair.as_str()),
                Param::Text(change.attempts.account.as_str()),
            ],
        };
        let [_, replaced, ended, _] = self.batch([record_change, replace, end, forget]).await?;
        if changes(&replaced)? == 0 {
            return Ok(None);
        }
        revoked_tokens(rows::<RevokedRow>(&ended)?).map(Some)
    }
}
