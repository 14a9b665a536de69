//! A person changes the password.

use super::audit::password_refused;
use super::authenticate::Owner;
use super::background::account_changed;
use super::{AppError, Ctx};
use crate::domain::audit::AuditEvent;
use crate::domain::hashing::Verification;
use crate::domain::password::{NewPassword, PresentedPassword};
use crate::ports::{Credentials, Entropy, PasswordReplacement, Ports, UserStore};

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
    let Credentials {
        user,
        hash,
        version,
    } = owner.credentials;
    let verification = {
        let _turn = owner.place.turn(ctx.ports.timer()).await;
        hasher.verify(&change.current, Some(&hash))?
    };
    match verification {
        Verification::Match { .. } => {}
        Verification::Mismatch | Verification::Damaged => {
            password_refused(ctx, AuditEvent::WrongCurrentPassword, Some(user.id));
            return Err(AppError::WrongCurrentPassword);
        }
    }
    let salt = ctx.ports.entropy().bytes()?;
    let new = {
        let _turn = owner.place.turn(ctx.ports.timer()).await;
        hasher.hash(&change.new, salt)?
    };
    let replacement = PasswordReplacement {
        user: user.id,
        session: owner.session,
        verified: version,
        attempts: owner.attempts,
        new,
        trace: ctx.trace(),
    };
    let ended = ctx
        .ports
        .users()
        .replace_password(&replacement)
        .await?
        .ok_or(AppError::InvalidToken)?;
    account_changed(ctx, user.id, ended);
    Ok(())
}
