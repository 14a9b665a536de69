//! bcrypt in steps of some rounds. The `bcrypt` crate computes all of them at once.

use base64ct::{Base64Bcrypt, Encoding};
use blowfish::Blowfish;

/// The accepted costs. 2^13 rounds take sixteen times as long as an own hash.
const COSTS: core::ops::RangeInclusive<u32> = 4..=13;
const SALT_LETTERS: usize = 22;
const HASH_BYTES: usize = 23;
/// How many bytes of a password count, including the terminating zero.
const MOST_PASSWORD_BYTES: usize = 72;
/// `OrpheanBeholderScryDoubt`, which bcrypt encrypts.
const PLAIN: [[u32; 2]; 3] = [
    [0x4f72_7068, 0x6561_6e42],
    [0x6568_6f6c, 0x6465_7253],
    [0x6372_7944, 0x6f75_6274],
];

/// A parsed hash, within bounds.
#[derive(Clone)]
pub(in crate::domain::credential::hashing) struct Stored {
    cost: u32,
    salt: [u8; 16],
    hash: [u8; HASH_BYTES],
}

impl Stored {
    /// Parses a hash. `cost` and `tail` are the fields between the dollar signs.
    pub(super) fn read(cost: &str, tail: &str) -> Option<Self> {
        let number = cost.parse().ok().filter(|number| COSTS.contains(number))?;
        let (salt, hash) = tail.split_at_checked(SALT_LETTERS)?;
        let stored = Self {
            cost: number,
            salt: Base64Bcrypt::decode_vec(salt).ok()?.try_into().ok()?,
            hash: Base64Bcrypt::decode_vec(hash).ok()?.try_into().ok()?,
        };
        (cost.len() == 2).then_some(stored)
    }

    pub(super) const fn hash(&self) -> &[u8] {
        &self.hash
    }

    pub(super) const fn rounds(&self) -> u32 {
        1 << self.cost
    }
}

/// A hash in progress.
pub(super) struct Bcrypt {
    state: Blowfish,
    key: Vec<u8>,
    salt: [u8; 16],
    rounds_left: u32,
}

impl Bcrypt {
    pub(super) fn begin(stored: &Stored, password: &[u8]) -> Self {
        let mut key: Vec<u8> = password.iter().copied().chain([0]).collect();
        key.truncate(MOST_PASSWORD_BYTES);
        let mut state = Blowfish::bc_init_state();
        state.salted_expand_key(&stored.salt, &key);
        Self {
            state,
            key,
            salt: stored.salt,
            rounds_left: stored.rounds(),
        }
    }

    pub(super) const fn rounds_left(&self) -> u32 {
        self.rounds_left
    }

    /// Computes at most `most` rounds. Returns the hash after the last round, `None` before.
    pub(super) fn step(&mut self, most: u32) -> Option<Vec<u8>> {
        let rounds = self.rounds_left.min(most);
        for _ in 0..rounds {
            self.state.bc_expand_key(&self.key);
            self.state.bc_expand_key(&self.salt);
        }
        self.rounds_left -= rounds;
        (self.rounds_left == 0).then(|| {
            let mut hash: Vec<u8> = PLAIN.iter().flat_map(|pair| self.encrypt(*pair)).collect();
            hash.truncate(HASH_BYTES);
            hash
        })
    }

    fn encrypt(&self, pair: [u32; 2]) -> impl Iterator<Item = u8> {
        let pair = (0..64).fold(pair, |pair, _| self.state.bc_encrypt(pair));
        pair.into_iter().flat_map(u32::to_be_bytes)
    }
}
