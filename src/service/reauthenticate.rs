//! Has a signed-in caller prove the current password again, before a change that a stolen access
//! token must not allow.

use super::hash_password::queued;
use super::hash_queue::HashTicket;
use super::policy::Member;
use super::refusals::{attempt_refused, password_refused};
use super::verify_password::{Proof, given_back_if_failed, verify_current_password};
use super::{Ctx, ServiceError};
use crate::domain::audit::AuditEvent;
use crate::domain::credential::hashing::Verification;
use crate::domain::credential::password::PresentedPassword;
use crate::domain::id::TokenId;
use crate::ports::Ports;
use crate::store::attempts::{self, Attempt, Attempted, Guess, PasswordHolder};

/// A caller whose attempt at the current password has been counted.
pub struct Owner<'a> {
    /// The user, with the hash that the password is compared with.
    pub holder: PasswordHolder,
    /// The counter that a success resets.
    pub guess: Guess,
    /// A place in the hash queue, taken before the attempt was counted.
    pub place: HashTicket<'a>,
}

/// Counts the attempt, and reads what the password is compared with. One round trip.
///
/// # Errors
///
/// Returns [`ServiceError::Throttled`] for an attempt that comes too early,
/// [`ServiceError::InvalidToken`] when the session is not live, and the errors of the store.
pub async fn admitted<'a, P: Ports>(
    ctx: &Ctx<'a, P>,
    member: &Member,
) -> Result<Owner<'a>, ServiceError> {
    let place = queued(ctx)?;
    let attempt = Attempt {
        keys: ctx.service.throttle.of_password_change(member.session()),
        id: TokenId::from_random(ctx.ports.random_bytes()?),
        now: ctx.now,
    };
    match attempts::change_password(ctx.ports, &attempt, member.session()).await? {
        Attempted::Admitted(guess, Some(holder)) => Ok(Owner {
            holder,
            guess,
            place,
        }),
        Attempted::Throttled(throttled) if throttled.user.is_some() => {
            attempt_refused(ctx, attempt.keys.account, throttled.user);
            Err(ServiceError::Throttled(throttled.pause))
        }
        // An attempt from a session that is not live is not admitted, and finds no user.
        Attempted::Admitted(_, None) | Attempted::Throttled(_) => Err(ServiceError::InvalidToken),
    }
}

/// Compares the current password. One hash.
///
/// # Errors
///
/// Returns [`ServiceError::WrongCurrentPassword`], or why it cannot be compared.
pub async fn verified<P: Ports>(
    ctx: &Ctx<'_, P>,
    owner: &Owner<'_>,
    current: &PresentedPassword,
) -> Result<(), ServiceError> {
    let proof = Proof {
        password: current,
        stored: owner.holder.hash.as_ref(),
    };
    let compared = verify_current_password(ctx, &owner.place, proof).await;
    match given_back_if_failed(ctx, &owner.guess, compared).await? {
        Verification::Match { .. } => Ok(()),
        Verification::Mismatch | Verification::Damaged | Verification::UnknownPepper => {
            password_refused(ctx, AuditEvent::WrongCurrentPassword, Some(owner.holder.id));
            Err(ServiceError::WrongCurrentPassword)
        }
    }
}
