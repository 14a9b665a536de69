//! `GET /api/account/identity?maxStaleSeconds=…`: returns who is calling, and how old that knowledge
//! is.

use core::ops::RangeInclusive;

use serde::Serialize;

use crate::domain::id::SessionId;
use crate::domain::identity::user::Profile;
use crate::domain::time::Seconds;
use crate::ports::{Limiter, Ports};
use crate::service::Ctx;
use crate::service::config::Config;
use crate::service::policy::Reader;
use crate::service::profile_cache::{Wanted, read_account};
use crate::web::endpoint::Endpoint;
use crate::web::form::{Form, number};
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// The bounds of `maxStaleSeconds`; copies are never older than the upper one.
const STALE_LIMITS: RangeInclusive<u32> = 0..=300;

/// Returns the profile, the session and the time of the read that they come from. `maxStaleSeconds`
/// is the highest age that the caller accepts: 0 asks the database, and more than the service's own
/// bound changes nothing. At most one round trip and one read of KV.
///
/// This is what the entrypoint for service bindings asks. It changes nothing.
pub(super) struct ReadIdentity;

impl Endpoint for ReadIdentity {
    const ROUTE: Route = Route::get("/api/account/identity", "AccountIdentity")
        .query()
        .limited(Limiter::Session);
    type Actor = Reader;
    type Input = Option<Seconds>;

    fn input(request: &Received<'_>, _: &Config) -> Result<Option<Seconds>, Refusal> {
        const NAME: &str = "maxStaleSeconds";
        let query = request.query()?;
        let mut form = Form::of_query(&query, &[NAME]);
        let seconds = form.optional(NAME).map(|text| {
            let seconds = number(&text).filter(|seconds| STALE_LIMITS.contains(seconds));
            if seconds.is_none() {
                form.fault(NAME, "out_of_range", "must be a number from 0 to 300");
            }
            seconds.map(Seconds::new)
        });
        form.finish(|| Some(seconds.flatten()))
    }

    async fn answer<P: Ports>(
        ctx: &Ctx<'_, P>,
        Reader(member): Reader,
        max_age: Option<Seconds>,
    ) -> Answer {
        let wanted = Wanted {
            max_age,
            counted: Self::ROUTE.counted(),
        };
        let account = read_account(ctx, &member, wanted).await?;
        Reply::json(&IdentityBody {
            user: &account.user,
            session: SessionBody {
                id: member.session().id,
            },
            read_at: account.read_at.to_rfc3339(),
        })
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Identity))]
#[serde(rename_all = "camelCase")]
struct IdentityBody<'a> {
    user: &'a Profile,
    session: SessionBody,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    read_at: String,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = IdentitySession))]
struct SessionBody {
    id: SessionId,
}

#[cfg(feature = "openapi")]
mod documented {
    use super::{IdentityBody, ReadIdentity, STALE_LIMITS, SessionBody};
    use crate::web::documented::{Documented, Field, Returned, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for ReadIdentity {
        const SUMMARY: &'static str =
            "Returns who is calling, and when that was read from the database.";

        fn query() -> Vec<Field> {
            vec![
                Field::number("maxStaleSeconds", STALE_LIMITS)
                    .described("The highest age that the caller accepts. 0 asks the database.")
                    .optional(),
            ]
        }

        fn returns() -> Returned {
            Returned::one::<IdentityBody<'_>>()
        }

        fn example(sample: &Sample) -> Answer {
            Reply::json(&IdentityBody {
                user: &sample.profile(),
                session: SessionBody {
                    id: sample.session.id,
                },
                read_at: sample.days_ago(0),
            })
        }
    }
}
