//! `GET /ready`: whether this deployment can serve requests.

use serde::Serialize;

use crate::ports::{Limiter, Ports};
use crate::service::config::Config;
use crate::service::policy::Anyone;
use crate::service::readiness::is_ready;
use crate::service::{Ctx, ServiceError};
use crate::web::endpoint::Endpoint;
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Answers `{"status":"ok"}`, or refuses with 503. The log contains the cause; the caller does not
/// learn it.
pub(super) struct Ready;

impl Endpoint for Ready {
    const ROUTE: Route = Route::get("/ready", "Ready").limited(Limiter::Session);
    type Actor = Anyone;
    type Input = ();

    fn input(_: &Received<'_>, _: &Config) -> Result<(), Refusal> {
        Ok(())
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, _: Anyone, (): ()) -> Answer {
        if !is_ready(ctx).await {
            return Err(ServiceError::Unavailable("not ready".to_owned()).into());
        }
        Reply::json(&ReadyBody { status: "ok" })
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Ready))]
struct ReadyBody {
    status: &'static str,
}

#[cfg(feature = "openapi")]
mod documented {
    use super::{Ready, ReadyBody};
    use crate::web::documented::{Documented, Returned, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for Ready {
        const SUMMARY: &'static str = "Returns whether the service can serve requests: its database and KV answer, and all migrations are applied.";

        fn returns() -> Returned {
            Returned::one::<ReadyBody>()
        }

        fn example(_: &Sample) -> Answer {
            Reply::json(&ReadyBody { status: "ok" })
        }
    }
}
