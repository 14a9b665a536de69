//! What the runtime gives: limiters, randomness, time, work in the background, and a service of
//! somebody else's.

use core::fmt;
use core::future::Future;

use crate::domain::credential::breach::RangePrefix;
use crate::domain::time::UnixSeconds;

/// Which of the platform's limiters counts a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limiter {
    /// Logins, by client; changes of passwords, by session.
    Login,
    /// Registrations, by client.
    Register,
    /// Logins and registrations, by an IPv6 network of the size that one customer may have.
    Network,
    /// What a session asks of the database or of KV.
    Session,
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
    /// [`PasswordDigest::is_among`](crate::domain::credential::breach::PasswordDigest::is_among). One
    /// subrequest, which tells the service nothing but the prefix; bounded in time and size.
    ///
    /// # Errors
    ///
    /// [`NoRange`].
    async fn breached_range(&self, prefix: &RangePrefix) -> Result<Vec<u8>, NoRange>;
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
    fn random_bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy>;
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
    fn in_background(&self, task: impl Future<Output = ()> + 'static);
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
