//! A person ends sessions: one of them, the others, or all.

use crate::ports::Ports;
use crate::service::copies::sessions_ended;
use crate::service::{AppError, Ctx};
use crate::store::Caller;
use crate::store::sessions::{self, Which};

/// Whether the session that asked is among those that ended.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The caller's session ended: its cookies are of no more use.
    CurrentToo,
    /// The caller's session goes on.
    NotCurrent,
}

/// Ends sessions of the caller's before it answers. One round trip.
///
/// # Errors
///
/// [`AppError::InvalidToken`] when the caller's session is over, [`AppError::NotFound`] for a
/// session that is not the caller's or is over already, and the store's.
pub async fn end_sessions<P: Ports>(
    ctx: &Ctx<'_, P>,
    caller: Caller,
    which: Which,
) -> Result<Ended, AppError> {
    let ended = sessions::end_own(ctx.ports, caller, which, &ctx.trace())
        .await?
        .ok_or(AppError::InvalidToken)?;
    let outcome = match which {
        Which::One(_) if ended.is_empty() => return Err(AppError::NotFound),
        Which::One(id) if id != caller.session => Ended::NotCurrent,
        Which::Others => Ended::NotCurrent,
        Which::One(_) | Which::All => Ended::CurrentToo,
    };
    sessions_ended(ctx, ended);
    Ok(outcome)
}
