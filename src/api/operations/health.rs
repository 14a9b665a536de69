//! `GET /health`: whether this isolate answers. Depends on nothing else.

use serde::Serialize;

use crate::ports::Ports;
use crate::service::Ctx;
use crate::service::config::Config;
use crate::service::policy::Anyone;
use crate::web::endpoint::Endpoint;
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Returns `{"status":"ok"}`.
pub(super) struct Health;

impl Endpoint for Health {
    const ROUTE: Route = Route::get("/health", "Health");
    type Actor = Anyone;
    type Input = ();

    fn input(_: &Received<'_>, _: &Config) -> Result<(), Refusal> {
        Ok(())
    }

    async fn answer<P: Ports>(_: &Ctx<'_, P>, _: Anyone, (): ()) -> Answer {
        Reply::json(&HealthBody { status: "ok" })
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Health))]
struct HealthBody {
    status: &'static str,
}

#[cfg(feature = "openapi")]
mod documented {
    use super::{Health, HealthBody};
    use crate::web::documented::{Documented, Returned, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for Health {
        const SUMMARY: &'static str =
            "Returns whether the service answers, without asking anything else.";

        fn returns() -> Returned {
            Returned::one::<HealthBody>()
        }

        fn example(_: &Sample) -> Answer {
            Reply::json(&HealthBody { status: "ok" })
        }
    }
}
