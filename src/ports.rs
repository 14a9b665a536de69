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

mod audit;
mod copies;
mod log;
mod runtime;
mod sessions;
mod users;

use core::fmt;

use crate::domain::time::{Seconds, UnixSeconds};
pub use audit::{AuditLog, Refused};
pub use copies::{CachedAccount, RevocationList, UserCache};
pub use log::{Identified, Level, Line, Log, Member};
pub use runtime::{
    Background, BreachedPasswords, Entropy, Limiter, NoEntropy, NoRange, RateLimiter, Timer,
};
pub use sessions::{
    Login, Rehash, RevokedToken, RotatedSession, Rotation, RotationRequest, SessionStore,
};
pub use users::{
    Account, Attempt, Attempted, Credentials, LoginAttempt, NewUser, PasswordReplacement,
    PasswordVersion, Registration, Throttled, UserStore,
};

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
