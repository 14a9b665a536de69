//! The key ring: Ed25519 keys read from a JWK Set. The first signs, all verify. From each of them
//! follows a secret for refresh tokens, which nobody but this service reads.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, Mac};
use jwt_compact::alg::Hs512Key;
use serde::Deserialize;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

/// The most keys a set may hold: a rotation needs two or three.
const MAX_KEYS: usize = 8;

/// A key's id: 1 to 64 characters of base64url, as an RFC 7638 thumbprint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyId(String);

impl KeyId {
    fn parse(text: &str) -> Option<Self> {
        let well_formed = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the secret of refresh tokens is derived under: it says nothing about the key, and serves
/// nothing else.
const REFRESH_LABEL: &str = "latchkey/refresh-token/v1";

/// The keys of this deployment.
pub struct KeyRing {
    signing: Key,
    /// All but that one.
    others: Vec<Key>,
}

struct Key {
    id: KeyId,
    ed25519: SigningKey,
    /// HMAC-SHA-512 of refresh tokens.
    refresh: [u8; 64],
}

impl Key {
    fn new(id: KeyId, ed25519: SigningKey) -> Self {
        let refresh = derive(REFRESH_LABEL, &ed25519);
        Self {
            id,
            ed25519,
            refresh,
        }
    }
}

/// SHA-512 of the label and the key: what follows from one label says nothing about another.
fn derive(label: &str, key: &SigningKey) -> [u8; 64] {
    Sha512::new()
        .chain_update(label)
        .chain_update(key.as_bytes())
        .finalize()
        .into()
}

/// What is wrong with a key set. It names positions, never values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKeyRing {
    /// Not JSON of the form `{"keys": […]}`.
    NotAKeySet,
    /// No key, or more than eight.
    WrongNumber,
    /// The key at this position (from 0) is not an Ed25519 private key with a proper `kid`,
    /// or its `x` does not belong to its `d`.
    BadKey(usize),
    /// The key at this position is a placeholder: all its bytes are the same.
    WeakKey(usize),
    /// The key at this position repeats the id or the value of an earlier one.
    Repeated(usize),
}

#[derive(Deserialize)]
struct JwkSet<'a> {
    #[serde(borrow)]
    keys: Vec<Jwk<'a>>,
}

/// The members of RFC 8037 that matter; others (`alg`, `use`) are let pass.
#[derive(Deserialize)]
struct Jwk<'a> {
    kty: &'a str,
    crv: &'a str,
    x: &'a str,
    d: &'a str,
    kid: &'a str,
}

impl KeyRing {
    /// Reads a JWK Set of Ed25519 private keys (RFC 8037, section 2).
    ///
    /// # Errors
    ///
    /// The first fault, as an [`InvalidKeyRing`].
    pub fn from_jwk_set(json: &str) -> Result<Self, InvalidKeyRing> {
        let set: JwkSet<'_> = serde_json::from_str(json).map_err(|_| InvalidKeyRing::NotAKeySet)?;
        if set.keys.len() > MAX_KEYS {
            return Err(InvalidKeyRing::WrongNumber);
        }
        let mut keys: Vec<Key> = Vec::with_capacity(set.keys.len());
        for (position, jwk) in set.keys.iter().enumerate() {
            let (id, key) = jwk.read().ok_or(InvalidKeyRing::BadKey(position))?;
            if is_placeholder(&key) {
                return Err(InvalidKeyRing::WeakKey(position));
            }
            if keys
                .iter()
                .any(|other| other.id == id || other.ed25519 == key)
            {
                return Err(InvalidKeyRing::Repeated(position));
            }
            keys.push(Key::new(id, key));
        }
        let mut keys = keys.into_iter();
        let signing = keys.next().ok_or(InvalidKeyRing::WrongNumber)?;
        let others = keys.collect();
        Ok(Self { signing, others })
    }

    /// The id of the key that new tokens are signed with.
    #[must_use]
    pub const fn signing_id(&self) -> &KeyId {
        &self.signing.id
    }

    /// The key that new access tokens are signed with.
    #[must_use]
    pub const fn signing(&self) -> &SigningKey {
        &self.signing.ed25519
    }

    /// The secret that new refresh tokens are signed with.
    #[must_use]
    pub fn signing_refresh(&self) -> Hs512Key {
        Hs512Key::new(self.signing.refresh)
    }

    /// A secret for another purpose, named by `label`, that says nothing about the key it
    /// comes from. It changes when the signing key does.
    #[must_use]
    pub fn derive_secret(&self, label: &str) -> [u8; 32] {
        let mut secret = [0; 32];
        for (to, from) in secret.iter_mut().zip(derive(label, &self.signing.ed25519)) {
            *to = from;
        }
        secret
    }

    /// Whether the key of this very id has made the signature; no other key is ever tried in
    /// its place.
    ///
    /// It is found out by signing again: Ed25519 gives one signature to one text (RFC 8032,
    /// section 5.1.6), and making one takes less than half the time of verifying one. The right
    /// signature of a text is what nobody else may learn: it stays here, and the comparison is
    /// in constant time.
    #[must_use]
    pub fn has_signed(&self, id: &str, text: &str, signature: &[u8]) -> bool {
        self.find(id).is_some_and(|key| {
            let ours = key.ed25519.sign(text.as_bytes()).to_bytes();
            ours.ct_eq(signature).into()
        })
    }

    /// Whether the refresh secret of the key of this very id has made the tag of HMAC-SHA-512; in
    /// constant time.
    #[must_use]
    pub fn has_signed_refresh(&self, id: &str, text: &str, tag: &[u8]) -> bool {
        self.find(id).is_some_and(|key| {
            // HMAC takes keys of any length.
            Hmac::<Sha512>::new_from_slice(&key.refresh)
                .is_ok_and(|mac| mac.chain_update(text).verify_slice(tag).is_ok())
        })
    }

    fn find(&self, id: &str) -> Option<&Key> {
        core::iter::once(&self.signing)
            .chain(&self.others)
            .find(|key| key.id.as_str() == id)
    }
}

impl Jwk<'_> {
    fn read(&self) -> Option<(KeyId, SigningKey)> {
        if self.kty != "OKP" || self.crv != "Ed25519" {
            return None;
        }
        let key = SigningKey::from_bytes(&decode_32(self.d)?);
        let public = decode_32(self.x)?;
        let id = KeyId::parse(self.kid)?;
        (key.verifying_key().to_bytes() == public).then_some((id, key))
    }
}

fn decode_32(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    (decoded.len() == 32).then_some(bytes)
}

/// Sixteen equal bytes in a row do not come from a generator.
fn is_placeholder(key: &SigningKey) -> bool {
    key.as_bytes()
        .windows(16)
        .any(|window| window.iter().all(|byte| Some(byte) == window.first()))
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys)", 1 + self.others.len())
    }
}

impl fmt::Display for InvalidKeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAKeySet => f.write_str("is not a JWK Set"),
            Self::WrongNumber => write!(f, "must hold 1 to {MAX_KEYS} keys"),
            Self::BadKey(position) => write!(
                f,
                "key {position} is not an Ed25519 private key with matching x and d and a kid"
            ),
            Self::WeakKey(position) => write!(f, "key {position} is a placeholder"),
            Self::Repeated(position) => write!(f, "key {position} repeats an earlier one"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
