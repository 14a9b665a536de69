//! PBKDF2 (RFC 8018, section 5.2), some rounds at a time: the crate of that name computes a
//! million of them in one go, in which the isolate answers nobody.

use hmac::Mac;
use hmac::digest::{KeyInit, Output};

/// One block of a key in the making: as many bytes as the digest has.
pub(super) struct Block<M: Mac> {
    /// Keyed with the password.
    mac: M,
    last: Output<M>,
    sum: Output<M>,
    rounds_left: u32,
}

impl<M: Mac + KeyInit + Clone> Block<M> {
    /// `None` for a password that cannot be a key, of which there is none.
    pub(super) fn begin(password: &[u8], salt: &[u8], number: u32, rounds: u32) -> Option<Self> {
        let mac = <M as Mac>::new_from_slice(password).ok()?;
        let first = mac
            .clone()
            .chain_update(salt)
            .chain_update(number.to_be_bytes());
        let last = first.finalize().into_bytes();
        Some(Self {
            mac,
            sum: last.clone(),
            last,
            rounds_left: rounds.saturating_sub(1),
        })
    }

    pub(super) const fn rounds_left(&self) -> u32 {
        self.rounds_left
    }

    /// Computes at most this many rounds; the block after the last one.
    pub(super) fn step(&mut self, most: u32) -> Option<&[u8]> {
        let rounds = self.rounds_left.min(most);
        for _ in 0..rounds {
            self.last = self
                .mac
                .clone()
                .chain_update(&self.last)
                .finalize()
                .into_bytes();
            for (to, from) in self.sum.iter_mut().zip(&self.last) {
                *to ^= from;
            }
        }
        self.rounds_left -= rounds;
        (self.rounds_left == 0).then_some(self.sum.as_slice())
    }
}

/// A key of `length` bytes in one round.
pub(super) fn first_blocks<M: Mac + KeyInit + Clone>(
    password: &[u8],
    salt: &[u8],
    length: usize,
) -> Vec<u8> {
    let mut key = Vec::with_capacity(length);
    for number in 1.. {
        let Some(mut block) = Block::<M>::begin(password, salt, number, 1) else {
            break;
        };
        key.extend_from_slice(block.step(0).unwrap_or_default());
        if key.len() >= length {
            break;
        }
    }
    key.truncate(length);
    key
}
