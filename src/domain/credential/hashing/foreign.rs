//! Password hashes of other systems: parsed, bounded and verified, never created.
//!
//! An imported user with such a hash keeps the password, and the first login replaces the hash by
//! an own one. A verification runs in steps that each take little longer than an own hash, and the
//! isolate answers other requests between two steps.

mod bcrypt;
mod pbkdf2;
mod scrypt;

use aes::Aes256;
use aes::cipher::{KeyIvInit, StreamCipher};
use base64ct::{Base64, Base64Unpadded, Encoding};
use ctr::Ctr128BE;
use subtle::ConstantTimeEq;

use super::memory::HashMemory;
use super::{Effort, HashError};

/// The most rounds of PBKDF2. Django 6.0 uses 1,200,000.
const MAX_PBKDF2_ROUNDS: u32 = 2_000_000;
/// The fixed parameters of Better Auth: N = 2^14, r = 16, p = 1, and a key of 64 bytes.
const BETTER_AUTH: [u32; 3] = [14, 16, 1];
const BETTER_AUTH_KEY_BYTES: usize = 64;
/// The lengths of salts and keys that are accepted, in bytes.
const MAX_SALT_BYTES: usize = 128;
const KEY_BYTES: core::ops::RangeInclusive<usize> = 16..=64;
/// Rounds of PBKDF2 and of bcrypt in one step: about as long as one own hash.
const PBKDF2_STEP: u32 = 50_000;
const BCRYPT_STEP: u32 = 512;
/// Work per millisecond (rounds, or N times r), on a machine on which an own hash takes 35 ms
/// (`docs/performance.md`).
const PBKDF2_A_MILLI: u32 = 1_800;
const BCRYPT_A_MILLI: u32 = 14;
const SCRYPT_A_MILLI: u32 = 2_800;

/// A parsed hash of another system, within bounds.
pub(super) enum Foreign {
    /// `$2a$…`, `$2b$…` or `$2y$…`.
    Bcrypt(bcrypt::Stored),
    /// `$scrypt$ln=…,r=…,p=…$salt$key`, or Better Auth's `salt:key`.
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        key: Vec<u8>,
        /// Whether passwords are normalised before hashing, as Better Auth does.
        normalised: bool,
    },
    /// `$pbkdf2-sha256$…`, `$pbkdf2-sha1$…`, or Django's `pbkdf2_sha256$…`.
    Pbkdf2 {
        digest: Digest,
        rounds: u32,
        salt: Vec<u8>,
        key: Vec<u8>,
    },
    /// `$firebase-scrypt$ln=…,r=…$salt$separator$signer$hash`.
    Firebase {
        params: scrypt::Params,
        salt: Vec<u8>,
        signer: Vec<u8>,
        hash: Vec<u8>,
    },
}

#[derive(Clone, Copy)]
pub(super) enum Digest {
    Sha1,
    Sha256,
}

impl Foreign {
    /// Parses a stored hash. `None` when the text has none of the formats, or exceeds a bound.
    pub(super) fn read(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split('$').collect();
        match fields.as_slice() {
            ["", "2a" | "2b" | "2y", cost, tail] => {
                Some(Self::Bcrypt(bcrypt::Stored::read(cost, tail)?))
            }
            ["", "scrypt", params, salt, key] => read_scrypt(params, salt, key),
            ["", "pbkdf2-sha256", params, salt, key] => {
                read_pbkdf2(Digest::Sha256, params, SaltAndKey { salt, key })
            }
            ["", "pbkdf2-sha1" | "pbkdf2", params, salt, key] => {
                read_pbkdf2(Digest::Sha1, params, SaltAndKey { salt, key })
            }
            ["pbkdf2_sha256", rounds, salt, key] => {
                read_django(Digest::Sha256, rounds, SaltAndKey { salt, key })
            }
            ["pbkdf2_sha1", rounds, salt, key] => {
                read_django(Digest::Sha1, rounds, SaltAndKey { salt, key })
            }
            ["", "firebase-scrypt", params, salt, separator, signer, hash] => read_firebase(
                params,
                &FirebaseParts {
                    salt,
                    separator,
                    signer,
                    hash,
                },
            ),
            [text] => read_better_auth(text),
            _ => None,
        }
    }

    /// Begins to hash a password with the parameters of the stored hash. `normalise` is Unicode's
    /// NFKC.
    pub(super) fn begin(self, password: &str, normalise: fn(&str) -> String) -> Comparison {
        let normalised = matches!(&self, Self::Scrypt { normalised, .. } if *normalised);
        let normal = (normalised && !password.is_ascii()).then(|| normalise(password));
        let password = normal.as_deref().unwrap_or(password).as_bytes().to_vec();
        let progress = match &self {
            Self::Bcrypt(stored) => {
                Progress::Bcrypt(Box::new(bcrypt::Bcrypt::begin(stored, &password)))
            }
            Self::Scrypt { params, salt, .. } | Self::Firebase { params, salt, .. } => {
                Progress::Scrypt(scrypt::Scrypt::begin(*params, &password, salt))
            }
            Self::Pbkdf2 {
                digest,
                rounds,
                salt,
                ..
            } => match digest {
                Digest::Sha1 => Progress::Sha1(pbkdf2::Rounds::sha1(&password, salt, *rounds)),
                Digest::Sha256 => {
                    Progress::Sha256(pbkdf2::Rounds::sha256(&password, salt, *rounds))
                }
            },
        };
        Comparison {
            stored: self,
            password,
            progress,
        }
    }

    /// Returns whether the computed bytes match the stored hash.
    fn is(&self, computed: &[u8]) -> bool {
        match self {
            Self::Bcrypt(stored) => computed.ct_eq(stored.hash()).into(),
            Self::Scrypt { key, .. } => computed.ct_eq(key).into(),
            // The blocks of a key are independent, and each costs all rounds. The first one, of 160
            // bits or more, decides.
            Self::Pbkdf2 { key, .. } => {
                let length = key.len().min(computed.len());
                let halves = computed.get(..length).zip(key.get(..length));
                halves.is_some_and(|(computed, key)| computed.ct_eq(key).into())
            }
            // The key derived from the password encrypts the project's signer key; the result is
            // the hash.
            Self::Firebase { signer, hash, .. } => {
                let Ok(key) = <[u8; 32]>::try_from(computed) else {
                    return false;
                };
                let mut encrypted = signer.clone();
                Ctr128BE::<Aes256>::new(&key.into(), &[0; 16].into())
                    .apply_keystream(&mut encrypted);
                encrypted.ct_eq(hash).into()
            }
        }
    }

    /// Returns the length of the key that scrypt derives, in bytes.
    fn key_bytes(&self) -> usize {
        match self {
            Self::Scrypt { key, .. } => key.len(),
            Self::Bcrypt(_) | Self::Pbkdf2 { .. } | Self::Firebase { .. } => 32,
        }
    }
}

/// The comparison of a password with a stored hash, in progress.
pub(super) struct Comparison {
    stored: Foreign,
    password: Vec<u8>,
    progress: Progress,
}

enum Progress {
    /// Boxed because of its 4 KiB of tables.
    Bcrypt(Box<bcrypt::Bcrypt>),
    Scrypt(scrypt::Scrypt),
    Sha1(Option<pbkdf2::Rounds<5>>),
    Sha256(Option<pbkdf2::Rounds<8>>),
}

impl Comparison {
    /// Returns the remaining work.
    pub(super) fn effort(&self) -> Effort {
        let sliced = |rounds: u32, step: u32, a_milli: u32| Effort {
            step_millis: rounds.min(step) / a_milli,
            total_millis: rounds / a_milli,
        };
        let pbkdf2 = |rounds: u32| sliced(rounds, PBKDF2_STEP, PBKDF2_A_MILLI);
        match (&self.progress, &self.stored) {
            (Progress::Bcrypt(bcrypt), _) => {
                sliced(bcrypt.rounds_left(), BCRYPT_STEP, BCRYPT_A_MILLI)
            }
            (Progress::Sha1(block), _) => pbkdf2(block.as_ref().map_or(0, pbkdf2::Rounds::left)),
            (Progress::Sha256(block), _) => pbkdf2(block.as_ref().map_or(0, pbkdf2::Rounds::left)),
            (Progress::Scrypt(scrypt), _) => {
                let lane = scrypt.lane_work();
                sliced(lane * scrypt.lanes_left(), lane, SCRYPT_A_MILLI)
            }
        }
    }

    /// Computes the next step. Returns whether the password matches after the last step, `None`
    /// before.
    pub(super) fn step(&mut self, memory: &HashMemory) -> Result<Option<bool>, HashError> {
        let length = self.stored.key_bytes();
        let computed = match &mut self.progress {
            Progress::Bcrypt(bcrypt) => bcrypt.step(BCRYPT_STEP),
            Progress::Scrypt(scrypt) => scrypt.step(&self.password, length, memory)?,
            Progress::Sha1(block) => pbkdf2_step(block)?,
            Progress::Sha256(block) => pbkdf2_step(block)?,
        };
        Ok(computed.map(|computed| self.stored.is(&computed)))
    }
}

fn pbkdf2_step<const WORDS: usize>(
    rounds: &mut Option<pbkdf2::Rounds<WORDS>>,
) -> Result<Option<Vec<u8>>, HashError> {
    let rounds = rounds.as_mut().ok_or(HashError::Refused)?;
    Ok(rounds.step(PBKDF2_STEP))
}

fn read_scrypt(params: &str, salt: &str, key: &str) -> Option<Foreign> {
    let [ln, r, p] = numbers(params, ["ln", "r", "p"])?;
    Some(Foreign::Scrypt {
        params: scrypt::Params::new(ln, r, p)?,
        salt: bounded_salt(Base64Unpadded::decode_vec(salt).ok()?)?,
        key: bounded_key(Base64Unpadded::decode_vec(key).ok()?)?,
        normalised: false,
    })
}

/// Parses Better Auth's format. The salt is the hexadecimal text itself, not the bytes that it
/// encodes.
fn read_better_auth(text: &str) -> Option<Foreign> {
    let (salt, key) = text.split_once(':')?;
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let [log_n, r, p] = BETTER_AUTH;
    let key = decode_hex(key).filter(|key| key.len() == BETTER_AUTH_KEY_BYTES)?;
    Some(Foreign::Scrypt {
        params: scrypt::Params::new(log_n, r, p)?,
        salt: bounded_salt(salt.as_bytes().to_vec()).filter(|_| is_hex(salt))?,
        key,
        normalised: true,
    })
}

/// The encoded salt and key of a stored hash.
#[derive(Clone, Copy)]
struct SaltAndKey<'a> {
    salt: &'a str,
    key: &'a str,
}

/// The encoded parts of a Firebase hash, after its parameters.
struct FirebaseParts<'a> {
    salt: &'a str,
    separator: &'a str,
    signer: &'a str,
    hash: &'a str,
}

/// Parses `i=310000,l=32` as `RustCrypto` writes it, or `29000` as passlib does.
fn read_pbkdf2(digest: Digest, params: &str, parts: SaltAndKey<'_>) -> Option<Foreign> {
    let SaltAndKey { salt, key } = parts;
    let rounds = if params.contains('=') {
        let rounds = params.split(',').next()?;
        rounds.strip_prefix("i=")?
    } else {
        params
    };
    // passlib writes `.` where base64 has `+`.
    let decode = |text: &str| Base64Unpadded::decode_vec(&text.replace('.', "+")).ok();
    Some(Foreign::Pbkdf2 {
        digest,
        rounds: bounded_rounds(rounds)?,
        salt: bounded_salt(decode(salt)?)?,
        key: bounded_key(decode(key)?)?,
    })
}

/// Parses Django's format. The salt is text; the key is padded base64.
fn read_django(digest: Digest, rounds: &str, parts: SaltAndKey<'_>) -> Option<Foreign> {
    let SaltAndKey { salt, key } = parts;
    Some(Foreign::Pbkdf2 {
        digest,
        rounds: bounded_rounds(rounds)?,
        salt: bounded_salt(salt.as_bytes().to_vec())?,
        key: bounded_key(Base64::decode_vec(key).ok()?)?,
    })
}

fn read_firebase(params: &str, parts: &FirebaseParts<'_>) -> Option<Foreign> {
    let [ln, r] = numbers(params, ["ln", "r"])?;
    let decode = |text: &str| Base64::decode_vec(text).ok();
    let mut salt = decode(parts.salt)?;
    salt.extend(decode(parts.separator)?);
    let (signer, hash) = (bounded_key(decode(parts.signer)?)?, decode(parts.hash)?);
    Some(Foreign::Firebase {
        params: scrypt::Params::new(ln, r, 1)?,
        salt: bounded_salt(salt)?,
        hash: Some(hash).filter(|hash| hash.len() == signer.len())?,
        signer,
    })
}

/// Parses a list of parameters with exactly these names, in this order.
fn numbers<const N: usize>(params: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut parts = params.split(',');
    let mut values = [0; N];
    for (value, name) in values.iter_mut().zip(names) {
        let (found, number) = parts.next()?.split_once('=')?;
        *value = number.parse().ok().filter(|_| found == name)?;
    }
    parts.next().is_none().then_some(values)
}

fn bounded_rounds(text: &str) -> Option<u32> {
    let rounds = text.parse().ok()?;
    (1..=MAX_PBKDF2_ROUNDS).contains(&rounds).then_some(rounds)
}

fn bounded_salt(salt: Vec<u8>) -> Option<Vec<u8>> {
    (1..=MAX_SALT_BYTES).contains(&salt.len()).then_some(salt)
}

fn bounded_key(key: Vec<u8>) -> Option<Vec<u8>> {
    KEY_BYTES.contains(&key.len()).then_some(key)
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests;
