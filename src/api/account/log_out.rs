//! A person logs out.

use crate::domain::session::EndReason;
use crate::ports::Ports;
use crate::service::copies::sessions_ended;
use crate::service::policy::SessionHolder;
use crate::service::{AppError, Ctx};
use crate::store::{Caller, sessions};

/// Ends the session before it answers. One round trip; doing it again changes nothing.
///
/// # Errors
///
/// The store's.
pub async fn log_out<P: Ports>(ctx: &Ctx<'_, P>, holder: SessionHolder) -> Result<(), AppError> {
    let session = Caller {
        user: holder.user,
        session: holder.session,
    };
    let ended = sessions::end(ctx.ports, session, EndReason::Logout, &ctx.trace()).await?;
    sessions_ended(ctx, ended.into_iter().collect());
    Ok(())
}
