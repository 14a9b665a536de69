//! Password hashes that other systems made: read, bounded, verified; never made.
//!
//! A user who moves in with one of these keeps the password. The first login replaces the
//! hash by one of ours. Well-kept crates do the mathematics; the formats are read here.

use aes::Aes256;
use aes::cipher::{KeyIvInit, StreamCipher};
use base64ct::{Base64, Base64Unpadded, Encoding};
use ctr::Ctr128BE;
use pbkdf2::pbkdf2_hmac;
use scrypt::scrypt;
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The most that bcrypt's cost may be: 2^13 rounds take about ten times as long as our hash.
const MAX_BCRYPT_COST: u32 = 13;
/// The most memory that scrypt may ask for, in bytes: an isolate has 128 MiB.
const MAX_SCRYPT_BYTES: u64 = 64 * 1024 * 1024;
/// The most lanes of scrypt: each costs as much time as the first.
const MAX_SCRYPT_LANES: u32 = 5;
/// The most rounds of PBKDF2; Django 6.0 makes 1,200,000.
const MAX_PBKDF2_ROUNDS: u32 = 2_000_000;
/// What Better Auth fixes: N = 2^14, r = 16, p = 1, and a key of 64 bytes.
const BETTER_AUTH: (u8, u32, u32) = (14, 16, 1);
const BETTER_AUTH_KEY_BYTES: usize = 64;
/// Lengths of salts and keys that are taken, in bytes.
const MAX_SALT_BYTES: usize = 128;
const KEY_BYTES: core::ops::RangeInclusive<usize> = 16..=64;

/// A hash of another system, within bounds.
pub(super) enum Foreign {
    /// `$2a$`, `$2b$`, `$2y$`
    Bcrypt(String),
    /// `$scrypt$ln=…,r=…,p=…$salt$key`, or Better Auth's `salt:key`
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        key: Vec<u8>,
        /// Better Auth normalises passwords before it hashes them.
        normalised: bool,
    },
    /// `$pbkdf2-sha256$…`, `$pbkdf2-sha1$…`, Django's `pbkdf2_sha256$…`
    Pbkdf2 {
        digest: Digest,
        rounds: u32,
        salt: Vec<u8>,
        key: Vec<u8>,
    },
    /// `$firebase-scrypt$ln=…,r=…$salt$separator$signer$hash`
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
    /// `None` when the text is in none of the formats, or asks for more than it may.
    pub(super) fn read(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split('$').collect();
        match fields.as_slice() {
            ["", "2a" | "2b" | "2y", cost, _] => read_bcrypt(cost, text),
            ["", "scrypt", params, salt, key] => read_scrypt(params, salt, key),
            ["", "pbkdf2-sha256", params, salt, key] => {
                read_pbkdf2(Digest::Sha256, params, (salt, key))
            }
            ["", "pbkdf2-sha1" | "pbkdf2", params, salt, key] => {
                read_pbkdf2(Digest::Sha1, params, (salt, key))
            }
            ["pbkdf2_sha256", rounds, salt, key] => {
                read_django(Digest::Sha256, rounds, (salt, key))
            }
            ["pbkdf2_sha1", rounds, salt, key] => read_django(Digest::Sha1, rounds, (salt, key)),
            ["", "firebase-scrypt", params, salt, separator, signer, hash] => {
                read_firebase(params, (salt, separator), (signer, hash))
            }
            [text] => read_better_auth(text),
            _ => None,
        }
    }

    /// Whether the password is the one that was hashed. `normalise` is Unicode's NFKC.
    pub(super) fn verify(&self, password: &str, normalise: fn(&str) -> String) -> bool {
        match self {
            Self::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
            Self::Scrypt {
                params,
                salt,
                key,
                normalised,
            } => {
                let normal = (*normalised && !password.is_ascii()).then(|| normalise(password));
                let password = normal.as_deref().unwrap_or(password);
                let mut computed = vec![0; key.len()];
                scrypt(password.as_bytes(), salt, params, &mut computed).is_ok()
                    && bool::from(computed.ct_eq(key))
            }
            Self::Pbkdf2 {
                digest,
                rounds,
                salt,
                key,
            } => {
                let mut computed = vec![0; key.len()];
                let password = password.as_bytes();
                match digest {
                    Digest::Sha1 => pbkdf2_hmac::<Sha1>(password, salt, *rounds, &mut computed),
                    Digest::Sha256 => pbkdf2_hmac::<Sha256>(password, salt, *rounds, &mut computed),
                }
                bool::from(computed.ct_eq(key))
            }
            Self::Firebase {
                params,
                salt,
                signer,
                hash,
            } => {
                // The password's key encrypts the project's signer key: that is the hash.
                let mut key = [0; 32];
                if scrypt(password.as_bytes(), salt, params, &mut key).is_err() {
                    return false;
                }
                let mut computed = signer.clone();
                Ctr128BE::<Aes256>::new(&key.into(), &[0; 16].into())
                    .apply_keystream(&mut computed);
                bool::from(computed.ct_eq(hash))
            }
        }
    }
}

fn read_bcrypt(cost: &str, text: &str) -> Option<Foreign> {
    let within = cost.len() == 2 && (4..=MAX_BCRYPT_COST).contains(&cost.parse().ok()?);
    (within && text.len() == 60).then(|| Foreign::Bcrypt(text.to_owned()))
}

fn read_scrypt(params: &str, salt: &str, key: &str) -> Option<Foreign> {
    let [ln, r, p] = numbers(params, ["ln", "r", "p"])?;
    Some(Foreign::Scrypt {
        params: scrypt_params(u8::try_from(ln).ok()?, r, p)?,
        salt: bounded_salt(Base64Unpadded::decode_vec(salt).ok()?)?,
        key: bounded_key(Base64Unpadded::decode_vec(key).ok()?)?,
        normalised: false,
    })
}

/// The salt is the hexadecimal text itself, not what it stands for.
fn read_better_auth(text: &str) -> Option<Foreign> {
    let (salt, key) = text.split_once(':')?;
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (log_n, r, p) = BETTER_AUTH;
    let key = decode_hex(key).filter(|key| key.len() == BETTER_AUTH_KEY_BYTES)?;
    Some(Foreign::Scrypt {
        params: scrypt_params(log_n, r, p)?,
        salt: bounded_salt(salt.as_bytes().to_vec()).filter(|_| is_hex(salt))?,
        key,
        normalised: true,
    })
}

/// `i=310000,l=32` as `RustCrypto` writes it, or `29000` as passlib does.
fn read_pbkdf2(digest: Digest, params: &str, (salt, key): (&str, &str)) -> Option<Foreign> {
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

/// The salt is text; the key is padded base64.
fn read_django(digest: Digest, rounds: &str, (salt, key): (&str, &str)) -> Option<Foreign> {
    Some(Foreign::Pbkdf2 {
        digest,
        rounds: bounded_rounds(rounds)?,
        salt: bounded_salt(salt.as_bytes().to_vec())?,
        key: bounded_key(Base64::decode_vec(key).ok()?)?,
    })
}

fn read_firebase(
    params: &str,
    (salt, separator): (&str, &str),
    (signer, hash): (&str, &str),
) -> Option<Foreign> {
    let [ln, r] = numbers(params, ["ln", "r"])?;
    let decode = |text: &str| Base64::decode_vec(text).ok();
    let mut salt = decode(salt)?;
    salt.extend(decode(separator)?);
    let (signer, hash) = (bounded_key(decode(signer)?)?, decode(hash)?);
    Some(Foreign::Firebase {
        params: scrypt_params(u8::try_from(ln).ok()?, r, 1)?,
        salt: bounded_salt(salt)?,
        hash: Some(hash).filter(|hash| hash.len() == signer.len())?,
        signer,
    })
}

fn scrypt_params(log_n: u8, r: u32, p: u32) -> Option<scrypt::Params> {
    let bytes = 128_u64
        .checked_mul(u64::from(r))?
        .checked_shl(u32::from(log_n))?;
    let within = (1..=20).contains(&log_n)
        && (1..=64).contains(&r)
        && bytes <= MAX_SCRYPT_BYTES
        && p <= MAX_SCRYPT_LANES;
    // The length is for PHC strings alone: `scrypt` goes by its output.
    within.then(|| scrypt::Params::new(log_n, r, p, 32).ok())?
}

/// The values of exactly these names, in this order.
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
