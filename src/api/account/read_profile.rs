//! `GET /api/account/profile`: returns the caller's profile.

use crate::ports::{Limiter, Ports};
use crate::service::Ctx;
use crate::service::config::Config;
use crate::service::policy::Reader;
use crate::service::profile_cache::{Wanted, read_account};
use crate::web::endpoint::Endpoint;
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Returns the profile: from a copy of bounded age, or from the database. At most one round trip
/// and one read of KV.
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
        let wanted = Wanted {
            max_age: None,
            counted: Self::ROUTE.counted(),
        };
        Reply::json(&read_account(ctx, &member, wanted).await?.user)
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::ReadProfile;
    use crate::domain::identity::user::Profile;
    use crate::web::documented::{Documented, Returned, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for ReadProfile {
        const SUMMARY: &'static str = "Returns the caller's profile.";

        fn returns() -> Returned {
            Returned::one::<Profile>()
        }

        fn example(sample: &Sample) -> Answer {
            Reply::json(&sample.profile())
        }
    }
}
