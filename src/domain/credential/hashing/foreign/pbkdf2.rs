//! PBKDF2 (RFC 8018, section 5.2) in steps of some rounds. The `pbkdf2` crate computes a million of
//! them at once, while the isolate answers no request.
//!
//! A round is an HMAC of one digest under a fixed key: two calls of the hash function's
//! compression, each from a state that is computed once.

use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::digest::generic_array::GenericArray;
use sha2::{Digest, Sha256};

/// The block size of both hash functions, in bytes.
const BLOCK_BYTES: usize = 64;
/// The two masks of HMAC (RFC 2104, section 2).
const MASKS: [u8; 2] = [0x36, 0x5c];
/// The initial states (FIPS 180-4, sections 5.3.1 and 5.3.3).
const SHA1: [u32; 5] = [
    0x6745_2301,
    0xefcd_ab89,
    0x98ba_dcfe,
    0x1032_5476,
    0xc3d2_e1f0,
];
const SHA256: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The first block of a key in progress. It is as long as the digest.
pub(super) struct Rounds<const WORDS: usize> {
    compress: fn(&mut [u32; WORDS], &[u8; BLOCK_BYTES]),
    /// The states after the key, under each mask.
    keyed: [[u32; WORDS]; 2],
    /// The digest of the last round, padded as a message after the key.
    message: [u8; BLOCK_BYTES],
    sum: [u32; WORDS],
    left: u32,
}

impl Rounds<5> {
    pub(super) fn sha1(password: &[u8], salt: &[u8], rounds: u32) -> Option<Self> {
        let compress = |state: &mut [u32; 5], block: &[u8; BLOCK_BYTES]| {
            sha1::compress(
                state,
                core::slice::from_ref(GenericArray::from_slice(block)),
            );
        };
        let key = key_block(password, |long| Sha1::digest(long).to_vec());
        let first = <Hmac<Sha1> as Mac>::new_from_slice(password).ok()?;
        let first = first.chain_update(salt).chain_update(FIRST).finalize();
        let first = words(&first.into_bytes());
        Some(Self::begin(compress, SHA1, &Start { key, first }, rounds))
    }
}

impl Rounds<8> {
    pub(super) fn sha256(password: &[u8], salt: &[u8], rounds: u32) -> Option<Self> {
        let compress = |state: &mut [u32; 8], block: &[u8; BLOCK_BYTES]| {
            sha2::compress256(
                state,
                core::slice::from_ref(GenericArray::from_slice(block)),
            );
        };
        let key = key_block(password, |long| Sha256::digest(long).to_vec());
        let first = <Hmac<Sha256> as Mac>::new_from_slice(password).ok()?;
        let first = first.chain_update(salt).chain_update(FIRST).finalize();
        let first = words(&first.into_bytes());
        Some(Self::begin(compress, SHA256, &Start { key, first }, rounds))
    }
}

/// The index of the only block that is computed.
const FIRST: [u8; 4] = [0, 0, 0, 1];

/// The padded key, and the tag of the first round.
struct Start<const WORDS: usize> {
    key: [u8; BLOCK_BYTES],
    first: [u32; WORDS],
}

impl<const WORDS: usize> Rounds<WORDS> {
    fn begin(
        compress: fn(&mut [u32; WORDS], &[u8; BLOCK_BYTES]),
        initial: [u32; WORDS],
        start: &Start<WORDS>,
        rounds: u32,
    ) -> Self {
        let keyed = MASKS.map(|mask| {
            let mut state = initial;
            compress(&mut state, &start.key.map(|byte| byte ^ mask));
            state
        });
        let mut message = [0; BLOCK_BYTES];
        let bits = (BLOCK_BYTES + 4 * WORDS) * 8;
        let length = u64::try_from(bits).unwrap_or_default().to_be_bytes();
        for (to, from) in message.iter_mut().rev().zip(length.into_iter().rev()) {
            *to = from;
        }
        if let Some(end) = message.get_mut(4 * WORDS) {
            *end = 0x80;
        }
        write(&mut message, &start.first);
        Self {
            compress,
            keyed,
            message,
            sum: start.first,
            left: rounds.saturating_sub(1),
        }
    }

    pub(super) const fn left(&self) -> u32 {
        self.left
    }

    /// Computes at most `most` rounds. Returns the block after the last round, `None` before.
    pub(super) fn step(&mut self, most: u32) -> Option<Vec<u8>> {
        let [inner, outer] = self.keyed;
        let rounds = self.left.min(most);
        for _ in 0..rounds {
            let mut state = inner;
            (self.compress)(&mut state, &self.message);
            write(&mut self.message, &state);
            state = outer;
            (self.compress)(&mut state, &self.message);
            write(&mut self.message, &state);
            for (to, from) in self.sum.iter_mut().zip(state) {
                *to ^= from;
            }
        }
        self.left -= rounds;
        (self.left == 0).then(|| {
            self.sum
                .iter()
                .flat_map(|word| word.to_be_bytes())
                .collect()
        })
    }
}

/// Returns the key in the form that HMAC uses: padded, and hashed first if it is longer than a
/// block.
fn key_block(password: &[u8], digest: impl Fn(&[u8]) -> Vec<u8>) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    let hashed = (password.len() > BLOCK_BYTES).then(|| digest(password));
    for (to, from) in block.iter_mut().zip(hashed.as_deref().unwrap_or(password)) {
        *to = *from;
    }
    block
}

fn words<const WORDS: usize>(bytes: &[u8]) -> [u32; WORDS] {
    let (chunks, _) = bytes.as_chunks::<4>();
    let mut words = [0; WORDS];
    for (to, from) in words.iter_mut().zip(chunks) {
        *to = u32::from_be_bytes(*from);
    }
    words
}

fn write<const WORDS: usize>(message: &mut [u8; BLOCK_BYTES], words: &[u32; WORDS]) {
    let (chunks, _) = message.as_chunks_mut::<4>();
    for (to, from) in chunks.iter_mut().zip(words) {
        *to = from.to_be_bytes();
    }
}

/// Returns a key of `length` bytes computed with one round, from as many blocks as it takes.
pub(super) fn one_round(password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(length);
    let Ok(mac) = <Hmac<Sha256> as Mac>::new_from_slice(password) else {
        return key;
    };
    for number in 1_u32.. {
        let block = mac
            .clone()
            .chain_update(salt)
            .chain_update(number.to_be_bytes());
        key.extend_from_slice(&block.finalize().into_bytes());
        if key.len() >= length {
            break;
        }
    }
    key.truncate(length);
    key
}
