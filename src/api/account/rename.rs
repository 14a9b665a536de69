//! A person changes the display name.

use crate::domain::id::TokenId;
use crate::domain::identity::user::{Profile, UserName};
use crate::domain::session::token::{AccessClaims, SignedToken};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::Ports;
use crate::service::copies::user_changed;
use crate::service::policy::AccessHolder;
use crate::service::{AppError, Ctx};
use crate::store::users;

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
/// [`AppError::InvalidToken`] when the caller's session is over, and the store's.
pub async fn rename<P: Ports>(
    ctx: &Ctx<'_, P>,
    holder: AccessHolder,
    name: Option<UserName>,
) -> Result<Renamed, AppError> {
    let user = users::rename(ctx.ports, holder.caller(), name.as_ref(), &ctx.trace())
        .await?
        .ok_or(AppError::InvalidToken)?;
    user_changed(ctx, user.id);
    // By the clock after the commit, and never older than the token it replaces.
    let after_commit = ctx.ports.now().plus(NEXT_SECOND);
    let claims = AccessClaims {
        issued_at: after_commit.max(holder.claims.issued_at),
        role: user.role_slug.clone(),
        id: TokenId::from_random(ctx.ports.random_bytes()?),
        // The lifetime is not extended: that is for a refresh.
        ..holder.claims
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
