//! `GET /api/account/verify?aud=…`: tells a proxy who is calling (nginx's `auth_request`, Caddy's
//! `forward_auth`, Traefik's `forwardAuth`, Envoy's `ext_authz`).

use crate::domain::session::token::{IDENTITY_LIFETIME, IdentityClaims};
use crate::domain::time::UnixSeconds;
use crate::ports::{Limiter, Ports};
use crate::service::config::{Config, ProfileConsistency};
use crate::service::policy::Reader;
use crate::service::profile_cache::{Wanted, read_account};
use crate::service::{Ctx, ServiceError};
use crate::web::endpoint::Endpoint;
use crate::web::form::Form;
use crate::web::headers::{X_AUTH_IDENTITY, X_SESSION_ID, X_USER_ID, X_USER_ROLE};
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Answers 204 or refuses with 401; never a redirect, and never with CORS headers.
///
/// The answer names the caller in `X-User-Id`, `X-User-Role` and `X-Session-Id`, which an upstream
/// may believe only if its proxy strips them from requests. With `aud`, an upstream of the setting
/// `UPSTREAMS`, it also has `X-Auth-Identity`: a token that the upstream verifies itself, so that it
/// need not trust its proxy. At most one round trip and one read of KV.
pub(super) struct Verify;

impl Endpoint for Verify {
    const ROUTE: Route = Route::get("/api/account/verify", "AccountVerify")
        .query()
        .limited(Limiter::Session)
        .without_cors();
    type Actor = Reader;
    type Input = Option<String>;

    fn input(request: &Received<'_>, config: &Config) -> Result<Option<String>, Refusal> {
        let query = request.query()?;
        let mut form = Form::of_query(&query, &["aud"]);
        let upstream = form.optional("aud");
        if upstream
            .as_ref()
            .is_some_and(|upstream| !config.upstreams.contains(upstream))
        {
            form.fault("aud", "not_in_list", "must be an upstream of UPSTREAMS");
        }
        form.finish(|| Some(upstream))
    }

    async fn answer<P: Ports>(
        ctx: &Ctx<'_, P>,
        Reader(member): Reader,
        upstream: Option<String>,
    ) -> Answer {
        let wanted = Wanted {
            max_age: None,
            counted: Self::ROUTE.counted(),
        };
        let account = read_account(ctx, &member, wanted).await?;
        let (session, role) = (member.session(), &account.user.role_slug);
        let mut reply = Reply::no_content()
            .with_header(X_USER_ID, session.user.to_string())?
            .with_header(X_USER_ROLE, role.clone())?
            .with_header(X_SESSION_ID, session.id.to_string())?;
        if let Some(audience) = &upstream {
            let claims = IdentityClaims {
                session,
                role,
                audience,
                issued_at: ctx.now,
                expires_at: identity_expires_at(ctx, account.read_at),
            };
            let token = ctx.service.tokens.sign_identity(&claims);
            let token = token.map_err(ServiceError::from)?;
            reply = reply.with_header(X_AUTH_IDENTITY, token.expose().to_owned())?;
        }
        Ok(reply)
    }
}

/// An upstream accepts the token until it expires, so it does not outlive the bound of the copy that
/// it was made from. A bound that is shorter than the token's lifetime does not shorten a fresh one.
fn identity_expires_at<P: Ports>(ctx: &Ctx<'_, P>, read_at: UnixSeconds) -> UnixSeconds {
    let bound = match ctx.config().profile {
        ProfileConsistency::Cached(bounds) => bounds.from_read.max(IDENTITY_LIFETIME),
        ProfileConsistency::Strict => IDENTITY_LIFETIME,
    };
    ctx.now.plus(IDENTITY_LIFETIME).min(read_at.plus(bound))
}

#[cfg(feature = "openapi")]
mod documented {
    use super::Verify;
    use crate::domain::session::token::{IDENTITY_LIFETIME, IdentityClaims};
    use crate::service::ServiceError;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::headers::{X_AUTH_IDENTITY, X_SESSION_ID, X_USER_ID, X_USER_ROLE};
    use crate::web::reply::{Answer, Reply};

    impl Documented for Verify {
        const SUMMARY: &'static str = "Tells a proxy who is calling, in the headers of its answer.";

        fn query() -> Vec<Field> {
            vec![
            Field::text("aud", "orders")
                .described(
                    "The upstream that `X-Auth-Identity` is for: one of the setting `UPSTREAMS`.",
                )
                .optional(),
        ]
        }

        fn example(sample: &Sample) -> Answer {
            let token = sample.service.tokens.sign_identity(&IdentityClaims {
                session: sample.session,
                role: &sample.profile().role_slug,
                audience: "orders",
                issued_at: sample.now,
                expires_at: sample.now.plus(IDENTITY_LIFETIME),
            });
            let token = token.map_err(ServiceError::from)?;
            named(sample)?.with_header(X_AUTH_IDENTITY, token.expose().to_owned())
        }

        fn shortest_example(sample: &Sample) -> Option<Answer> {
            Some(named(sample))
        }
    }

    fn named(sample: &Sample) -> Answer {
        Reply::no_content()
            .with_header(X_USER_ID, sample.session.user.to_string())?
            .with_header(X_USER_ROLE, sample.profile().role_slug)?
            .with_header(X_SESSION_ID, sample.session.id.to_string())
    }
}
