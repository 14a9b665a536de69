//! The sessions of a user.

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
    /// The sessions of a user.
    Sessions { list_sessions::ListSessions, end_sessions::EndSessions, end_session::EndSession }
}

/// Ends sessions of the caller's user before it answers. One round trip.
///
/// # Errors
///
/// Returns [`ServiceError::InvalidToken`] when the caller's session is not live,
/// [`ServiceError::NotFound`] for a session that is not the user's or has ended, and the errors of
/// the store.
async fn end<P: Ports>(ctx: &Ctx<'_, P>, caller: SessionKey, which: Which) -> Answer {
    let ended = sessions::end_own(ctx.ports, caller, which, &ctx.trace())
        .await?
        .ok_or(ServiceError::InvalidToken)?;
    let reply = match which {
        Which::One(_) if ended.is_empty() => return Err(ServiceError::NotFound.into()),
        Which::One(id) if id != caller.id => Reply::no_content(),
        Which::Others => Reply::no_content(),
        // The caller's own session has ended: its cookies are useless.
        Which::One(_) | Which::All => Reply::no_content().delete_cookies(),
    };
    sessions_ended(ctx, ended);
    Ok(reply)
}
