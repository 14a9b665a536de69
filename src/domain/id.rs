//! Identifiers: users (`UUIDv7`), sessions and tokens (128 random bits each).

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha512};
use uuid::{Builder, Uuid};

/// The error for a string that is not the canonical form of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a canonical identifier")
    }
}

impl core::error::Error for InvalidId {}

/// A user's id: a `UUIDv7` (RFC 9562), written in lower case with hyphens. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserId(Uuid);

/// Creates a `UUIDv7` (RFC 9562): a time, and ten random bytes.
#[must_use]
pub fn time_ordered(unix_millis: u64, random: &[u8; 10]) -> Uuid {
    Builder::from_unix_timestamp_millis(unix_millis, random).into_uuid()
}

impl UserId {
    /// Creates the id of a user who registers at `unix_millis`, from ten random bytes.
    #[must_use]
    pub fn new(unix_millis: u64, random: &[u8; 10]) -> Self {
        Self(time_ordered(unix_millis, random))
    }

    /// Parses the canonical form: 36 characters, lower case.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidId`] for anything else, including other spellings of a UUID.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let id = Self(Uuid::try_parse(text).map_err(|_| InvalidId)?);
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(InvalidId)
        }
    }
}

impl UserId {
    /// Returns the sixteen bytes of the id.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        *self.0.as_bytes()
    }

    /// Wraps sixteen bytes. `None` when they are not those of a `UUIDv7`.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let id = Uuid::from_bytes(bytes);
        (id.get_version_num() == 7).then_some(Self(id))
    }

    /// Returns the last two bytes of the id. They are random in every generated id.
    #[must_use]
    pub const fn last_bytes(self) -> [u8; 2] {
        let [.., a, b] = *self.0.as_bytes();
        [a, b]
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// 128 random bits, written as 22 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Random128([u8; 16]);

impl Random128 {
    fn parse(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 16];
        // base64ct rejects padding, other alphabets and trailing bits: an id has one spelling.
        match Base64UrlUnpadded::decode(text, &mut bytes) {
            Ok(decoded) if decoded.len() == 16 => Ok(Self(bytes)),
            _ => Err(InvalidId),
        }
    }
}

impl fmt::Display for Random128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base64UrlUnpadded::encode_string(&self.0))
    }
}

/// A session's id, the `sid` of its tokens: 128 random bits (ASVS 5.0, 7.2.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionId(Random128);

/// A token's id, its `jti`: 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenId(Random128);

impl TokenId {
    /// Returns the id of the access token that is issued with the refresh token `self`.
    ///
    /// The id is derived, not drawn: a refresh that is repeated within the grace returns the same
    /// pair of tokens, byte for byte, and no column has to store it.
    #[must_use]
    pub fn of_access_token(self) -> Self {
        let digest = Sha512::new()
            .chain_update(b"latchkey/access-jti/v1")
            .chain_update(self.0.0)
            .finalize();
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(digest) {
            *to = from;
        }
        Self(Random128(id))
    }
}

macro_rules! random_id {
    ($name:ident) => {
        impl $name {
            /// Wraps sixteen bytes from a cryptographic source.
            #[must_use]
            pub const fn from_random(bytes: [u8; 16]) -> Self {
                Self(Random128(bytes))
            }

            /// Parses the canonical form: 22 characters of base64url.
            ///
            /// # Errors
            ///
            /// Returns [`InvalidId`] for anything else.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                Random128::parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

random_id!(SessionId);
random_id!(TokenId);

macro_rules! serde_as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    )*};
}

serde_as_text!(UserId, SessionId, TokenId);

#[cfg(test)]
mod tests {
    use super::{InvalidId, SessionId, TokenId, UserId};

    #[test]
    fn a_user_id_is_a_version_7_uuid_in_lower_case() {
        let id = UserId::new(1_795_251_600_000, &[0xff; 10]).to_string();
        assert_eq!(id, "01a1fd55-7a80-7fff-bfff-ffffffffffff");
        assert_eq!(UserId::parse(&id).unwrap().to_string(), id);
    }

    #[test]
    fn other_spellings_of_a_user_id_are_refused() {
        for text in [
            "01A1FD55-7A80-7FFF-BFFF-FFFFFFFFFFFF",
            "01a1fd557a807fffbfffffffffffffff",
            "{01a1fd55-7a80-7fff-bfff-ffffffffffff}",
            "urn:uuid:01a1fd55-7a80-7fff-bfff-ffffffffffff",
            "01a1fd55-7a80-7fff-bfff-fffffffffff",
            "",
        ] {
            assert_eq!(UserId::parse(text), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn a_session_id_has_one_spelling() {
        let id = SessionId::from_random([7; 16]).to_string();
        assert_eq!(id.len(), 22);
        assert_eq!(SessionId::parse(&id), Ok(SessionId::from_random([7; 16])));
        for text in [
            "BwcHBwcHBwcHBwcHBwcHBw==",
            "BwcHBwcHBwcHBwcHBwcHBx",
            "BwcHBwcHBwcHBwcHBwcHB",
            "BwcHBwcHBwcHBwcHBwcHBwcH",
            "BwcHBwcHBwcHBwcHBwcHB+",
            "",
        ] {
            assert_eq!(SessionId::parse(text), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn an_access_token_id_follows_from_its_refresh_token_and_differs_from_it() {
        let refresh = TokenId::from_random([1; 16]);
        let access = refresh.of_access_token();
        assert_eq!(access, refresh.of_access_token());
        assert_ne!(access, refresh);
        assert_ne!(access, TokenId::from_random([2; 16]).of_access_token());
    }
}
