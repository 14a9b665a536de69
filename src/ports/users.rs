//! Users and their roles, with the counters of attempts to log in.

use super::StoreError;
use super::sessions::RevokedToken;
use crate::domain::audit::Trace;
use crate::domain::email::Email;
use crate::domain::hashing::StoredHash;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::throttle::AttemptKeys;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::domain::user::{RoleSlug, User, UserName};

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

/// The outcome of a registration.
#[must_use]
#[derive(Debug)]
pub enum Registration {
    /// The row exists and is this person's.
    Registered(User),
    /// The address belongs to another row.
    EmailTaken,
    /// The role is not in the database: the deployment's configuration is wrong.
    NoSuchRole,
}

/// Which of a user's passwords, in the order in which they were chosen. A rehash of the same
/// password keeps it: two devices that log in at once may both rehash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordVersion(pub i64);

/// A user with what proves that somebody is that user.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user, active or not.
    pub user: User,
    /// The password's hash.
    pub hash: StoredHash,
    /// The password's version.
    pub version: PasswordVersion,
}

/// A user with the sessions that are live.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user, active or not.
    pub user: User,
    /// The ids of the sessions that are neither ended nor expired.
    pub live_sessions: Vec<SessionId>,
}

/// A new password to be stored in place of the one that was verified.
#[derive(Debug)]
pub struct PasswordReplacement {
    /// Whose password.
    pub user: UserId,
    /// The session from which it is changed; it must still be live.
    pub session: SessionId,
    /// The password that was verified; it must still be the current one.
    pub verified: PasswordVersion,
    /// The hash of the next one.
    pub new: StoredHash,
    /// The counters that the change sets back.
    pub attempts: AttemptKeys,
    /// The time of the change, and where it comes from.
    pub trace: Trace,
}

/// A try of a password, to be counted before it costs a hash.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The counters that it moves.
    pub keys: AttemptKeys,
    /// Random, so that a repetition is known.
    pub id: TokenId,
    /// The time of the attempt.
    pub now: UnixSeconds,
}

/// Somebody who tries to log in.
#[derive(Clone, Debug)]
pub struct LoginAttempt {
    /// What is counted.
    pub counted: Attempt,
    /// The address they give.
    pub email: Email,
    /// The sessions that the request's cookies name: a device that has a live session of this
    /// account is let through when the account is slowed from everywhere.
    pub carried: [Option<SessionId>; 2],
}

/// What becomes of an attempt.
#[must_use]
#[derive(Clone, Debug)]
pub enum Attempted {
    /// It counts, and may cost a hash.
    Admitted(Option<Credentials>),
    /// It is too early, whoever the address belongs to, if anybody.
    Throttled(Throttled),
}

/// An attempt that comes too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// How long to wait.
    pub pause: Seconds,
    /// Whose account it is about, for the audit log; nobody is told.
    pub user: Option<UserId>,
}

/// Users and roles, in D1. What changes an account, it records in the audit log, in the same
/// transaction; a repetition does not record it again.
pub trait UserStore {
    /// Adds a user with a role. One round trip. Repeating it with the same argument gives
    /// the same outcome.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn register(&self, user: &NewUser) -> Result<Registration, StoreError>;

    /// Counts an attempt to log in, and finds the user if it is let through. One round trip,
    /// the same for every address. Repeating it with the same argument counts once.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn attempt(&self, attempt: &LoginAttempt) -> Result<Attempted, StoreError>;

    /// Counts a try of the current password, and finds the user of a session if it is let
    /// through, the session live and the user active. One round trip. Repeating it with the
    /// same argument counts once.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn credentials_in(
        &self,
        session: SessionId,
        user: UserId,
        attempt: &Attempt,
    ) -> Result<Attempted, StoreError>;

    /// A user with the sessions that are live at `now`. One round trip.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn account(&self, user: UserId, now: UnixSeconds) -> Result<Option<Account>, StoreError>;

    /// Changes the display name; `None` when there is no such active user. One round trip.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn rename(
        &self,
        user: UserId,
        name: Option<&UserName>,
        now: UnixSeconds,
    ) -> Result<Option<User>, StoreError>;

    /// Stores a new password and ends every session of the user, in one transaction and one
    /// round trip. `None` when the session was over or the password another: then nothing has
    /// changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn replace_password(
        &self,
        change: &PasswordReplacement,
    ) -> Result<Option<Vec<RevokedToken>>, StoreError>;
}
