//! The devices where a person is logged in.

mod end_session;
mod end_sessions;
mod list_sessions;

use crate::domain::session::SessionKey;
use crate::ports::Ports;
use crate::service::revocations::sessions_ended;
use crate::service::{Ctx, ServiceError};
use crate::store::sessions::{self, Which};
use crate::web::endpoint::endpoints;
use crate::web::reply::{Answer, Reply};

endpoints! {
    /// The devices where a person is logged in.
    Sessions { list_sessions::ListSessions, end_sessions::EndSessions, end_session::EndSession }
}

/// Ends sessions of the caller's before it answers. One round trip.
///
/// # Errors
///
/// [`ServiceError::InvalidToken`] when the caller's session is over, [`ServiceError::NotFound`] for
/// a session that is not the caller's or is over already, and the store's.
async fn end<P: Ports>(ctx: &Ctx<'_, P>, caller: SessionKey, which: Which) -> Answer {
    let ended = sessions::end_own(ctx.ports, caller, which, &ctx.trace())
        .await?
        .ok_or(ServiceError::InvalidToken)?;
    let reply = match which {
        Which::One(_) if ended.is_empty() => return Err(ServiceError::NotFound.into()),
        Which::One(id) if id != caller.id => Reply::no_content(),
        Which::Others => Reply::no_content(),
        // The caller's own session is over: its cookies are of no more use.
        Which::One(_) | Which::All => Reply::no_content().delete_cookies(),
    };
    sessions_ended(ctx, ended);
    Ok(reply)
}
