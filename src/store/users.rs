//! Reads accounts, and changes the display name.

use super::row::Row;
use super::{damaged, first};
use crate::domain::audit::Trace;
use crate::domain::id::{SessionId, UserId};
use crate::domain::identity::email::Email;
use crate::domain::identity::user::{User, UserName};
use crate::domain::session::SessionKey;
use crate::domain::time::UnixSeconds;
use crate::ports::{Database, Statement, StoreError};

/// A user with their live sessions.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user, active or not.
    pub user: User,
    /// The ids of the live sessions.
    pub live_sessions: Vec<SessionId>,
}

const READ_ACCOUNT: Statement = Statement::new(concat!(
    "/* read account */
     SELECT ",
    user_columns!(),
    ",
            (SELECT json_group_array(id)
               FROM sessions
              WHERE user_id = ?2
                AND ",
    live!(),
    ") AS live_sessions
       FROM users
      WHERE id = ?2"
));

/// Returns a user with the sessions that are live at `now`. One round trip.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn account(
    database: &impl Database,
    user: UserId,
    now: UnixSeconds,
) -> Result<Option<Account>, StoreError> {
    let params = [now.get().into(), user.to_string().into()];
    first(database, READ_ACCOUNT, &params, |row| {
        Ok(Account {
            live_sessions: serde_json::from_str(&row.text("live_sessions")?)
                .map_err(|_| damaged("sessions.id", "is not an id"))?,
            user: read_user(row)?,
        })
    })
    .await
}

/// Changes the name, from a live session. Parameters: ?5 name.
const RENAME: Statement = Statement::new(concat!(
    "/* rename */
     UPDATE users
        SET name = ?5,
            updated_at = ?1,
            trace = ?4
      WHERE id = ?2
        AND ",
    caller_is_live!(),
    " RETURNING ",
    user_columns!()
));

/// Changes the caller's display name. `None` when the caller's session is not live; then nothing
/// has changed. One round trip of one statement.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn rename(
    database: &impl Database,
    caller: SessionKey,
    name: Option<&UserName>,
    trace: &Trace,
) -> Result<Option<User>, StoreError> {
    let params = [
        trace.at.get().into(),
        caller.user.to_string().into(),
        caller.id.to_string().into(),
        trace.to_json(Some(caller.id)).into(),
        name.map(UserName::as_str).into(),
    ];
    first(database, RENAME, &params, read_user).await
}

/// Reads the columns of `user_columns!`.
pub(super) fn read_user(row: &Row<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: row.user_id("id")?,
        email: Email::parse(&row.text("email")?)
            .map_err(|_| damaged("users.email", "is not an address"))?,
        name: row.optional_text("name")?,
        is_active: row.is("is_active")?,
        is_superuser: row.is("is_superuser")?,
        role_slug: row.text("role_slug")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
