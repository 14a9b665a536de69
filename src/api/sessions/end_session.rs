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
