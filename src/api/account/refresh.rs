//! `POST /api/account/refresh`: trades a refresh token for the next pair.

use crate::domain::id::TokenId;
use crate::ports::{Limiter, Ports};
use crate::service::config::Config;
use crate::service::issue::issue;
use crate::service::policy::RefreshTokenHolder;
use crate::service::revocations::sessions_ended;
use crate::service::{Ctx, ServiceError};
use crate::store::rotate::{Rotation, RotationRequest, rotate};
use crate::web::endpoint::Endpoint;
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Rotates the refresh token and sets both cookies. One round trip.
///
/// Two tabs that refresh at once, or a client whose answer was lost, present one token twice:
/// within the grace both get the same pair, byte for byte. An older token has been copied, so the
/// session ends for both holders.
pub(super) struct Refresh;

impl Endpoint for Refresh {
    const ROUTE: Route = Route::post("/api/account/refresh", "RefreshAccessToken")
        .limited(Limiter::Session)
        .token_endpoint();
    type Actor = RefreshTokenHolder;
    type Input = ();

    fn input(_: &Received<'_>, _: &Config) -> Result<(), Refusal> {
        Ok(())
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, holder: RefreshTokenHolder, (): ()) -> Answer {
        match rotated(ctx, &holder).await? {
            Rotation::Rotated(grant) => Ok(Reply::no_content().set_cookies(issue(ctx, grant)?)),
            Rotation::Reused(ended) => {
                let user = holder.claims.session.user.to_string().into();
                ctx.ports
                    .warn("session.refresh_reused", &[("user.id", user)]);
                sessions_ended(ctx, vec![ended]);
                Err(ServiceError::InvalidToken.into())
            }
            Rotation::Dead => Err(ServiceError::InvalidToken.into()),
        }
    }
}

async fn rotated<P: Ports>(
    ctx: &Ctx<'_, P>,
    RefreshTokenHolder { claims }: &RefreshTokenHolder,
) -> Result<Rotation, ServiceError> {
    let request = RotationRequest {
        session: claims.session,
        presented: claims.id,
        successor: TokenId::from_random(ctx.ports.random_bytes()?),
        idle: ctx.config().sessions.idle,
        grace: ctx.config().sessions.grace,
        trace: ctx.trace(),
    };
    match rotate(ctx.ports, &request).await {
        Ok(rotation) => Ok(rotation),
        // Without the database no token is issued, but one whose session is known to have ended is
        // refused.
        Err(error) if !ctx.ports.has_ended(claims.id).await => Err(error.into()),
        Err(_) => Err(ServiceError::InvalidToken),
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::Refresh;
    use crate::web::documented::{Documented, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for Refresh {
        const SUMMARY: &'static str =
            "Trades the refresh token for the next pair of tokens, and sets both auth cookies.";

        fn example(sample: &Sample) -> Answer {
            Ok(Reply::no_content().set_cookies(sample.pair()?))
        }
    }
}
