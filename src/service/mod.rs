//! What use-cases share. It does not depend on HTTP.

pub mod begin_session;
pub mod breach_check;
pub mod caller;

pub mod clean_up;
pub mod config;
mod configure;
pub mod error;
pub mod follow_up;
pub mod front_end;
pub mod hash_password;
pub mod hash_queue;
pub mod issue;
pub mod limits;
pub mod mail;
pub mod mail_request;
pub mod memory;
pub mod origin;
pub mod outbox;
pub mod policy;
pub mod presented;
pub mod profile_cache;
pub mod readiness;
pub mod reauthenticate;
pub mod refusals;
pub mod revocations;
pub mod schedule;
pub mod verify_password;

use std::rc::Rc;

use crate::domain::audit::Trace;
use crate::domain::credential::hashing::PasswordHasher;
use crate::domain::credential::password::Normalise;
use crate::domain::session::keys::KeyId;
use crate::domain::session::token::Tokens;
use crate::domain::throttle::ThrottleKeys;
use crate::domain::time::UnixSeconds;
use crate::ports::Ports;
use caller::Caller;
use config::Config;
use hash_queue::HashQueue;
use memory::VerifiedTokens;
use profile_cache::IsolateCopies;
use readiness::Readiness;
use refusals::Refusals;

pub use error::ServiceError;

/// Per-isolate state, built once from the configuration.
pub struct Service {
    /// The settings.
    pub config: Config,
    /// Signs and verifies tokens.
    pub tokens: Tokens,
    /// Hashes and verifies passwords.
    pub hasher: PasswordHasher,
    /// Orders the requests that wait for the hasher.
    pub hash_queue: HashQueue,
    /// Computes the keyed hashes by which guesses are throttled.
    pub throttle: ThrottleKeys,
    /// Counts refusals for the audit log.
    pub refusals: Refusals,
    /// Remembers access tokens that were found authentic.
    pub verified: VerifiedTokens,
    /// Remembers accounts for a few seconds.
    pub copies: IsolateCopies,
    /// Remembers what the operators have been told of a schema that is too old.
    pub readiness: Readiness,
    /// The keys from which the tokens of links derive, the signing key's first.
    pub one_time_keys: Vec<(KeyId, [u8; 32])>,
    /// The public keys, as JSON.
    pub public_keys: String,
}

impl Service {
    /// Sets the implementation of Unicode's NFKC, which the platform provides.
    #[must_use]
    pub fn with_nfkc(mut self, normalise: Normalise) -> Self {
        self.config.passwords = self.config.passwords.with_nfkc(normalise);
        self.hasher = self.hasher.with_nfkc(normalise);
        self
    }
}

/// The context of a use-case: the service, the outside world, and the request's time and sender.
pub struct Ctx<'a, P> {
    /// The state of the isolate.
    pub service: &'a Rc<Service>,
    /// The outside world, for this request.
    pub ports: &'a P,
    /// The time, read once for each request before anything else.
    pub now: UnixSeconds,
    /// The sender of the request.
    pub caller: &'a Caller,
}

impl<P: Ports> Ctx<'_, P> {
    /// Returns the settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.service.config
    }

    /// Returns the trace of the request, for the audit log.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.caller.trace(self.service, self.now)
    }
}
