//! Access and refresh tokens: JWTs of exactly one form each (docs/http.md, section 3).
//!
//! jwt-compact signs. This module and the key ring verify, on the raw bytes: jwt-compact reads
//! header and claims into flattened structs, which accept unknown members, and leaves `typ`, `aud`,
//! `iss` and the times to the caller.
//!
//! Every invalid token is refused alike. Only an authentic token that has expired is distinguished,
//! because clients react to it and a log-out accepts it.

mod webhook;
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
use wire::{AccessBody, IdentityBody, RefreshBody, StrictHeader, decode, decode_bytes};

/// The longest token that is parsed, in bytes. Tokens of this service have about 500.
const MAX_TOKEN_BYTES: usize = 2_048;
/// How far ahead the clock that wrote `iat` may be, at another location.
const ISSUED_AT_LEEWAY: Seconds = Seconds::new(5);

/// The kind of a token. The cookie that contains a token determines its kind, and the kind
/// determines type, algorithm and key. Nothing in the token does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Other services verify it, so it is signed with Ed25519.
    Access,
    /// Only this service reads it, so it is an HMAC, at a tenth of the cost.
    Refresh,
    /// An upstream behind a proxy verifies it. This service never accepts one.
    Identity,
}

impl Kind {
    /// Returns the header's `typ`.
    const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt", // RFC 9068, section 2.1
            Self::Refresh => "rt+jwt",
            Self::Identity => "identity+jwt",
        }
    }

    /// Returns the header's `alg`.
    const fn alg(self) -> &'static str {
        match self {
            Self::Access | Self::Identity => "EdDSA",
            Self::Refresh => "HS512",
        }
    }
}

/// The issuer, the audience and the lifetimes of tokens.
#[derive(Clone, Debug)]
pub struct Issuance {
    /// `iss` of both kinds, and `aud` of refresh tokens, which only the issuer may accept.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
    /// Lifetime of an access token.
    pub access_lifetime: Seconds,
    /// The longest lifetime of a refresh token: the session's idle timeout.
    pub refresh_lifetime: Seconds,
}

/// The claims of an access token: this user, in this session, with this role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The session that it was issued in.
    pub session: SessionKey,
    /// The role's slug at the time of issue.
    pub role: String,
    /// When it was issued.
    pub issued_at: UnixSeconds,
    /// When it expires: it is invalid from this second on.
    pub expires_at: UnixSeconds,
    /// The token's id.
    pub id: TokenId,
}

/// The claims of a refresh token: one generation of this session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The session that it belongs to.
    pub session: SessionKey,
    /// When it was issued.
    pub issued_at: UnixSeconds,
    /// When it expires: it is invalid from this second on.
    pub expires_at: UnixSeconds,
    /// The token's id. The session's row contains the id of the current one.
    pub id: TokenId,
}

/// The longest lifetime of an identity token: as long as a request takes on its way through a proxy.
pub const IDENTITY_LIFETIME: Seconds = Seconds::new(30);

/// The claims of an identity token: who is calling, for one upstream behind a proxy.
#[derive(Clone, Debug)]
pub struct IdentityClaims<'a> {
    /// The caller's session.
    pub session: SessionKey,
    /// The role's slug.
    pub role: &'a str,
    /// `aud`: the upstream.
    pub audience: &'a str,
    /// When it is issued.
    pub issued_at: UnixSeconds,
    /// When it expires: at most [`IDENTITY_LIFETIME`] later.
    pub expires_at: UnixSeconds,
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection<C> {
    /// Not an authentic token of this kind.
    Invalid,
    /// An authentic token of this kind that has expired.
    Expired(C),
}

/// Identifies one token by its header, claims and signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Returns the first half of the token's SHA-512. `None` when the text is too long to be a
    /// token.
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

    /// Returns the last two bytes of the digest.
    #[must_use]
    pub const fn last_bytes(self) -> [u8; 2] {
        let [.., a, b] = self.0;
        [a, b]
    }
}

/// A signed token, ready to be put into its cookie.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedToken(String);

/// The error for a signature that could not be made. Does not happen with claims made by this
/// service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningFailed;

/// Signs and verifies both kinds of token.
#[derive(Debug)]
pub struct Tokens {
    keys: KeyRing,
    issuance: Issuance,
}

impl Tokens {
    /// Creates a signer and verifier that uses `keys`.
    #[must_use]
    pub const fn new(keys: KeyRing, issuance: Issuance) -> Self {
        Self { keys, issuance }
    }

    /// Signs an access token. The same claims yield the same bytes (RFC 8032).
    ///
    /// # Errors
    ///
    /// Returns [`SigningFailed`] when the claims cannot be serialized.
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
        let lifetime = Lifetime::new(claims.issued_at, claims.expires_at);
        self.sign(Kind::Access, lifetime, body)
    }

    /// Signs a refresh token. The same claims yield the same bytes.
    ///
    /// # Errors
    ///
    /// Returns [`SigningFailed`] when the claims cannot be serialized.
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
        let lifetime = Lifetime::new(claims.issued_at, claims.expires_at);
        self.sign(Kind::Refresh, lifetime, body)
    }

    /// Signs an identity token.
    ///
    /// # Errors
    ///
    /// Returns [`SigningFailed`] if the claims cannot be serialized.
    pub fn sign_identity(&self, claims: &IdentityClaims<'_>) -> Result<SignedToken, SigningFailed> {
        let body = IdentityBody {
            iss: &self.issuance.issuer,
            aud: claims.audience,
            sub: claims.session.user,
            sid: claims.session.id,
            role: claims.role,
        };
        let lifetime = Lifetime::new(claims.issued_at, claims.expires_at);
        self.sign(Kind::Identity, lifetime, body)
    }

    /// Verifies an access token.
    ///
    /// # Errors
    ///
    /// Returns [`Rejection::Expired`] for an authentic token that has expired, otherwise
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

    /// Checks the times of an access token that [`Tokens::verify_access`] has found authentic.
    ///
    /// # Errors
    ///
    /// Returns [`Rejection::Expired`] for a token that has expired, and [`Rejection::Invalid`] for
    /// one whose times are impossible.
    pub fn judge_access(
        &self,
        claims: AccessClaims,
        now: UnixSeconds,
    ) -> Result<AccessClaims, Rejection<AccessClaims>> {
        let lifetime = Lifetime::new(claims.issued_at, claims.expires_at);
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
    /// Returns [`Rejection::Expired`] for an authentic token that has expired, otherwise
    /// [`Rejection::Invalid`].
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
        let lifetime = Lifetime::new(body.iat, body.exp);
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
            Kind::Access | Kind::Identity => Ed25519.token(&header, &claims, self.keys.signing()),
            Kind::Refresh => Hs512.token(&header, &claims, &self.keys.signing_refresh()),
        };
        signed.map(SignedToken).map_err(|_| SigningFailed)
    }

    /// Checks the header, then the signature, then the claims. Nothing in the token determines how
    /// it is checked.
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
            Kind::Access | Kind::Identity => self.keys.has_signed(&header.kid, signed, &signature),
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
    /// Returns the compact form, for a cookie only.
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

/// The times between which a token is valid.
#[derive(Clone, Copy)]
struct Lifetime {
    issued_at: UnixSeconds,
    expires_at: UnixSeconds,
}

impl Lifetime {
    const fn new(issued_at: UnixSeconds, expires_at: UnixSeconds) -> Self {
        Self {
            issued_at,
            expires_at,
        }
    }
}

/// Classifies the times of a token. `exp` has no leeway: a token has expired in that very second
/// (RFC 7519, section 4.1.4).
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
