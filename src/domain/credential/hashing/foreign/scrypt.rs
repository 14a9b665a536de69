//! scrypt (RFC 7914), lane by lane in the isolate's one buffer. The `scrypt` crate allocates up to
//! 64 MiB for each hash, beside Argon2's memory, and computes all lanes at once.

use argon2::Block;

use super::super::HashError;
use super::super::memory::HashMemory;
use super::pbkdf2::one_round;

/// The most lanes: each takes as much time as the first. Django uses five.
const MOST_LANES: u32 = 5;
/// The largest `r`: 64 times 128 bytes.
const MOST_BLOCKS: u32 = 64;
/// Words of 32 bits that fit into one block of the buffer.
const WORDS_OF_BUFFER: usize = 256;

/// The parameters N, r and p, within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain::credential::hashing) struct Params {
    log_n: u32,
    r: u32,
    p: u32,
}

impl Params {
    /// Creates the parameters. `None` when they exceed a bound, or are not valid for scrypt (RFC
    /// 7914, section 2).
    pub(super) fn new(log_n: u32, r: u32, p: u32) -> Option<Self> {
        let params = Self { log_n, r, p };
        let within = (1..=MOST_BLOCKS).contains(&r)
            && (1..=MOST_LANES).contains(&p)
            && (1..=16).contains(&log_n)
            && log_n < 16 * r
            && params.kib() <= super::super::memory::MOST_KIB;
        within.then_some(params)
    }

    /// Returns the memory that a lane requires, in KiB. Its states are aligned to whole blocks.
    pub(super) const fn kib(self) -> u32 {
        self.r.div_ceil(8) << self.log_n
    }
}

/// A hash in progress.
pub(super) struct Scrypt {
    params: Params,
    /// All lanes, one after the other.
    state: Vec<u8>,
    done: u32,
}

impl Scrypt {
    pub(super) fn begin(params: Params, password: &[u8], salt: &[u8]) -> Self {
        let bytes = 128 * params.r as usize * params.p as usize;
        Self {
            params,
            state: one_round(password, salt, bytes),
            done: 0,
        }
    }

    /// Returns the work of a lane: N times r.
    pub(super) const fn lane_work(&self) -> u32 {
        self.params.r << self.params.log_n
    }

    pub(super) const fn lanes_left(&self) -> u32 {
        self.params.p - self.done
    }

    /// Computes the next lane. Returns the key, of `length` bytes, after the last lane, `None`
    /// before.
    pub(super) fn step(
        &mut self,
        password: &[u8],
        length: usize,
        memory: &HashMemory,
    ) -> Result<Option<Vec<u8>>, HashError> {
        let lane_bytes = 128 * self.params.r as usize;
        if let Some(lane) = self
            .state
            .chunks_exact_mut(lane_bytes)
            .nth(self.done as usize)
        {
            mix_lane(lane, self.params, &mut memory.blocks(self.params.kib())?);
            self.done += 1;
        }
        Ok((self.lanes_left() == 0).then(|| one_round(password, &self.state, length)))
    }
}

/// `ROMix` (RFC 7914, section 5), in place.
fn mix_lane(lane: &mut [u8], params: Params, buffer: &mut [Block]) {
    let (bytes, _) = lane.as_chunks::<4>();
    let mut x: Vec<u32> = bytes.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let mut y = vec![0; x.len()];
    let stride = params.r.div_ceil(8) as usize;
    let count = 1_usize << params.log_n;
    for kept in buffer.chunks_exact_mut(stride).take(count) {
        for (block, words) in kept.iter_mut().zip(x.chunks(WORDS_OF_BUFFER)) {
            let (pairs, _) = words.as_chunks::<2>();
            for (to, [low, high]) in block.as_mut().iter_mut().zip(pairs) {
                *to = u64::from(*low) | u64::from(*high) << 32;
            }
        }
        mix_blocks(&mut x, &mut y);
    }
    for _ in 0..count {
        // The first word of the last 64 bytes, modulo N.
        let at = x
            .iter()
            .nth_back(15)
            .map_or(0, |word| *word as usize & (count - 1));
        let kept = buffer
            .get(at * stride..(at + 1) * stride)
            .unwrap_or_default();
        for (block, words) in kept.iter().zip(x.chunks_mut(WORDS_OF_BUFFER)) {
            let (pairs, _) = words.as_chunks_mut::<2>();
            for ([low, high], from) in pairs.iter_mut().zip(block.as_ref()) {
                #[expect(clippy::cast_possible_truncation, reason = "the two halves of a word")]
                let (one, other) = (*from as u32, (*from >> 32) as u32);
                *low ^= one;
                *high ^= other;
            }
        }
        mix_blocks(&mut x, &mut y);
    }
    let (bytes, _) = lane.as_chunks_mut::<4>();
    for (to, word) in bytes.iter_mut().zip(x) {
        *to = word.to_le_bytes();
    }
}

/// `BlockMix` (RFC 7914, section 4): mixes `x`; `y` is scratch space of the same length.
fn mix_blocks(x: &mut Vec<u32>, y: &mut Vec<u32>) {
    let (blocks, _) = x.as_chunks::<16>();
    let mut state = blocks.last().copied().unwrap_or_default();
    let half = y.len() / 2;
    let (even, odd) = y.split_at_mut(half);
    let (even, _) = even.as_chunks_mut::<16>();
    let (odd, _) = odd.as_chunks_mut::<16>();
    let (pairs, _) = blocks.as_chunks::<2>();
    for (([first, second], even), odd) in pairs.iter().zip(even).zip(odd) {
        salsa20_8(&mut state, first);
        *even = state;
        salsa20_8(&mut state, second);
        *odd = state;
    }
    core::mem::swap(x, y);
}

/// The Salsa20/8 core (RFC 7914, section 3) of `state` xor `block`. Written out, because the
/// compiler, which optimises for size here, does not unroll loops.
#[rustfmt::skip]
fn salsa20_8(state: &mut [u32; 16], block: &[u32; 16]) {
    let [s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15] = *state;
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15] = *block;
    let [o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15] = [
        s0 ^ b0, s1 ^ b1, s2 ^ b2, s3 ^ b3, s4 ^ b4, s5 ^ b5, s6 ^ b6, s7 ^ b7,
        s8 ^ b8, s9 ^ b9, s10 ^ b10, s11 ^ b11, s12 ^ b12, s13 ^ b13, s14 ^ b14, s15 ^ b15,
    ];
    let [mut x0, mut x1, mut x2, mut x3, mut x4, mut x5, mut x6, mut x7] =
        [o0, o1, o2, o3, o4, o5, o6, o7];
    let [mut x8, mut x9, mut x10, mut x11, mut x12, mut x13, mut x14, mut x15] =
        [o8, o9, o10, o11, o12, o13, o14, o15];
    macro_rules! quarter {
        ($a:ident, $b:ident, $c:ident, $d:ident) => {
            $b ^= $a.wrapping_add($d).rotate_left(7);
            $c ^= $b.wrapping_add($a).rotate_left(9);
            $d ^= $c.wrapping_add($b).rotate_left(13);
            $a ^= $d.wrapping_add($c).rotate_left(18);
        };
    }
    for _ in 0..4 {
        quarter!(x0, x4, x8, x12);
        quarter!(x5, x9, x13, x1);
        quarter!(x10, x14, x2, x6);
        quarter!(x15, x3, x7, x11);
        quarter!(x0, x1, x2, x3);
        quarter!(x5, x6, x7, x4);
        quarter!(x10, x11, x8, x9);
        quarter!(x15, x12, x13, x14);
    }
    *state = [
        x0.wrapping_add(o0), x1.wrapping_add(o1), x2.wrapping_add(o2), x3.wrapping_add(o3),
        x4.wrapping_add(o4), x5.wrapping_add(o5), x6.wrapping_add(o6), x7.wrapping_add(o7),
        x8.wrapping_add(o8), x9.wrapping_add(o9), x10.wrapping_add(o10), x11.wrapping_add(o11),
        x12.wrapping_add(o12), x13.wrapping_add(o13), x14.wrapping_add(o14), x15.wrapping_add(o15),
    ];
}

#[cfg(test)]
mod tests {
    use super::{Params, Scrypt};
    use crate::domain::credential::hashing::memory::HashMemory;

    fn key(password: &str, salt: &str, (log_n, r, p): (u32, u32, u32)) -> Vec<u8> {
        let memory = HashMemory::default();
        let params = Params::new(log_n, r, p).unwrap();
        let mut scrypt = Scrypt::begin(params, password.as_bytes(), salt.as_bytes());
        for _ in 1..p {
            assert_eq!(scrypt.step(password.as_bytes(), 64, &memory), Ok(None));
        }
        scrypt
            .step(password.as_bytes(), 64, &memory)
            .unwrap()
            .unwrap()
    }

    /// RFC 7914, section 12 (the cheap one), and keys that `RustCrypto`'s crate computes.
    #[test]
    fn keys_are_those_of_the_rfc_and_of_another_implementation() {
        let rfc = key("", "", (4, 1, 1));
        assert_eq!(rfc[..8], [0x77, 0xd6, 0x57, 0x62, 0x38, 0x65, 0x7b, 0x20]);
        for (log_n, r, p) in [
            (4, 1, 1),
            (8, 8, 5),
            (7, 16, 2),
            (7, 9, 1),
            (3, 64, 3),
            (5, 3, 4),
        ] {
            let params = scrypt::Params::new(u8::try_from(log_n).unwrap(), r, p, 64).unwrap();
            let mut other = [0; 64];
            scrypt::scrypt(b"correct horse", b"salt", &params, &mut other).unwrap();
            assert_eq!(
                key("correct horse", "salt", (log_n, r, p)),
                other,
                "{log_n} {r} {p}"
            );
        }
    }
}
