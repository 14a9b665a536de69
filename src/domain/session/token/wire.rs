//! The parts of a token on the wire. Parsing is strict: each part has one spelling, and no other
//! members than these.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::time::UnixSeconds;

/// The header: exactly these members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StrictHeader {
    pub(super) alg: String,
    pub(super) typ: String,
    pub(super) kid: String,
}

/// Claims of an access token. jwt-compact writes the times; this struct reads them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessBody {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sub: UserId,
    pub(super) sid: SessionId,
    pub(super) role: String,
    #[serde(skip_serializing)]
    pub(super) iat: UnixSeconds,
    #[serde(skip_serializing)]
    pub(super) exp: UnixSeconds,
    pub(super) jti: TokenId,
}

/// Claims of a refresh token. jwt-compact writes the times; this struct reads them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshBody {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sub: UserId,
    pub(super) sid: SessionId,
    #[serde(skip_serializing)]
    pub(super) iat: UnixSeconds,
    #[serde(skip_serializing)]
    pub(super) exp: UnixSeconds,
    pub(super) jti: TokenId,
}

/// The claims of an identity token, which this service only writes.
#[derive(Serialize)]
pub(super) struct IdentityBody<'a> {
    pub(super) iss: &'a str,
    pub(super) aud: &'a str,
    pub(super) sub: UserId,
    pub(super) sid: SessionId,
    pub(super) role: &'a str,
}

/// Decodes one part of a token: canonical base64url (base64ct rejects padding, other alphabets and
/// trailing bits) of a JSON object with exactly these members, each once.
pub(super) fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    let bytes = decode_bytes(part)?;
    // serde would also accept an array of the values.
    if bytes.first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(&bytes).ok()
}

pub(super) fn decode_bytes(part: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(part).ok()
}
