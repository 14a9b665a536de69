//! What use-cases share. Knows no HTTP.

pub mod breach_check;
pub mod caller;

pub mod clean_up;
pub mod config;
mod configure;
pub mod error;
pub mod front_end;
pub mod hash_queue;
pub mod issue;
pub mod limits;
pub mod memory;
pub mod origin;
pub mod policy;
pub mod presented;
pub mod profile_cache;
pub mod refusals;
pub mod revocations;
pub mod verify_password;

use crate::domain::audit::Trace;
use crate::domain::credential::hashing::PasswordHasher;
use crate::domain::credential::password::Normalise;
use crate::domain::session::token::Tokens;
use crate::domain::throttle::ThrottleKeys;
use crate::domain::time::UnixSeconds;
use crate::ports::Ports;
use caller::Caller;
use config::Config;
use hash_queue::HashQueue;
use memory::VerifiedTokens;
use profile_cache::IsolateCopies;
use refusals::Refusals;

pub use error::ServiceError;

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
    pub copies: IsolateCopies,
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
