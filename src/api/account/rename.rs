//! `PATCH /api/account/profile`: changes the display name.

use crate::domain::id::TokenId;
use crate::domain::identity::user::{Profile, UserName};
use crate::domain::session::token::AccessClaims;
use crate::domain::time::Seconds;
use crate::ports::{Limiter, Ports};
use crate::service::config::Config;
use crate::service::issue::AccessToken;
use crate::service::policy::Member;
use crate::service::profile_cache::drop_copies;
use crate::service::{Ctx, ServiceError};
use crate::store::users;
use crate::web::endpoint::Endpoint;
use crate::web::form::Form;
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Copies that were read in the second of the change may predate it, so only later ones count for
/// the new token. (`iat` may be up to 5 s ahead.)
const NEXT_SECOND: Seconds = Seconds::new(1);

/// Stores the name and returns the profile. One round trip.
///
/// Copies of the profile in KV may show the old name for a while, at other locations. The caller
/// gets an access token that is newer than all of them. Copies older than the token do not count,
/// so the caller's next read shows the new name, whatever KV returns.
pub(super) struct Rename;

impl Endpoint for Rename {
    const ROUTE: Route = Route::patch("/api/account/profile", "AccountUpdateProfile")
        .json()
        .limited(Limiter::Session);
    type Actor = Member;
    type Input = Option<UserName>;

    fn input(request: &Received<'_>, _: &Config) -> Result<Option<UserName>, Refusal> {
        let fields = request.fields()?;
        let mut form = Form::of(&fields, &["name"]);
        if fields.get("name").is_none() {
            form.fault("name", "required", "is required; null removes the name");
        }
        let name = form.name("name");
        form.finish(|| name)
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, member: Member, name: Option<UserName>) -> Answer {
        let user = users::rename(ctx.ports, member.session(), name.as_ref(), &ctx.trace())
            .await?
            .ok_or(ServiceError::InvalidToken)?;
        drop_copies(ctx, user.id);
        let token = younger_token(ctx, &member.claims, user.role_slug.clone())?;
        Ok(Reply::json(&Profile::from(user))?.set_access_cookie(token))
    }
}

/// Returns a token that is newer than the commit and not older than the one it replaces. `None`
/// when that one expires within a second. Its lifetime is not extended: only a refresh does that.
fn younger_token<P: Ports>(
    ctx: &Ctx<'_, P>,
    claims: &AccessClaims,
    role: String,
) -> Result<Option<AccessToken>, ServiceError> {
    let after_commit = ctx.ports.now().plus(NEXT_SECOND);
    let claims = AccessClaims {
        issued_at: after_commit.max(claims.issued_at),
        role,
        id: TokenId::from_random(ctx.ports.random_bytes()?),
        ..*claims
    };
    if claims.issued_at >= claims.expires_at {
        return Ok(None);
    }
    Ok(Some(AccessToken {
        signed: ctx.service.tokens.sign_access(&claims)?,
        expires_at: claims.expires_at,
    }))
}

#[cfg(feature = "openapi")]
mod documented {
    use super::Rename;
    use crate::domain::identity::user::Profile;
    use crate::web::documented::{Documented, Field, Returned, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for Rename {
        const SUMMARY: &'static str = "Changes the display name, and sets an access cookie that is newer than every cached profile.";

        fn body() -> Vec<Field> {
            vec![
                Field::display_name("name")
                    .nullable()
                    .described("Null removes the name."),
            ]
        }

        fn returns() -> Returned {
            Returned::one::<Profile>()
        }

        fn example(sample: &Sample) -> Answer {
            Ok(Reply::json(&sample.profile())?.set_access_cookie(Some(sample.access_token()?)))
        }

        fn shortest_example(sample: &Sample) -> Option<Answer> {
            Some(Reply::json(&sample.profile()))
        }
    }
}
