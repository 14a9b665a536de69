//! `DELETE /api/account/sessions/{id}`: ends one session.

use super::end;
use crate::domain::id::SessionId;
use crate::ports::{Limiter, Ports};
use crate::service::config::Config;
use crate::service::policy::Member;
use crate::service::{Ctx, ServiceError};
use crate::store::sessions::Which;
use crate::web::endpoint::Endpoint;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::Answer;
use crate::web::request::Received;
use crate::web::route::Route;

/// Ends one of the caller's sessions. Deletes the cookies if it is the caller's own.
pub(super) struct EndSession;

impl Endpoint for EndSession {
    const ROUTE: Route = Route::delete("/api/account/sessions/{id}", "AccountEndSession")
        .limited(Limiter::Session)
        .refuses(&[Code::NotFound]);
    type Actor = Member;
    type Input = SessionId;

    fn input(request: &Received<'_>, _: &Config) -> Result<SessionId, Refusal> {
        SessionId::parse(request.segment("id")).map_err(|_| ServiceError::NotFound.into())
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, member: Member, id: SessionId) -> Answer {
        end(ctx, member.session(), Which::One(id)).await
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::EndSession;
    use crate::web::documented::{Documented, Field, Sample, reference};
    use crate::web::reply::{Answer, Reply};

    impl Documented for EndSession {
        const SUMMARY: &'static str = "Ends one of the caller's sessions. Deletes both auth cookies if it is the caller's own.";

        fn path() -> Vec<Field> {
            vec![Field::new(
                "id",
                reference("SessionId"),
                "WlpaWlpaWlpaWlpaWlpaWg".into(),
            )]
        }

        fn example(_: &Sample) -> Answer {
            Ok(Reply::no_content().delete_cookies())
        }

        fn shortest_example(_: &Sample) -> Option<Answer> {
            Some(Ok(Reply::no_content()))
        }
    }
}
