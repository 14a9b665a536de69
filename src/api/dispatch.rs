//! Access policies: who may call which endpoint.
//!
//! The order (contract, section 1): authentication, then the body and its fields, then the
//! use-case, then the answer. Cross-site check, media type and announced size are done before.
//!
//! What the database says of a caller comes after the body: it may take seconds to arrive, and
//! what was confirmed before would be out of date by then.

use super::account::{
    check_body, for_anyone, for_owner, for_reader, for_refresh_holder, for_session_holder,
};
use super::endpoint::Endpoint;
use super::member::for_member;
use crate::domain::id::SessionId;
use crate::ports::Ports;
use crate::service::{AppError, Ctx, limits, policy};
use crate::web::apart::apart;
use crate::web::body::{Incoming, RequestBody};
use crate::web::call::{Answer, Call};
use crate::web::problem::Refusal;

/// Applies the endpoint's access policy and lets its handler answer.
///
/// # Errors
///
/// A [`Refusal`].
pub(crate) async fn answer<P: Ports>(
    ctx: &Ctx<'_, P>,
    endpoint: Endpoint,
    call: Call<'_>,
    incoming: Incoming<impl RequestBody>,
) -> Answer {
    let presented = call.cookies.read(call.headers);
    match endpoint {
        Endpoint::Anyone(endpoint) => {
            let call = call.with(apart(incoming.read()).await?);
            for_anyone(ctx, endpoint, (&call, &presented)).await
        }
        Endpoint::RefreshHolder(endpoint) => {
            let holder = policy::refresh_holder(ctx, &presented)?;
            limit(ctx, &call, holder.claims.session).await?;
            apart(for_refresh_holder(ctx, endpoint, (&call, holder))).await
        }
        Endpoint::SessionHolder(endpoint) => {
            let holder = policy::session_holder(ctx, &presented).map_err(|error| Refusal {
                // Cookies that name no session, or two, are of no use to anybody.
                delete_cookies: error == AppError::InvalidToken,
                ..error.into()
            })?;
            if let Some(holder) = holder {
                limit(ctx, &call, holder.session).await?;
            }
            apart(for_session_holder(ctx, endpoint, (&call, holder))).await
        }
        Endpoint::Reader(endpoint) => {
            let reader = apart(policy::reader(ctx, &presented, call.limited)).await?;
            for_reader(endpoint, &reader)
        }
        Endpoint::Member(endpoint) => {
            let holder = policy::access_holder(ctx, &presented)?;
            limit(ctx, &call, holder.claims.session).await?;
            let call = call.with(apart(incoming.read()).await?);
            apart(for_member(ctx, endpoint, (&call, holder))).await
        }
        Endpoint::Owner(endpoint) => {
            let holder = policy::access_holder(ctx, &presented)?;
            limit(ctx, &call, holder.claims.session).await?;
            let call = call.with(apart(incoming.read()).await?);
            // What breaks a rule is no try of the password, and is not counted as one. (The rules
            // that depend on the owner's address are judged later.)
            if let Err(refusal) = apart(check_body(ctx, endpoint, (&call, &holder))).await {
                apart(policy::confirm(ctx, &holder)).await?;
                return Err(refusal);
            }
            let owner = apart(policy::owner(ctx, holder)).await?;
            apart(for_owner(ctx, endpoint, (&call, owner))).await
        }
    }
}

/// Counts a request by the session that its token names, before it costs more than a signature.
async fn limit<P: Ports>(
    ctx: &Ctx<'_, P>,
    call: &Call<'_>,
    session: SessionId,
) -> Result<(), AppError> {
    match call.limited {
        Some(limited) => apart(limits::by_session(ctx, limited, session)).await,
        None => Ok(()),
    }
}
