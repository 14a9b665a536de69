//! The use-cases: guard clauses, then one write, then the answer. One file each.

pub mod audit;
pub mod authenticate;
pub mod background;
pub mod breach_check;
pub mod caller;
pub mod candidates;
pub mod change_password;
pub mod clean_up;
pub mod config;
pub mod end_sessions;
pub mod error;
pub mod front_end;
pub mod hash_queue;
pub mod issue;
pub mod limits;
pub mod log_in;
pub mod log_out;
pub mod origin;
pub mod recent;
pub mod refresh;
pub mod register;
pub mod rename;
mod verify_password;

use crate::domain::audit::Trace;
use crate::domain::hashing::PasswordHasher;
use crate::domain::password::Normalise;
use crate::domain::throttle::ThrottleKeys;
use crate::domain::time::UnixSeconds;
use crate::domain::token::Tokens;
use crate::ports::Ports;
use audit::Refusals;
use caller::Caller;
use config::Config;
use hash_queue::HashQueue;
use recent::{AccountCopies, VerifiedTokens};

pub use error::AppError;

/// What an isolate makes of its configuration once, and keeps.
pub struct Service {
    /// The settings.
    pub config: Config,
    /// Signs and verifies tokens.
    pub tokens: Tokens,
    /// Hashes and verifies passwords.
    pub hasher: PasswordHasher,
    /// How many requests wait for the hasher.
    pub hash_queue: HashQueue,
    /// Makes the keyed hashes by which guessers are slowed.
    pub throttle: ThrottleKeys,
    /// Counts refusals for the audit log.
    pub refusals: Refusals,
    /// Remembers access tokens that were found authentic.
    pub verified: VerifiedTokens,
    /// Remembers accounts for a few seconds.
    pub copies: AccountCopies,
}

impl Service {
    /// The service with Unicode's NFKC, which the platform brings.
    #[must_use]
    pub fn with_nfkc(mut self, normalise: Normalise) -> Self {
        self.config.passwords = self.config.passwords.with_nfkc(normalise);
        self.hasher = self.hasher.with_nfkc(normalise);
        self
    }
}

/// What a use-case works with: the service, the outside world, and the request's time.
pub struct Ctx<'a, P> {
    /// Per isolate.
    pub service: &'a Service,
    /// Per request.
    pub ports: &'a P,
    /// Read once per request, before anything else.
    pub now: UnixSeconds,
    /// Where the request comes from.
    pub caller: &'a Caller,
}

impl<P: Ports> Ctx<'_, P> {
    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.service.config
    }

    /// When and from where, for the audit log.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.caller.trace(self.service, self.now)
    }
}
