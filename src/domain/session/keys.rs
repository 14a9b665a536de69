//! The key ring: Ed25519 keys from a JWK Set. The first key signs, all of them verify. A secret for
//! refresh tokens, which only this service reads, is derived from each. A key without its private
//! part is published for other services, and verifies nothing here.

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, Mac};
use jwt_compact::alg::Hs512Key;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

/// The most keys that a set may contain. A rotation needs two or three.
const MAX_KEYS: usize = 8;

/// A key's id: 1 to 64 characters of base64url, such as an RFC 7638 thumbprint.
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

    /// Returns the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The label of the secret for refresh tokens. The secret reveals nothing about the key, and has no
/// other use.
const REFRESH_LABEL: &str = "latchkey/refresh-token/v1";

/// The keys of this deployment.
pub struct KeyRing {
    signing: PrivateKey,
    signing_id: KeyId,
    /// Every key, the signing one first.
    keys: Vec<Key>,
}

struct Key {
    id: KeyId,
    public: [u8; 32],
    /// `None` for a key that is only published.
    private: Option<PrivateKey>,
}

struct PrivateKey {
    ed25519: SigningKey,
    /// The HMAC-SHA-512 secret of refresh tokens.
    refresh: [u8; 64],
}

impl PrivateKey {
    fn new(ed25519: SigningKey) -> Self {
        let refresh = derive(REFRESH_LABEL, &ed25519);
        Self { ed25519, refresh }
    }
}

/// Returns the SHA-512 of the label and the key. The secret of one label reveals nothing about that
/// of another.
fn derive(label: &str, key: &SigningKey) -> [u8; 64] {
    Sha512::new()
        .chain_update(label)
        .chain_update(key.as_bytes())
        .finalize()
        .into()
}

/// Returns the first half of a derived secret.
fn cut(derived: [u8; 64]) -> [u8; 32] {
    let mut secret = [0; 32];
    for (to, from) in secret.iter_mut().zip(derived) {
        *to = from;
    }
    secret
}

/// What is wrong with a key set. Contains positions, never values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKeyRing {
    /// The text is not JSON of the form `{"keys": […]}`.
    NotAKeySet,
    /// The set contains no key, or more than eight.
    WrongNumber,
    /// The key at this position (from 0) is not an Ed25519 key with a valid `kid`, or its `x` does
    /// not match its `d`.
    BadKey(usize),
    /// The first key has no private part: it cannot sign.
    PublicSigner,
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

/// The members of RFC 8037 that matter; others (`alg`, `use`) are ignored.
#[derive(Deserialize)]
struct Jwk<'a> {
    kty: &'a str,
    crv: &'a str,
    x: &'a str,
    d: Option<&'a str>,
    kid: &'a str,
}

/// A public key (RFC 8037, section 2).
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = PublicKey, description = "An Ed25519 key (RFC 8037)."))]
struct PublicJwk<'a> {
    kty: &'a str,
    crv: &'a str,
    x: String,
    kid: &'a str,
    alg: &'a str,
    r#use: &'a str,
}

/// The public keys (RFC 7517, section 5).
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = KeySet, description = "A JWK Set (RFC 7517)."))]
pub(crate) struct PublicJwkSet<'a> {
    keys: Vec<PublicJwk<'a>>,
}

impl KeyRing {
    /// Parses a JWK Set of Ed25519 keys (RFC 8037, section 2). The first one is private.
    ///
    /// # Errors
    ///
    /// Returns the first fault as an [`InvalidKeyRing`].
    pub fn from_jwk_set(json: &str) -> Result<Self, InvalidKeyRing> {
        let set: JwkSet<'_> = serde_json::from_str(json).map_err(|_| InvalidKeyRing::NotAKeySet)?;
        if set.keys.len() > MAX_KEYS {
            return Err(InvalidKeyRing::WrongNumber);
        }
        let mut keys: Vec<Key> = Vec::with_capacity(set.keys.len());
        for (position, jwk) in set.keys.iter().enumerate() {
            let key = jwk.read().ok_or(InvalidKeyRing::BadKey(position))?;
            if key.is_placeholder() {
                return Err(InvalidKeyRing::WeakKey(position));
            }
            if keys
                .iter()
                .any(|other| other.id == key.id || other.public == key.public)
            {
                return Err(InvalidKeyRing::Repeated(position));
            }
            keys.push(key);
        }
        let first = keys.first().ok_or(InvalidKeyRing::WrongNumber)?;
        let private = first.private.as_ref().ok_or(InvalidKeyRing::PublicSigner)?;
        Ok(Self {
            signing: PrivateKey::new(private.ed25519.clone()),
            signing_id: first.id.clone(),
            keys,
        })
    }

    /// Returns the id of the key that signs new tokens.
    #[must_use]
    pub const fn signing_id(&self) -> &KeyId {
        &self.signing_id
    }

    /// Returns the key that signs new access tokens.
    #[must_use]
    pub const fn signing(&self) -> &SigningKey {
        &self.signing.ed25519
    }

    /// Returns the secret that signs new refresh tokens.
    #[must_use]
    pub fn signing_refresh(&self) -> Hs512Key {
        Hs512Key::new(self.signing.refresh)
    }

    /// Returns the public parts of all keys as a JWK Set (RFC 7517, section 5), for those who verify
    /// access tokens.
    #[must_use]
    pub fn public_jwk_set(&self) -> String {
        let keys = self.keys.iter().map(|key| PublicJwk {
            kty: "OKP",
            crv: "Ed25519",
            x: Base64UrlUnpadded::encode_string(&key.public),
            kid: key.id.as_str(),
            alg: "EdDSA",
            r#use: "sig",
        });
        let set = PublicJwkSet {
            keys: keys.collect(),
        };
        // Strings always serialize.
        serde_json::to_string(&set).unwrap_or_default()
    }

    /// Derives a secret for another purpose, named by `label`. It reveals nothing about the key
    /// that it is derived from, and changes with the signing key.
    #[must_use]
    pub fn derive_secret(&self, label: &str) -> [u8; 32] {
        cut(derive(label, &self.signing.ed25519))
    }

    /// Derives a secret for another purpose from each private key, the signing one first: for what
    /// outlives a change of the signing key.
    #[must_use]
    pub fn derive_secrets(&self, label: &str) -> Vec<(KeyId, [u8; 32])> {
        let private = self.keys.iter().filter_map(|key| {
            let private = key.private.as_ref()?;
            Some((key.id.clone(), cut(derive(label, &private.ed25519))))
        });
        private.collect()
    }

    /// Returns whether the key with exactly this id made the signature. No other key is tried.
    ///
    /// The check signs again: Ed25519 has one signature for each text (RFC 8032, section 5.1.6),
    /// and making it takes less than half the time of verifying it. The correct signature of a text
    /// must not leak: it stays in this function, and the comparison takes constant time. A key
    /// without its private part has signed nothing that is accepted here: verifying in the usual way
    /// would add 12 kB of compressed code.
    #[must_use]
    pub fn has_signed(&self, id: &str, text: &str, signature: &[u8]) -> bool {
        self.find(id).is_some_and(|key| match &key.private {
            Some(private) => {
                let ours = private.ed25519.sign(text.as_bytes()).to_bytes();
                ours.ct_eq(signature).into()
            }
            None => false,
        })
    }

    /// Returns whether the refresh secret of the key with exactly this id made the HMAC-SHA-512
    /// tag. Takes constant time.
    #[must_use]
    pub fn has_signed_refresh(&self, id: &str, text: &str, tag: &[u8]) -> bool {
        let private = self.find(id).and_then(|key| key.private.as_ref());
        private.is_some_and(|private| {
            // HMAC accepts keys of any length.
            Hmac::<Sha512>::new_from_slice(&private.refresh)
                .is_ok_and(|mac| mac.chain_update(text).verify_slice(tag).is_ok())
        })
    }

    fn find(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id.as_str() == id)
    }
}

impl Jwk<'_> {
    fn read(&self) -> Option<Key> {
        if self.kty != "OKP" || self.crv != "Ed25519" {
            return None;
        }
        let id = KeyId::parse(self.kid)?;
        let public = decode_32(self.x)?;
        let private = match self.d {
            Some(d) => {
                let key = SigningKey::from_bytes(&decode_32(d)?);
                Some(PrivateKey::new(key))
            }
            None => None,
        };
        let fits = private
            .as_ref()
            .is_none_or(|private| private.ed25519.verifying_key().to_bytes() == public);
        let key = Key {
            id,
            public,
            private,
        };
        fits.then_some(key)
    }
}

fn decode_32(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    (decoded.len() == 32).then_some(bytes)
}

impl Key {
    /// Returns whether sixteen equal bytes appear in a row, which no generator produces.
    fn is_placeholder(&self) -> bool {
        let private = self.private.as_ref();
        let own = private.map(|private| private.ed25519.as_bytes());
        own.into_iter().chain([&self.public]).any(|bytes| {
            bytes
                .windows(16)
                .any(|window| window.iter().all(|byte| Some(byte) == window.first()))
        })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys)", self.keys.len())
    }
}

impl fmt::Display for InvalidKeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAKeySet => f.write_str("is not a JWK Set"),
            Self::WrongNumber => write!(f, "must hold 1 to {MAX_KEYS} keys"),
            Self::BadKey(position) => write!(
                f,
                "key {position} is not an Ed25519 key with matching x and d and a kid"
            ),
            Self::PublicSigner => f.write_str("must begin with a private key: the first one signs"),
            Self::WeakKey(position) => write!(f, "key {position} is a placeholder"),
            Self::Repeated(position) => write!(f, "key {position} repeats an earlier one"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
