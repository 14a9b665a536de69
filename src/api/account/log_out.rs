//! `POST /api/account/logout`: ends the session that the cookies name.

use crate::domain::session::EndReason;
use crate::ports::{Limiter, Ports};
use crate::service::Ctx;
use crate::service::config::Config;
use crate::service::policy::SessionHolder;
use crate::service::revocations::sessions_ended;
use crate::store::sessions;
use crate::web::endpoint::Endpoint;
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Ends the session before it answers, and deletes the cookies. One round trip. Repeating it
/// changes nothing.
pub(super) struct LogOut;

impl Endpoint for LogOut {
    const ROUTE: Route =
        Route::post("/api/account/logout", "AccountLogout").limited(Limiter::Session);
    type Actor = SessionHolder;
    type Input = ();

    fn input(_: &Received<'_>, _: &Config) -> Result<(), Refusal> {
        Ok(())
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, holder: SessionHolder, (): ()) -> Answer {
        if let Some(session) = holder.session {
            let ended = sessions::end(ctx.ports, session, EndReason::Logout, &ctx.trace()).await?;
            sessions_ended(ctx, ended.into_iter().collect());
        }
        Ok(Reply::no_content().delete_cookies())
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::LogOut;
    use crate::web::documented::{Documented, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for LogOut {
        const SUMMARY: &'static str =
            "Logs out: ends the session that the cookies name, and deletes both auth cookies.";

        fn example(_: &Sample) -> Answer {
            Ok(Reply::no_content().delete_cookies())
        }
    }
}
