//! Access and refresh tokens: JWTs of exactly one form each (contract, section 3).
//!
//! jwt-compact signs. What a token must satisfy is checked here, on the bytes, and by the key
//! ring: jwt-compact reads header and claims into flattened structs, which let unknown members
//! pass, and it leaves `typ`, `aud`, `iss` and the times to its caller.
//!
//! A token is refused for every cause alike; only an authentic token that has expired is
//! told apart, because clients react to it and a log-out may use it.

mod wire;

use core::fmt;

use chrono::DateTime;
use jwt_compact::alg::{Ed25519, Hs512};
use jwt_compact::{AlgorithmExt, Claims, Header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha512};

use super::SessionKey;
use super::keys::KeyRing;
use crate::domain::id::TokenId;
use crate::domain::time::{Seconds, UnixSeconds};
use wire::{AccessBody, RefreshBody, StrictHeader, decode, decode_bytes};

/// The longest token that is looked at, in bytes. Ours have about 500.
const MAX_TOKEN_BYTES: usize = 2_048;
/// How far another location's clock may be ahead when it wrote `iat`.
const ISSUED_AT_LEEWAY: Seconds = Seconds::new(5);

/// The kinds of token. The cookie that a token arrives in fixes its kind, and the kind its type, its
/// algorithm and its key: nothing in the token does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Others verify it, so it is signed with Ed25519.
    Access,
    /// Nobody else reads it, so it is an HMAC, which costs a tenth.
    Refresh,
}

impl Kind {
    /// The header's `typ`.
    const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt", // RFC 9068, section 2.1
            Self::Refresh => "rt+jwt",
        }
    }

    /// The header's `alg`.
    const fn alg(self) -> &'static str {
        match self {
            Self::Access => "EdDSA",
            Self::Refresh => "HS512",
        }
    }
}

/// Who issues tokens, for whom, and for how long.
#[derive(Clone, Debug)]
pub struct Issuance {
    /// `iss` of both kinds, and `aud` of refresh tokens: nobody else may accept those.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
    /// Lifetime of an access token.
    pub access_lifetime: Seconds,
    /// The longest lifetime of a refresh token: the session's idle time-out.
    pub refresh_lifetime: Seconds,
}

/// What an access token says: this user, in this session, with this role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The session it was issued in, and whose that is.
    pub session: SessionKey,
    /// The role's slug when it was issued.
    pub role: String,
    /// Issued at.
    pub issued_at: UnixSeconds,
    /// Not valid from here on.
    pub expires_at: UnixSeconds,
    /// The token's id.
    pub id: TokenId,
}

/// What a refresh token says: one generation of this session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The session it belongs to, and whose that is.
    pub session: SessionKey,
    /// Issued at.
    pub issued_at: UnixSeconds,
    /// Not valid from here on.
    pub expires_at: UnixSeconds,
    /// The token's id; the session's row names the one that may rotate.
    pub id: TokenId,
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection<C> {
    /// Not a token of ours of this kind.
    Invalid,
    /// Ours and of this kind, but its time is over.
    Expired(C),
}

/// Stands for one token, all of it: header, claims and signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Half of a token's SHA-512; `None` when it is too long to be one.
    #[must_use]
    pub fn of(token: &str) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut digest = [0; 32];
        for (to, from) in digest.iter_mut().zip(Sha512::digest(token)) {
            *to = from;
        }
        Some(Self(digest))
    }

    /// Its last two bytes.
    #[must_use]
    pub const fn last_bytes(self) -> [u8; 2] {
        let [.., a, b] = self.0;
        [a, b]
    }
}

/// A signed token, ready for its cookie.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedToken(String);

/// The signature could not be made; it cannot happen with claims of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningFailed;

/// Signs and verifies both kinds of token.
#[derive(Debug)]
pub struct Tokens {
    keys: KeyRing,
    issuance: Issuance,
}

impl Tokens {
    /// Tokens under `keys`.
    #[must_use]
    pub const fn new(keys: KeyRing, issuance: Issuance) -> Self {
        Self { keys, issuance }
    }

    /// Signs an access token. The same claims give the same bytes (RFC 8032).
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] when the claims cannot be written as JSON.
    pub fn sign_access(&self, claims: &AccessClaims) -> Result<SignedToken, SigningFailed> {
        let body = AccessBody {
            iss: self.issuance.issuer.clone(),
            aud: self.issuance.audience.clone(),
            sub: claims.session.user,
            sid: claims.session.id,
            role: claims.role.clone(),
            iat: claims.issued_at,
            exp: claims.expires_at,
            jti: claims.id,
        };
        let lifetime = Lifetime {
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
        };
        self.sign(Kind::Access, lifetime, body)
    }

    /// Signs a refresh token. The same claims give the same bytes.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] when the claims cannot be written as JSON.
    pub fn sign_refresh(&self, claims: &RefreshClaims) -> Result<SignedToken, SigningFailed> {
        let body = RefreshBody {
            iss: self.issuance.issuer.clone(),
            aud: self.issuance.issuer.clone(),
            sub: claims.session.user,
            sid: claims.session.id,
            iat: claims.issued_at,
            exp: claims.expires_at,
            jti: claims.id,
        };
        let lifetime = Lifetime {
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
        };
        self.sign(Kind::Refresh, lifetime, body)
    }

    /// Verifies an access token.
    ///
    /// # Errors
    ///
    /// [`Rejection::Expired`] for an authentic token whose `exp` has come, otherwise
    /// [`Rejection::Invalid`].
    pub fn verify_access(
        &self,
        token: &str,
        now: UnixSeconds,
    ) -> Result<AccessClaims, Rejection<AccessClaims>> {
        let body: AccessBody = self.authenticate(token, Kind::Access)?;
        if body.iss != self.issuance.issuer || body.aud != self.issuance.audience {
            return Err(Rejection::Invalid);
        }
        let claims = AccessClaims {
            session: SessionKey {
                user: body.sub,
                id: body.sid,
            },
            role: body.role,
            issued_at: body.iat,
            expires_at: body.exp,
            id: body.jti,
        };
        self.judge_access(claims, now)
    }

    /// Judges the times of an access token that [`Tokens::verify_access`] has found authentic.
    ///
    /// # Errors
    ///
    /// As [`Tokens::verify_access`].
    pub fn judge_access(
        &self,
        claims: AccessClaims,
        now: UnixSeconds,
    ) -> Result<AccessClaims, Rejection<AccessClaims>> {
        let lifetime = Lifetime {
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
        };
        match judge_times(lifetime, self.issuance.access_lifetime, now) {
            Times::Current => Ok(claims),
            Times::Expired => Err(Rejection::Expired(claims)),
            Times::Impossible => Err(Rejection::Invalid),
        }
    }

    /// Verifies a refresh token.
    ///
    /// # Errors
    ///
    /// As [`Tokens::verify_access`].
    pub fn verify_refresh(
        &self,
        token: &str,
        now: UnixSeconds,
    ) -> Result<RefreshClaims, Rejection<RefreshClaims>> {
        let body: RefreshBody = self.authenticate(token, Kind::Refresh)?;
        if body.iss != self.issuance.issuer || body.aud != self.issuance.issuer {
            return Err(Rejection::Invalid);
        }
        let claims = RefreshClaims {
            session: SessionKey {
                user: body.sub,
                id: body.sid,
            },
            issued_at: body.iat,
            expires_at: body.exp,
            id: body.jti,
        };
        let lifetime = Lifetime {
            issued_at: body.iat,
            expires_at: body.exp,
        };
        match judge_times(lifetime, self.issuance.refresh_lifetime, now) {
            Times::Current => Ok(claims),
            Times::Expired => Err(Rejection::Expired(claims)),
            Times::Impossible => Err(Rejection::Invalid),
        }
    }

    fn sign(
        &self,
        kind: Kind,
        lifetime: Lifetime,
        body: impl Serialize,
    ) -> Result<SignedToken, SigningFailed> {
        let header = Header::empty()
            .with_key_id(self.keys.signing_id().as_str())
            .with_token_type(kind.typ());
        let mut claims = Claims::new(body);
        claims.issued_at = Some(date_time(lifetime.issued_at)?);
        claims.expiration = Some(date_time(lifetime.expires_at)?);
        let signed = match kind {
            Kind::Access => Ed25519.token(&header, &claims, self.keys.signing()),
            Kind::Refresh => Hs512.token(&header, &claims, &self.keys.signing_refresh()),
        };
        signed.map(SignedToken).map_err(|_| SigningFailed)
    }

    /// Header, then signature, then claims; nothing in the token chooses how it is checked.
    fn authenticate<B: DeserializeOwned, C>(
        &self,
        token: &str,
        kind: Kind,
    ) -> Result<B, Rejection<C>> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::Invalid);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Rejection::Invalid)?;
        let (header, claims) = signed.split_once('.').ok_or(Rejection::Invalid)?;
        let header: StrictHeader = decode(header).ok_or(Rejection::Invalid)?;
        if header.alg != kind.alg() || header.typ != kind.typ() {
            return Err(Rejection::Invalid);
        }
        let signature = decode_bytes(signature).ok_or(Rejection::Invalid)?;
        let is_ours = match kind {
            Kind::Access => self.keys.has_signed(&header.kid, signed, &signature),
            Kind::Refresh => self
                .keys
                .has_signed_refresh(&header.kid, signed, &signature),
        };
        if !is_ours {
            return Err(Rejection::Invalid);
        }
        decode(claims).ok_or(Rejection::Invalid)
    }
}

impl SignedToken {
    /// The compact form, for a cookie alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SignedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedToken(…)")
    }
}

enum Times {
    Current,
    Expired,
    Impossible,
}

/// From when to when a token is valid.
#[derive(Clone, Copy)]
struct Lifetime {
    issued_at: UnixSeconds,
    expires_at: UnixSeconds,
}

/// `exp` has no leeway: at that very second the token is over (RFC 7519, section 4.1.4).
fn judge_times(lifetime: Lifetime, longest: Seconds, now: UnixSeconds) -> Times {
    let Lifetime {
        issued_at,
        expires_at,
    } = lifetime;
    let lifetime = expires_at.since(issued_at);
    let possible = issued_at.get() >= 0
        && issued_at <= now.plus(ISSUED_AT_LEEWAY)
        && lifetime > 0
        && lifetime <= i64::from(longest.get());
    if !possible {
        Times::Impossible
    } else if now >= expires_at {
        Times::Expired
    } else {
        Times::Current
    }
}

fn date_time(time: UnixSeconds) -> Result<DateTime<chrono::Utc>, SigningFailed> {
    DateTime::from_timestamp(time.get(), 0).ok_or(SigningFailed)
}

#[cfg(test)]
mod tests;
