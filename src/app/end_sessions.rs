//! A person ends sessions: one of them, the others, or all.

use super::authenticate::Member;
use super::background::account_changed;
use super::{AppError, Ctx};
use crate::domain::id::SessionId;
use crate::domain::session::EndReason;
use crate::ports::{Ports, SessionStore};

/// Which sessions are to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This one.
    One(SessionId),
    /// All but the one that asks.
    Others,
    /// All.
    All,
}

/// Whether the session that asked is among those that ended.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is: its cookies are of no more use.
    CurrentToo,
    /// It goes on.
    NotCurrent,
}

/// Ends sessions before it answers. One round trip.
///
/// # Errors
///
/// [`AppError::NotFound`] for a session that is not the caller's or is over already, and the
/// store's.
pub async fn end_sessions<P: Ports>(
    ctx: &Ctx<'_, P>,
    member: &Member,
    scope: Scope,
) -> Result<Ended, AppError> {
    let sessions = ctx.ports.sessions();
    let trace = ctx.trace();
    let (user, current) = (member.user.id, member.claims.session);
    let (ended, outcome) = match scope {
        Scope::One(id) => {
            let ended = sessions.end(id, user, EndReason::Revoked, &trace).await?;
            if ended.is_empty() {
                return Err(AppError::NotFound);
            }
            let outcome = if id == current {
                Ended::CurrentToo
            } else {
                Ended::NotCurrent
            };
            (ended, outcome)
        }
        Scope::Others => (
            sessions.end_all(user, Some(current), &trace).await?,
            Ended::NotCurrent,
        ),
        Scope::All => (
            sessions.end_all(user, None, &trace).await?,
            Ended::CurrentToo,
        ),
    };
    account_changed(ctx, user, ended);
    Ok(outcome)
}
