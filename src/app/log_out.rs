//! A person logs out.

use super::authenticate::SessionHolder;
use super::background::account_changed;
use super::{AppError, Ctx};
use crate::domain::session::EndReason;
use crate::ports::{Ports, SessionStore};

/// Ends the session before it answers. One round trip; doing it again changes nothing.
///
/// # Errors
///
/// The store's.
pub async fn log_out<P: Ports>(ctx: &Ctx<'_, P>, holder: SessionHolder) -> Result<(), AppError> {
    let ended = ctx
        .ports
        .sessions()
        .end(holder.session, holder.user, EndReason::Logout, &ctx.trace())
        .await?;
    account_changed(ctx, holder.user, ended);
    Ok(())
}
