//! A password is compared with a stored hash, in turn with all others that wait for the hasher.

use super::hash_queue::{HashTicket, Line};
use super::{AppError, Ctx};
use crate::domain::credential::hashing::{StoredHash, Verification};
use crate::domain::credential::password::PresentedPassword;
use crate::ports::Ports;

/// Compares step by step. Each step waits for its turn.
///
/// # Errors
///
/// [`AppError::Busy`] when the turn does not come in time; [`AppError::Unavailable`] when the
/// hash needs a pepper that this isolate does not have: another isolate may know that the
/// password is right, so nobody is told that it is wrong.
pub(crate) async fn verify_password<P: Ports>(
    ctx: &Ctx<'_, P>,
    place: &HashTicket<'_>,
    (password, stored): (&PresentedPassword, Option<&StoredHash>),
) -> Result<Verification, AppError> {
    let mut judging = ctx.service.hasher.judge(password, stored);
    loop {
        let line = if judging.is_foreign() {
            Line::Foreign(ctx.caller.client)
        } else {
            Line::Own
        };
        let turn = place.turn(ctx.ports, line, judging.effort()).await?;
        let outcome = judging.step()?;
        drop(turn);
        match outcome {
            None => {}
            Some(Verification::UnknownPepper) => {
                let cause = "a stored hash needs a pepper that is not in PASSWORD_PEPPERS";
                return Err(AppError::Unavailable(cause.to_owned()));
            }
            Some(verification) => return Ok(verification),
        }
    }
}
