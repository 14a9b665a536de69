//! `GET /api/account/sessions`: the live sessions of the caller's user.

use serde::Serialize;

use crate::domain::id::SessionId;
use crate::domain::session::{Session, device};
use crate::ports::{Limiter, Ports};
use crate::service::config::Config;
use crate::service::policy::Member;
use crate::service::{Ctx, ServiceError};
use crate::store::sessions;
use crate::web::endpoint::Endpoint;
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Lists the live sessions of the caller's user, the most recently used first. One round trip.
pub(super) struct ListSessions;

impl Endpoint for ListSessions {
    const ROUTE: Route =
        Route::get("/api/account/sessions", "AccountSessions").limited(Limiter::Session);
    type Actor = Member;
    type Input = ();

    fn input(_: &Received<'_>, _: &Config) -> Result<(), Refusal> {
        Ok(())
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, member: Member, (): ()) -> Answer {
        let caller = member.session();
        let sessions = sessions::list(ctx.ports, caller, ctx.now)
            .await?
            .ok_or(ServiceError::InvalidToken)?;
        let bodies: Vec<SessionBody> = sessions
            .into_iter()
            .map(|session| SessionBody::of(session, caller.id))
            .collect();
        Reply::json(&bodies)
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Session))]
#[serde(rename_all = "camelCase")]
struct SessionBody {
    id: SessionId,
    current: bool,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    created_at: String,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    last_used_at: String,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    expires_at: String,
    device: String,
    user_agent: Option<String>,
    country: Option<String>,
}

impl SessionBody {
    fn of(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            current: session.id == current,
            created_at: session.created_at.to_rfc3339(),
            last_used_at: session.last_used_at.to_rfc3339(),
            expires_at: session.idle_expires_at.to_rfc3339(),
            device: device::label(session.device.user_agent.as_deref()),
            user_agent: session.device.user_agent,
            country: session.device.country,
        }
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::{ListSessions, SessionBody};
    use crate::domain::session::device;
    use crate::web::documented::{Documented, Returned, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for ListSessions {
        const SUMMARY: &'static str =
            "Lists the live sessions of the caller's user, the most recently used first.";

        fn returns() -> Returned {
            Returned::list::<SessionBody>()
        }

        fn example(sample: &Sample) -> Answer {
            let user_agent =
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
            Reply::json(&[SessionBody {
                id: sample.session.id,
                current: true,
                created_at: sample.days_ago(2),
                last_used_at: sample.days_ago(0),
                expires_at: sample.days_ago(0),
                device: device::label(Some(user_agent)),
                user_agent: Some(user_agent.to_owned()),
                country: Some("PT".to_owned()),
            }])
        }
    }
}
