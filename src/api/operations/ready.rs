//! `GET /ready`: whether this deployment can serve requests.

use serde::Serialize;

use crate::ports::{Limiter, Ports};
use crate::service::config::Config;
use crate::service::policy::Anyone;
use crate::service::readiness::is_ready;
use crate::service::{Ctx, ServiceError};
use crate::store::outbox;
use crate::web::endpoint::Endpoint;
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Answers `{"status":"ok"}`, or refuses with 503. The log contains the cause; the caller does not
/// learn it. A server of the operator's learns how the outbox is doing as well: to a stranger the
/// counts would show what became of a mail that they asked for.
pub(super) struct Ready;

impl Endpoint for Ready {
    const ROUTE: Route = Route::get("/ready", "Ready")
        .limited(Limiter::Session)
        .probe();
    type Actor = Anyone;
    type Input = ();

    fn input(_: &Received<'_>, _: &Config) -> Result<(), Refusal> {
        Ok(())
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, _: Anyone, (): ()) -> Answer {
        if !is_ready(ctx).await {
            return Err(ServiceError::Unavailable("not ready".to_owned()).into());
        }
        let mail = if ctx.caller.is_trusted && ctx.service.sends_mail() {
            let counts = outbox::counts(ctx.ports, ctx.now).await?;
            Some(MailBody {
                waiting: counts.waiting,
                given_up: counts.given_up,
            })
        } else {
            None
        };
        let status = "ok";
        Reply::json(&ReadyBody { status, mail })
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Ready))]
struct ReadyBody {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mail: Option<MailBody>,
}

/// How the outbox is doing. Waiting mails do not make a deployment unready: logins go on.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Outbox))]
#[serde(rename_all = "camelCase")]
struct MailBody {
    /// Mails whose first try did not succeed.
    waiting: i64,
    /// Mails of the last week that were given up.
    given_up: i64,
}

#[cfg(feature = "openapi")]
mod documented {
    use super::{MailBody, Ready, ReadyBody};
    use crate::web::documented::{Documented, Returned, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for Ready {
        const SUMMARY: &'static str = "Returns whether the service can serve requests: its database and KV answer, and all migrations are applied. With a trusted front end's key, and where mails are sent, the answer counts those that have not left.";

        fn returns() -> Returned {
            Returned::one::<ReadyBody>().may_lack("mail")
        }

        fn example(_: &Sample) -> Answer {
            Reply::json(&ReadyBody {
                status: "ok",
                mail: Some(MailBody {
                    waiting: 0,
                    given_up: 0,
                }),
            })
        }
    }
}
