//! The pair of tokens that a session's current generation stands for.

use super::{AppError, Ctx};
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::session::token::{AccessClaims, RefreshClaims, SignedToken};
use crate::domain::time::UnixSeconds;

/// Everything the pair follows from. The same grant gives the same bytes.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Whose session.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The user's role.
    pub role: String,
    /// The id of the current refresh token.
    pub refresh_id: TokenId,
    /// When the current refresh token was issued.
    pub issued_at: UnixSeconds,
    /// When the current refresh token expires.
    pub refresh_expires_at: UnixSeconds,
}

/// An access and a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPair {
    /// For the access cookie.
    pub access: SignedToken,
    /// When it expires.
    pub access_expires_at: UnixSeconds,
    /// For the refresh cookie.
    pub refresh: SignedToken,
    /// When it expires.
    pub refresh_expires_at: UnixSeconds,
}

/// Signs the pair.
///
/// # Errors
///
/// [`AppError::Internal`] when a signature fails.
pub fn issue<P>(ctx: &Ctx<'_, P>, grant: Grant) -> Result<TokenPair, AppError> {
    let tokens = &ctx.service.tokens;
    let access_lifetime = ctx.service.config.issuance.access_lifetime;
    // An access token does not outlive its session's refresh token.
    let access_expires_at = grant
        .issued_at
        .plus(access_lifetime)
        .min(grant.refresh_expires_at);
    let access = tokens.sign_access(&AccessClaims {
        user: grant.user,
        session: grant.session,
        role: grant.role,
        issued_at: grant.issued_at,
        expires_at: access_expires_at,
        id: grant.refresh_id.of_access_token(),
    })?;
    let refresh = tokens.sign_refresh(&RefreshClaims {
        user: grant.user,
        session: grant.session,
        issued_at: grant.issued_at,
        expires_at: grant.refresh_expires_at,
        id: grant.refresh_id,
    })?;
    Ok(TokenPair {
        access,
        access_expires_at,
        refresh,
        refresh_expires_at: grant.refresh_expires_at,
    })
}
