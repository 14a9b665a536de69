//! What the service needs of the outside world: a trait for each role.
//!
//! D1 decides, KV remembers. The database is the truth: its answers are those of one
//! transaction on the primary. The revocation list and the user cache are copies that may be
//! late, lost or down; no answer of theirs ever makes a revoked token good, and so their
//! methods cannot fail: an adapter logs its trouble and answers "nothing known".
//!
//! Everything here runs on one thread, so nothing is `Send`.
#![expect(
    async_fn_in_trait,
    reason = "a Worker is single-threaded: no caller needs a Send bound on these futures"
)]

mod copies;
mod database;
mod log;
mod runtime;

use core::fmt;

pub use copies::{CachedAccount, RevocationList, UserCache};
pub use database::{Batch, Database, Param, Rows, Statement, Value};
pub use log::{Identified, Level, Line, Log, Member};
pub use runtime::{
    Background, BreachedPasswords, Entropy, Limiter, NoEntropy, NoRange, RateLimiter, Timer,
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

/// All of it, as one argument.
pub trait Ports {
    /// The database.
    type Database: Database + Clone + 'static;
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

    /// The database.
    fn database(&self) -> &Self::Database;
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
