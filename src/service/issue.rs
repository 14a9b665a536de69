//! The pair of tokens that follows from a session's current generation.

use super::{Ctx, ServiceError};
use crate::domain::session::Grant;
use crate::domain::session::token::{AccessClaims, RefreshClaims, SignedToken};
use crate::domain::time::UnixSeconds;

/// An access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// The token.
    pub signed: SignedToken,
    /// When it expires.
    pub expires_at: UnixSeconds,
}

/// An access and a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPair {
    /// For the access cookie.
    pub access: AccessToken,
    /// For the refresh cookie.
    pub refresh: SignedToken,
    /// When the refresh token expires.
    pub refresh_expires_at: UnixSeconds,
}

/// Signs the pair of a grant.
///
/// # Errors
///
/// Returns [`ServiceError::Internal`] when a signature fails.
pub fn issue<P>(ctx: &Ctx<'_, P>, grant: Grant) -> Result<TokenPair, ServiceError> {
    let tokens = &ctx.service.tokens;
    let lifetime = ctx.service.config.issuance.access_lifetime;
    // An access token does not outlive the refresh token of its pair.
    let access_expires_at = grant.issued_at.plus(lifetime).min(grant.expires_at);
    let signed = tokens.sign_access(&AccessClaims {
        session: grant.session,
        role: grant.role,
        issued_at: grant.issued_at,
        expires_at: access_expires_at,
        id: grant.refresh_id.of_access_token(),
    })?;
    let refresh = tokens.sign_refresh(&RefreshClaims {
        session: grant.session,
        issued_at: grant.issued_at,
        expires_at: grant.expires_at,
        id: grant.refresh_id,
    })?;
    Ok(TokenPair {
        access: AccessToken {
            signed,
            expires_at: access_expires_at,
        },
        refresh,
        refresh_expires_at: grant.expires_at,
    })
}
