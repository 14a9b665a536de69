//! What the service needs of the outside world: a trait for each role.
//!
//! D1 decides, KV remembers. The two stores are the truth: their answers are those of one
//! transaction on the primary. The revocation list and the user cache are copies that may be
//! late, lost or down; no answer of theirs ever makes a revoked token good, and so their
//! methods cannot fail: an adapter logs its trouble and answers "nothing known".
//!
//! Everything here runs on one thread, so nothing is `Send`.
#![expect(
    async_fn_in_trait,
    reason = "a Worker is single-threaded: no caller needs a Send bound on these futures"
)]

mod log;

use core::fmt;
use core::future::Future;

use serde::{Deserialize, Serialize};

use crate::domain::audit::{AuditCursor, AuditEntry, AuditEvent, Trace};
use crate::domain::breach::RangePrefix;
use crate::domain::email::Email;
use crate::domain::hashing::StoredHash;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::session::{EndReason, Session};
use crate::domain::throttle::AttemptKeys;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::domain::user::{Profile, RoleSlug, User, UserName};
pub use log::{Identified, Level, Line, Log, Member};

/// Why a store has no answer. The cause is for the log, never for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The database is gone, overloaded, too slow, or without its tables. Whether a write
    /// took effect is not known; every write may be repeated with the same arguments.
    Unavailable {
        /// What the platform said.
        cause: String,
    },
    /// A row does not have the form that the migrations give it.
    Damaged {
        /// Which column, and how.
        cause: String,
    },
}

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

/// A refresh token that no longer rotates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedToken {
    /// The token's id.
    pub id: TokenId,
    /// When it would have expired: from then on nobody needs to remember it.
    pub expires_at: UnixSeconds,
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

/// A hash to be replaced by another one of the same password.
#[derive(Debug)]
pub struct Rehash {
    /// The hash that was verified; whatever else stands there meanwhile is left alone.
    pub from: StoredHash,
    /// The hash that takes its place.
    pub to: StoredHash,
}

/// A login to be recorded.
#[derive(Debug)]
pub struct Login {
    /// The session that begins.
    pub session: Session,
    /// The password that was verified; it must still be the current one, so that a login
    /// cannot outrun a change of the password.
    pub verified: PasswordVersion,
    /// A hash of today's setting to be stored.
    pub rehash: Option<Rehash>,
    /// The sessions that the request carried: at most one for each cookie.
    pub carried: [Option<SessionId>; 2],
    /// The counters that the login sets back.
    pub attempts: AttemptKeys,
    /// The time of the login, and where it comes from.
    pub trace: Trace,
}

/// A refresh token that asks for its successor.
#[derive(Clone, Debug)]
pub struct RotationRequest {
    /// The session the token names.
    pub session: SessionId,
    /// The user the token names.
    pub user: UserId,
    /// The token's id.
    pub presented: TokenId,
    /// The id that its successor gets if it rotates.
    pub successor: TokenId,
    /// How long an idle session lasts from now.
    pub idle: Seconds,
    /// How long the immediate predecessor is forgiven.
    pub grace: Seconds,
    /// The time of the request, and where it comes from.
    pub trace: Trace,
}

/// What a rotation, or its repetition, leaves behind.
#[derive(Clone, Debug)]
pub struct RotatedSession {
    /// The id of the current refresh token.
    pub refresh_id: TokenId,
    /// When it was issued.
    pub issued_at: UnixSeconds,
    /// When it expires.
    pub expires_at: UnixSeconds,
    /// The user's role.
    pub role: String,
}

/// The outcome of a refresh.
#[must_use]
#[derive(Clone, Debug)]
pub enum Rotation {
    /// The token was the current one, and is superseded now; or it was the immediate
    /// predecessor, within the grace, and nothing has changed. Both get the same answer.
    Rotated(RotatedSession),
    /// The token had been superseded; the session is over now.
    Reused(Vec<RevokedToken>),
    /// The session is over, or not the user's, or the user is inactive; nothing has changed.
    Dead,
}

/// Sessions, in D1. What it changes, it records in the audit log, in the same transaction.
pub trait SessionStore {
    /// Begins a session, ends the ones it replaces and those over the cap, and stores the
    /// new hash, in one transaction and one round trip. `None` when the user has become
    /// inactive or the password another: then nothing has changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn begin(&self, login: &Login) -> Result<Option<Vec<RevokedToken>>, StoreError>;

    /// Rotates a refresh token, answers its predecessor, or punishes its reuse, in one
    /// transaction and one round trip. Nothing is read before it is decided: of any number
    /// of parallel calls with one token exactly one changes the session, and the answers to
    /// all of them are equal.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn rotate(&self, request: &RotationRequest) -> Result<Rotation, StoreError>;

    /// The user's live sessions, the most recently used first. One round trip.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn list(&self, user: UserId, now: UnixSeconds) -> Result<Vec<Session>, StoreError>;

    /// Ends all live sessions of the user but `except`. One round trip.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn end_all(
        &self,
        user: UserId,
        except: Option<SessionId>,
        trace: &Trace,
    ) -> Result<Vec<RevokedToken>, StoreError>;

    /// Ends a session of the user, if it is not over. One round trip.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn end(
        &self,
        session: SessionId,
        user: UserId,
        reason: EndReason,
        trace: &Trace,
    ) -> Result<Vec<RevokedToken>, StoreError>;
}

/// Refusals, to be added up in the audit log.
#[derive(Debug)]
pub struct Refused {
    /// What was refused.
    pub event: AuditEvent,
    /// Whose account it was about, if that is known.
    pub user: Option<UserId>,
    /// How many of them.
    pub count: u32,
    /// When and from where the last one came.
    pub trace: Trace,
}

/// The audit log, in D1.
pub trait AuditLog {
    /// Adds to the row that refusals of one kind about one user share for an hour. One round
    /// trip, which is not repeated: what is lost is not counted, and nothing is counted twice.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn add(&self, refused: &Refused) -> Result<(), StoreError>;

    /// At most `limit` events of the user's, the newest first, from `cursor` on. One round
    /// trip.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn events(
        &self,
        user: UserId,
        cursor: AuditCursor,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;
}

/// Removes rows that nothing can refer to any more, in D1.
pub trait Housekeeping {
    /// Removes at most `limit` sessions that were over before `now` and whose tokens have all
    /// expired; `idle` is the longest life of a refresh token. Tells how many.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn remove_dead_sessions(
        &self,
        idle: Seconds,
        limit: u32,
        now: UnixSeconds,
    ) -> Result<usize, StoreError>;

    /// Removes at most `limit` counters of login attempts that are as good as new. Tells how
    /// many.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn remove_old_attempts(&self, limit: u32, now: UnixSeconds) -> Result<usize, StoreError>;

    /// Removes those of the `limit` oldest audit events that are from before `before`. Tells
    /// how many.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn remove_old_events(&self, limit: u32, before: UnixSeconds)
    -> Result<usize, StoreError>;
}

/// Refresh tokens whose session is over for good, in KV: refuses when the database has no
/// answer, and never decides in favour of a token.
pub trait RevocationList {
    /// Whether the token is known to have ended; not when nothing is known, or the list is down.
    async fn has_ended(&self, token: TokenId) -> bool;

    /// Remembers a token until it would have expired, best effort.
    async fn add(&self, token: RevokedToken, now: UnixSeconds);
}

/// A copy of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CachedAccount {
    /// The user.
    pub user: Profile,
    /// The sessions that were live.
    pub sessions: Vec<SessionId>,
    /// When the database was asked; the copy counts for a bounded time from here.
    pub read_at: UnixSeconds,
}

/// Copies of accounts for display, in KV.
pub trait UserCache {
    /// The copy, of whatever age; `None` when there is none, it cannot be read, or the cache
    /// is down.
    async fn find(&self, user: UserId) -> Option<CachedAccount>;

    /// Keeps a copy, best effort.
    async fn keep(&self, account: &CachedAccount);

    /// Drops the copy, best effort.
    async fn drop_copy(&self, user: UserId);
}

/// Which of the platform's limiters counts a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limiter {
    /// Logins and changes of passwords.
    Login,
    /// Registrations.
    Register,
    /// Refreshes.
    Refresh,
}

/// The platform's rate limiters: by route and client, roughly, per location.
pub trait RateLimiter {
    /// Whether a request may go on. A limiter that is missing or down lets it: the counters
    /// in the database still hold, and the log says so.
    async fn admits(&self, limiter: Limiter, key: &str) -> bool;
}

/// Why it is not known whether a password stands in a breach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRange {
    /// The service took longer than it may.
    TimedOut,
    /// There was no connection, or it broke off.
    Unreachable,
    /// The service answered with this status.
    Status(u16),
    /// The answer was longer than it may be; the rest was not read.
    TooLong,
    /// The answer was not of the protocol.
    Malformed,
}

/// The passwords of breaches, at a service of somebody else's.
pub trait BreachedPasswords {
    /// What the service knows of the hashes that begin with `prefix`, as it came: for
    /// [`PasswordDigest::is_among`](crate::domain::breach::PasswordDigest::is_among). One
    /// subrequest, which tells the service nothing but the prefix; bounded in time and size.
    ///
    /// # Errors
    ///
    /// [`NoRange`].
    async fn range(&self, prefix: &RangePrefix) -> Result<Vec<u8>, NoRange>;
}

/// The source of randomness is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEntropy;

/// Cryptographic randomness.
pub trait Entropy {
    /// `N` random bytes.
    ///
    /// # Errors
    ///
    /// [`NoEntropy`].
    fn bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy>;
}

/// The clock, and waiting.
pub trait Timer {
    /// The time now; it moves on with each wait for anything outside. For what must be later
    /// than something that has just happened; all else goes by the request's own time.
    fn now(&self) -> UnixSeconds;

    /// Waits for this long, and lets everything else go on meanwhile.
    async fn pause(&self, millis: u32);
}

/// Work that may go on after the answer, and may be lost: nothing that security needs.
pub trait Background {
    /// Starts the task without waiting for it.
    fn run(&self, task: impl Future<Output = ()> + 'static);
}

/// All of it, as one argument.
pub trait Ports {
    /// Users and roles.
    type Users: UserStore;
    /// Sessions.
    type Sessions: SessionStore;
    /// The audit log.
    type Audit: AuditLog + Clone + 'static;
    /// Revoked refresh tokens.
    type Revocations: RevocationList + Clone + 'static;
    /// Copies of accounts.
    type Cache: UserCache + Clone + 'static;
    /// The platform's rate limiters.
    type Limiter: RateLimiter;
    /// The passwords of breaches.
    type Breaches: BreachedPasswords;
    /// Randomness.
    type Entropy: Entropy;
    /// Waiting.
    type Timer: Timer;
    /// Work after the answer.
    type Background: Background;
    /// Log lines.
    type Log: Log + Clone + 'static;

    /// Users and roles.
    fn users(&self) -> &Self::Users;
    /// Sessions.
    fn sessions(&self) -> &Self::Sessions;
    /// The audit log.
    fn audit(&self) -> &Self::Audit;
    /// Revoked refresh tokens.
    fn revocations(&self) -> &Self::Revocations;
    /// Copies of accounts.
    fn cache(&self) -> &Self::Cache;
    /// The platform's rate limiters.
    fn limiter(&self) -> &Self::Limiter;
    /// The passwords of breaches.
    fn breaches(&self) -> &Self::Breaches;
    /// Randomness.
    fn entropy(&self) -> &Self::Entropy;
    /// Waiting.
    fn timer(&self) -> &Self::Timer;
    /// Work after the answer.
    fn background(&self) -> &Self::Background;
    /// Log lines.
    fn log(&self) -> &Self::Log;
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { cause } => write!(f, "database unavailable: {cause}"),
            Self::Damaged { cause } => write!(f, "damaged row: {cause}"),
        }
    }
}

impl fmt::Display for NoRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("timed out"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::TooLong => f.write_str("too long"),
            Self::Malformed => f.write_str("malformed"),
        }
    }
}
