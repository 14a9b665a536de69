//! `GET /api/account/profile`: the caller's profile.

use crate::domain::identity::user::Profile;
use crate::ports::{Limiter, Ports};
use crate::service::config::{Config, ProfileConsistency};
use crate::service::policy::{Member, Reader};
use crate::service::profile_cache::ProfileCache;
use crate::service::{Ctx, ServiceError, limits};
use crate::web::endpoint::Endpoint;
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Returns the profile, from a copy of bounded age or from the database. At most one round trip and
/// one read of KV.
pub(super) struct ReadProfile;

impl Endpoint for ReadProfile {
    const ROUTE: Route =
        Route::get("/api/account/profile", "AccountProfile").limited(Limiter::Session);
    type Actor = Reader;
    type Input = ();

    fn input(_: &Received<'_>, _: &Config) -> Result<(), Refusal> {
        Ok(())
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, Reader(member): Reader, (): ()) -> Answer {
        Reply::json(&read(ctx, &member).await?)
    }
}

async fn read<P: Ports>(ctx: &Ctx<'_, P>, member: &Member) -> Result<Profile, ServiceError> {
    let bounds = match ctx.config().profile {
        ProfileConsistency::Cached(bounds) => bounds,
        ProfileConsistency::Strict => {
            count(ctx, member).await?;
            return Ok(Profile::from(member.account(ctx).await?.user));
        }
    };
    let cache = ProfileCache::new(ctx, &member.claims, bounds);
    if let Some(profile) = cache.in_isolate() {
        return Ok(profile);
    }
    count(ctx, member).await?;
    if let Some(profile) = cache.in_kv().await {
        return Ok(profile);
    }
    Ok(cache.keep(member.account(ctx).await?))
}

async fn count<P: Ports>(ctx: &Ctx<'_, P>, member: &Member) -> Result<(), ServiceError> {
    match ReadProfile::ROUTE.counted() {
        Some(limited) => limits::by_session(ctx, limited, member.session().id).await,
        None => Ok(()),
    }
}
