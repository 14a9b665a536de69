//! A person changes the password.

use crate::domain::audit::AuditEvent;
use crate::domain::credential::hashing::Verification;
use crate::domain::credential::password::{NewPassword, PresentedPassword};
use crate::ports::Ports;
use crate::service::copies::sessions_ended;
use crate::service::hash_queue::Line;
use crate::service::policy::Owner;
use crate::service::refusals::password_refused;
use crate::service::verify_password::verify_password;
use crate::service::{AppError, Ctx};
use crate::store::attempts::PasswordHolder;
use crate::store::passwords::{self, PasswordReplacement};

/// What it takes.
#[derive(Debug)]
pub struct ChangePassword {
    /// The password that is to be replaced.
    pub current: PresentedPassword,
    /// The one that replaces it, within the policy.
    pub new: NewPassword,
}

/// Stores the new password and ends every session of the user, this one too, in one
/// transaction. Two hashes, and one round trip beside the one that found the owner.
///
/// # Errors
///
/// [`AppError::WrongCurrentPassword`] and the store's;
/// [`AppError::InvalidToken`] when the session or the password changed meanwhile.
pub async fn change_password<P: Ports>(
    ctx: &Ctx<'_, P>,
    owner: Owner<'_>,
    change: ChangePassword,
) -> Result<(), AppError> {
    let hasher = &ctx.service.hasher;
    let PasswordHolder {
        id: user,
        hash,
        version,
        ..
    } = owner.holder;
    match verify_password(ctx, &owner.place, (&change.current, hash.as_ref())).await? {
        Verification::Match { .. } => {}
        Verification::Mismatch | Verification::Damaged | Verification::UnknownPepper => {
            password_refused(ctx, AuditEvent::WrongCurrentPassword, Some(user));
            return Err(AppError::WrongCurrentPassword);
        }
    }
    let salt = ctx.ports.random_bytes()?;
    let new = {
        let _turn = owner
            .place
            .turn(ctx.ports, Line::Own, hasher.effort())
            .await?;
        hasher.hash(&change.new, salt)?
    };
    let replacement = PasswordReplacement {
        caller: owner.caller,
        verified: version,
        guess: owner.guess,
        new,
        trace: ctx.trace(),
    };
    let ended = passwords::replace(ctx.ports, &replacement)
        .await?
        .ok_or(AppError::InvalidToken)?;
    sessions_ended(ctx, ended);
    Ok(())
}
