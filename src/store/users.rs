//! Users: registering them, reading an account, changing the display name.

use super::row::{self, Row};
use super::{Caller, damaged, first, result};
use crate::domain::audit::Trace;
use crate::domain::email::Email;
use crate::domain::hashing::StoredHash;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::UnixSeconds;
use crate::domain::user::{RoleSlug, User, UserName};
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// A person who registers; everything is chosen before the write, so that it may be repeated.
#[derive(Debug)]
pub struct NewUser {
    /// The id the row gets.
    pub id: UserId,
    /// The canonical address.
    pub email: Email,
    /// The display name.
    pub name: Option<UserName>,
    /// The hash of the password.
    pub hash: StoredHash,
    /// The role the row gets.
    pub role: RoleSlug,
    /// The time of registration, and where it comes from.
    pub trace: Trace,
}

/// A user with the role's name for people, which only registering shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The user.
    pub user: User,
    /// The role's name.
    pub role_name: String,
}

/// The outcome of a registration.
#[must_use]
#[derive(Debug)]
pub enum Registration {
    /// The row exists and is this person's.
    Registered(Registered),
    /// The address belongs to another row.
    EmailTaken,
    /// The role is not in the database: the deployment's configuration is wrong.
    NoSuchRole,
}

/// A user with the sessions that are live.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user, active or not.
    pub user: User,
    /// The ids of the sessions that are neither ended nor expired.
    pub live_sessions: Vec<SessionId>,
}

/// Parameters: ?5 address, ?6 name, ?7 hash, ?8 role. Adds nothing when the address is taken or the
/// role unknown; the next statement tells which.
const REGISTER: Statement = Statement::new(
    "/* register */
     INSERT INTO users (id, email, name, password_hash, role_slug, created_at, updated_at, trace)
     SELECT ?2, ?5, ?6, ?7, slug, ?1, ?1, ?4
       FROM roles
      WHERE slug = ?8
         ON CONFLICT DO NOTHING",
);

const READ_REGISTERED: Statement = Statement::new(
    "/* read registered */
     SELECT u.id,
            u.email,
            u.name,
            u.is_active,
            u.is_superuser,
            u.role_slug,
            u.created_at,
            u.updated_at,
            r.name AS role_name
       FROM users AS u
       JOIN roles AS r ON r.slug = u.role_slug
      WHERE u.email = ?5",
);

/// Adds a user with a role. One round trip. Repeating it with the same argument gives the same
/// outcome: the id of the row that is found decides whose it is.
///
/// # Errors
///
/// [`StoreError`].
pub async fn register(
    database: &impl Database,
    user: &NewUser,
) -> Result<Registration, StoreError> {
    let params = [
        user.trace.at.get().into(),
        user.id.to_string().into(),
        Param::Null,
        user.trace.to_json(None).into(),
        user.email.as_str().into(),
        user.name.as_ref().map(UserName::as_str).into(),
        user.hash.expose().into(),
        user.role.as_str().into(),
    ];
    let batch = Batch::new(&params, [REGISTER, READ_REGISTERED]);
    let results = database.run(&batch).await?;
    let found = row::first(result(&results, 1)?, |row| {
        Ok(Registered {
            user: read_user(row)?,
            role_name: row.text("role_name")?,
        })
    })?;
    Ok(match found {
        None => Registration::NoSuchRole,
        Some(registered) if registered.user.id == user.id => Registration::Registered(registered),
        Some(_) => Registration::EmailTaken,
    })
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

/// A user with the sessions that are live at `now`. One round trip.
///
/// # Errors
///
/// [`StoreError`].
pub async fn account(
    database: &impl Database,
    user: UserId,
    now: UnixSeconds,
) -> Result<Option<Account>, StoreError> {
    let params = [now.get().into(), user.to_string().into()];
    first(database, (READ_ACCOUNT, &params), |row| {
        Ok(Account {
            live_sessions: serde_json::from_str(&row.text("live_sessions")?)
                .map_err(|_| damaged("sessions.id", "is not an id"))?,
            user: read_user(row)?,
        })
    })
    .await
}

/// Parameters: ?5 name.
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

/// Changes the caller's display name; `None` when the caller's session is over, and then nothing
/// has changed. One round trip of one statement.
///
/// # Errors
///
/// [`StoreError`].
pub async fn rename(
    database: &impl Database,
    caller: Caller,
    name: Option<&UserName>,
    trace: &Trace,
) -> Result<Option<User>, StoreError> {
    let params = [
        trace.at.get().into(),
        caller.user.to_string().into(),
        caller.session.to_string().into(),
        trace.to_json(Some(caller.session)).into(),
        name.map(UserName::as_str).into(),
    ];
    first(database, (RENAME, &params), read_user).await
}

/// Reads the `user_columns!`.
fn read_user(row: &Row<'_>) -> Result<User, StoreError> {
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
