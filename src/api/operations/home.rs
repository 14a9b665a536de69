//! `GET /`: a page for a browser that opens the service's address, where `HOME_PAGE` is on.

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

/// Says what runs here and that it is ready, or refuses with 503. It contains nothing of the
/// settings.
pub(super) struct Home;

const PAGE: &str = include_str!("home.html");

impl Endpoint for Home {
    const ROUTE: Route = Route::get("/", "Home")
        .limited(Limiter::Session)
        .probe()
        .without_cors()
        .if_wanted();
    type Actor = Anyone;
    type Input = ();

    fn input(_: &Received<'_>, _: &Config) -> Result<(), Refusal> {
        Ok(())
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, _: Anyone, (): ()) -> Answer {
        if !is_ready(ctx).await {
            return Err(ServiceError::Unavailable("not ready".to_owned()).into());
        }
        Ok(Reply::page(PAGE))
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::{Home, PAGE};
    use crate::web::documented::{Documented, Returned, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for Home {
        const SUMMARY: &'static str =
            "Returns a page that says what runs here, where the setting `HOME_PAGE` is on.";

        fn returns() -> Returned {
            Returned::text()
        }

        fn example(_: &Sample) -> Answer {
            Ok(Reply::page(PAGE))
        }
    }
}
