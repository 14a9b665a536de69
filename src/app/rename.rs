//! A person changes the display name.

use super::authenticate::Member;
use super::background::account_changed;
use super::{AppError, Ctx};
use crate::domain::id::TokenId;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::domain::token::{AccessClaims, SignedToken};
use crate::domain::user::{Profile, UserName};
use crate::ports::{Entropy, Ports, Timer, UserStore};

/// Copies that were read in the second of the change may be from before it: the token says
/// that only later ones count. (`iat` may lie 5 s ahead.)
const NEXT_SECOND: Seconds = Seconds::new(1);

/// The changed profile, and the access token with which its owner sees the change at once.
#[derive(Clone, Debug)]
pub struct Renamed {
    /// The profile as it is now.
    pub profile: Profile,
    /// The token and when it expires; `None` when the old one has a second left or less.
    pub access: Option<(SignedToken, UnixSeconds)>,
}

/// Stores the name. One round trip.
///
/// Copies of the profile in KV may show the old name for a while, elsewhere. The caller gets
/// an access token that is younger than all of them, and copies older than the token do not
/// count: so the caller's next read shows the new name, whatever KV does.
///
/// # Errors
///
/// [`AppError::InvalidToken`] when the user has become inactive, and the store's.
pub async fn rename<P: Ports>(
    ctx: &Ctx<'_, P>,
    member: Member,
    name: Option<UserName>,
) -> Result<Renamed, AppError> {
    let user = ctx
        .ports
        .users()
        .rename(member.user.id, name.as_ref(), ctx.now)
        .await?
        .ok_or(AppError::InvalidToken)?;
    account_changed(ctx, user.id, Vec::new());
    // By the clock after the commit, and never older than the token it replaces.
    let after_commit = ctx.ports.timer().now().plus(NEXT_SECOND);
    let claims = AccessClaims {
        issued_at: after_commit.max(member.claims.issued_at),
        role: user.role_slug.clone(),
        id: TokenId::from_random(ctx.ports.entropy().bytes()?),
        // The lifetime is not extended: that is for a refresh.
        ..member.claims
    };
    let access = if claims.issued_at < claims.expires_at {
        let token = ctx.service.tokens.sign_access(&claims)?;
        Some((token, claims.expires_at))
    } else {
        None
    };
    Ok(Renamed {
        profile: Profile::from(user),
        access,
    })
}
