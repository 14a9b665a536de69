//! Compares a password with a stored hash, in turn with all requests that wait for the hasher, and
//! gives back the attempts that it does not judge.

use super::hash_queue::{HashTicket, Line};
use super::{Ctx, ServiceError};
use crate::domain::credential::hashing::{StoredHash, Verification};
use crate::domain::credential::password::PresentedPassword;
use crate::ports::Ports;
use crate::store::attempts::Guess;
use crate::store::give_back::give_back;

/// A password that is presented as proof, and the hash that it is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// The password that the caller sent.
    pub password: &'a PresentedPassword,
    /// The stored hash. `None` costs the same and never matches.
    pub stored: Option<&'a StoredHash>,
}

/// Why a comparison has not come to its end.
struct Unfinished {
    error: ServiceError,
    /// Whether the password is known to be wrong all the same.
    is_wrong: bool,
}

/// Compares a password step by step, for a caller who may be anybody. Each step waits for its turn.
///
/// # Errors
///
/// Returns [`ServiceError::Busy`] when the turn does not come in time, and
/// [`ServiceError::Unavailable`] when the hash needs a pepper that this isolate does not have:
/// another isolate may know that the password is right, so it is not refused as wrong.
pub async fn verify_password<P: Ports>(
    ctx: &Ctx<'_, P>,
    place: &HashTicket<'_>,
    proof: Proof<'_>,
) -> Result<Verification, ServiceError> {
    let compared = compare(ctx, place, proof).await;
    compared.map_err(|unfinished| unfinished.error)
}

/// Compares the password of a caller who has a session, step by step. Each step waits for its turn.
/// The time need not hide whether there is a user, so a password that is known to be wrong is
/// refused as such, even if the turn for the rest does not come.
///
/// # Errors
///
/// Returns the errors of [`verify_password`], unless the password is known to be wrong.
pub async fn verify_current_password<P: Ports>(
    ctx: &Ctx<'_, P>,
    place: &HashTicket<'_>,
    proof: Proof<'_>,
) -> Result<Verification, ServiceError> {
    match compare(ctx, place, proof).await {
        Ok(verification) => Ok(verification),
        Err(Unfinished { is_wrong: true, .. }) => Ok(Verification::Mismatch),
        Err(Unfinished { error, .. }) => Err(error),
    }
}

async fn compare<P: Ports>(
    ctx: &Ctx<'_, P>,
    place: &HashTicket<'_>,
    proof: Proof<'_>,
) -> Result<Verification, Unfinished> {
    let mut judging = ctx.service.hasher.judge(proof.password, proof.stored);
    loop {
        let is_wrong = judging.is_known_to_be_wrong();
        let unfinished = |error| Unfinished { error, is_wrong };
        let line = if judging.is_foreign() {
            Line::Foreign(ctx.caller.client)
        } else {
            Line::Own
        };
        let turn = place.turn(ctx.ports, line, judging.effort()).await;
        let turn = turn.map_err(|crowded| unfinished(crowded.into()))?;
        let outcome = judging.step().map_err(|error| unfinished(error.into()))?;
        drop(turn);
        match outcome {
            None => {}
            Some(Verification::UnknownPepper) => {
                let cause = "a stored hash needs a pepper that is not in PASSWORD_PEPPERS";
                return Err(unfinished(ServiceError::Unavailable(cause.to_owned())));
            }
            Some(verification) => return Ok(verification),
        }
    }
}

/// Returns the outcome of an attempt that has been counted. If the service has failed, the attempt is
/// given back first: otherwise, right passwords that nobody has judged would slow their user. What is
/// given back is no free guess: the answer is the same for a right and a wrong password, or the password
/// has been judged as right.
///
/// Awaited, because the caller may try again at once. One round trip, in place of the one that
/// follows a success.
///
/// # Errors
///
/// Returns the error of the outcome.
pub async fn given_back_if_failed<P: Ports, T>(
    ctx: &Ctx<'_, P>,
    guess: &Guess,
    outcome: Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    if let Err(ServiceError::Busy | ServiceError::Unavailable(_) | ServiceError::Internal(_)) =
        outcome
        && let Err(error) = give_back(ctx.ports, guess).await
    {
        ctx.ports.error(
            "attempt.not_given_back",
            &[("error.cause", error.to_string().into())],
        );
    }
    outcome
}
