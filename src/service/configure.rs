//! Creates the service of an isolate from its settings.

use super::Service;
use super::config::reader::Reader;
use super::config::{self, Misconfiguration, Settings};
use super::hash_queue::HashQueue;
use super::memory::VerifiedTokens;
use super::profile_cache::IsolateCopies;
use super::readiness::Readiness;
use super::refusals::Refusals;
use crate::domain::credential::hashing::PasswordHasher;
use crate::domain::credential::one_time::ONE_TIME_LABEL;
use crate::domain::session::token::Tokens;
use crate::domain::throttle::ThrottleKeys;

impl Service {
    /// Reads the settings through `look_up`, which returns the value of a name.
    ///
    /// # Errors
    ///
    /// Returns a [`Misconfiguration`] with every problem.
    pub fn configure(look_up: impl Fn(&str) -> Option<String>) -> Result<Self, Misconfiguration> {
        let mut reader = Reader::new(&look_up);
        let settings = config::read(&mut reader);
        let problems = reader.into_problems();
        match settings {
            Some(settings) if problems.is_empty() => Ok(Self::of(settings)),
            _ => Err(Misconfiguration { problems }),
        }
    }

    fn of(settings: Settings) -> Self {
        let Settings {
            config,
            keys,
            cost,
            peppers,
        } = settings;
        let throttle_secret = keys.derive_secret("latchkey/throttle/v1");
        Self {
            one_time_keys: keys.derive_secrets(ONE_TIME_LABEL),
            public_keys: keys.public_jwk_set(),
            readiness: Readiness::default(),
            throttle: ThrottleKeys::new(throttle_secret),
            tokens: Tokens::new(keys, config.issuance.clone()),
            hasher: PasswordHasher::new(cost).with_peppers(peppers),
            hash_queue: HashQueue::for_hashes_of(cost.effort()),
            refusals: Refusals::default(),
            verified: VerifiedTokens::default(),
            copies: IsolateCopies::default(),
            config,
        }
    }
}
