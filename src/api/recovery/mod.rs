//! The ways back into an account, for people who cannot log in: by a link in a mail.

mod disown_login;
mod forgot;
mod reset;
mod undo_email;

use crate::domain::id::UserId;
use crate::domain::mail::MailKind;
use crate::ports::Ports;
use crate::service::follow_up::follow_up;
use crate::service::outbox::{Intent, draft};
use crate::service::profile_cache::drop_copies;
use crate::service::{Ctx, ServiceError};
use crate::store::effects::Effects;
use crate::store::take_back::TakeBack;
use crate::web::endpoint::endpoints;
use crate::web::mail_fields::LinkFields;
use crate::web::reply::{Answer, Reply};

endpoints! {
    /// The ways back into an account.
    Recovery {
        forgot::Forgot,
        reset::Reset,
        undo_email::UndoEmail,
        disown_login::DisownLogin,
    }
}

/// Returns what takes an account back with the token of a link.
fn taking_back<P: Ports>(ctx: &Ctx<'_, P>, link: LinkFields) -> Result<TakeBack, ServiceError> {
    let reset = Intent::of(ctx, MailKind::ResetPassword, link.language);
    Ok(TakeBack {
        token: link.token,
        reset: draft(ctx, &reset)?,
        trace: ctx.trace(),
    })
}

/// Answers 204 once an account has been recovered. Every session has ended, so the cookies are
/// deleted.
fn recovered<P: Ports>(ctx: &Ctx<'_, P>, user: UserId, effects: Option<Effects>) -> Answer {
    let effects = effects.ok_or(ServiceError::InvalidLink)?;
    drop_copies(ctx, user);
    follow_up(ctx, effects);
    Ok(Reply::no_content().delete_cookies())
}
