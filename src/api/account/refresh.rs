//! A client trades its refresh token for the next pair.

use crate::domain::id::TokenId;
use crate::ports::Ports;
use crate::service::copies::sessions_ended;
use crate::service::issue::{Grant, TokenPair, issue};
use crate::service::policy::RefreshHolder;
use crate::service::{AppError, Ctx};
use crate::store::rotate::{RotatedSession, Rotation, RotationRequest, rotate};

/// Rotates the refresh token. One round trip.
///
/// Two tabs that refresh at once, or a client whose answer was lost, present one token twice:
/// within the grace both are answered with the same pair, byte for byte. Anything older is a
/// copy in somebody else's hands: the session ends for both of them.
///
/// # Errors
///
/// [`AppError::InvalidToken`] and the store's.
pub async fn refresh<P: Ports>(
    ctx: &Ctx<'_, P>,
    RefreshHolder { claims }: RefreshHolder,
) -> Result<TokenPair, AppError> {
    let request = RotationRequest {
        session: claims.session,
        user: claims.user,
        presented: claims.id,
        successor: TokenId::from_random(ctx.ports.random_bytes()?),
        idle: ctx.config().sessions.idle,
        grace: ctx.config().sessions.grace,
        trace: ctx.trace(),
    };
    let grant = |rotated: RotatedSession| Grant {
        user: claims.user,
        session: claims.session,
        role: rotated.role,
        refresh_id: rotated.refresh_id,
        issued_at: rotated.issued_at,
        refresh_expires_at: rotated.expires_at,
    };
    let rotation = match rotate(ctx.ports, &request).await {
        Ok(rotation) => rotation,
        // Without the database nothing is given, but what is known to be over can be refused.
        Err(_) if ctx.ports.has_ended(claims.id).await => {
            return Err(AppError::InvalidToken);
        }
        Err(error) => return Err(error.into()),
    };
    match rotation {
        Rotation::Rotated(rotated) => issue(ctx, grant(rotated)),
        Rotation::Reused(ended) => {
            let user = claims.user.to_string().into();
            ctx.ports
                .warn("session.refresh_reused", &[("user.id", user)]);
            sessions_ended(ctx, vec![ended]);
            Err(AppError::InvalidToken)
        }
        Rotation::Dead => Err(AppError::InvalidToken),
    }
}
