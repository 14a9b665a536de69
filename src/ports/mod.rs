//! What the service needs from the outside world, with a trait for each role.
//!
//! D1 decides, KV remembers. The database is the truth: its answers are those of one transaction on
//! the primary. The revocation list and the user cache are copies that may be late, lost or
//! unavailable. None of their answers makes a revoked token valid, so their methods cannot fail: an
//! adapter logs the problem and answers "nothing known".
//!
//! Everything runs on one thread, so nothing is `Send`.
#![expect(
    async_fn_in_trait,
    reason = "a Worker is single-threaded: no caller needs a Send bound on these futures"
)]

mod copies;
mod database;
mod log;
mod mail;
mod runtime;

use core::fmt;

pub use copies::{CachedAccount, RevocationList, UserCache};
pub use database::{Batch, Database, Param, Rows, Statement, Value};
pub use log::{Identified, Level, Line, Log, LogValue};
pub use mail::{Mail, Mailer, NotSent, Outbound};
pub use runtime::{
    Background, BreachedPasswords, Entropy, Limiter, NoEntropy, NoRange, RateLimiter, Timer,
};

/// Why a store does not answer. The cause is for the log, never for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The database is unreachable, overloaded, too slow, or without its tables. Whether a write
    /// took effect is unknown; every write may be repeated with the same arguments.
    Unavailable {
        /// The platform's message.
        cause: String,
    },
    /// A row does not have the form that the migrations define.
    Damaged {
        /// The column, and what is wrong with it.
        cause: String,
    },
}

/// Everything that a use-case needs from the outside world. One type implements all roles. It is
/// cheap to clone, so that background work can own a clone.
pub trait Ports:
    Database
    + RevocationList
    + UserCache
    + RateLimiter
    + BreachedPasswords
    + Mailer
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
