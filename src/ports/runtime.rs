//! What the runtime provides: limiters, randomness, time, background work, and a third-party
//! service.

use core::fmt;
use core::future::Future;

use crate::domain::credential::breach::RangePrefix;
use crate::domain::time::UnixSeconds;

/// The platform's limiter that counts a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limiter {
    /// Logins, mails and links, by client; logins of known devices, by user; changes of the password
    /// and the address, by session.
    Login,
    /// Registrations, by client.
    Register,
    /// Logins, registrations, mails, links, `GET /ready` and `GET /`, by an IPv6 network of the size
    /// that one customer may control.
    Network,
    /// Requests of a session that reach the database or KV, and `GET /ready` and `GET /`, by
    /// client.
    Session,
}

/// The platform's rate limiters: approximate, and per location.
pub trait RateLimiter {
    /// Returns whether the limiter admits a request. A limiter that is missing or unavailable
    /// admits it and logs that; the counters in the database still apply.
    async fn admits(&self, limiter: Limiter, key: &str) -> bool;
}

/// Why the breach check has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRange {
    /// The third-party service took too long.
    TimedOut,
    /// The connection failed or broke.
    Unreachable,
    /// The third-party service answered with this status.
    Status(u16),
    /// The answer exceeded the size limit; the rest was not read.
    TooLong,
    /// The answer did not follow the protocol.
    Malformed,
}

/// Breached passwords, as a third-party service lists them.
pub trait BreachedPasswords {
    /// Returns what the service lists for the hashes that begin with `prefix`, unparsed: input for
    /// [`PasswordDigest::is_among`](crate::domain::credential::breach::PasswordDigest::is_among).
    /// One subrequest, bounded in time and size, which reveals only the prefix.
    ///
    /// # Errors
    ///
    /// Returns [`NoRange`] when there is no complete answer.
    async fn breached_range(&self, prefix: &RangePrefix) -> Result<Vec<u8>, NoRange>;
}

/// The error for a source of randomness that is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEntropy;

/// Cryptographic randomness.
pub trait Entropy {
    /// Returns `N` random bytes.
    ///
    /// # Errors
    ///
    /// Returns [`NoEntropy`] when the source is not available.
    fn random_bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy>;
}

/// The clock, and a way to wait.
pub trait Timer {
    /// Returns the current time, which advances with each wait for I/O. Only for what must be later
    /// than a preceding event; everything else uses the time of the request.
    fn now(&self) -> UnixSeconds;

    /// Waits for this long, while other requests continue.
    async fn pause(&self, millis: u32);
}

/// Work that may run after the answer, and may be lost. Security must not depend on it.
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
