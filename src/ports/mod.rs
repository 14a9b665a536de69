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
pub use log::{Identified, Level, Line, Log, LogValue};
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

/// Everything that a use-case may ask of the outside world. One type has all roles; it is cheap to
/// clone, so that work in the background can have its own.
pub trait Ports:
    Database
    + RevocationList
    + UserCache
    + RateLimiter
    + BreachedPasswords
    + Entropy
    + Timer
    + Background
    + Log
    + Clone
    + 'static
{
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { cause } => write!(f, "database unavailable: {cause}"),
            Self::Damaged { cause } => write!(f, "damaged row: {cause}"),
        }
    }
}
