//! Mails that anyone may ask for by naming an address.

use super::outbox::{Intent, counted, deliver_later, draft};
use super::refusals::request_refused;
use super::{Ctx, ServiceError};
use crate::domain::audit::AuditEvent;
use crate::domain::identity::email::Email;
use crate::domain::mail::{Language, MailKind};
use crate::ports::Ports;
use crate::store::outbox::Requested;
use crate::store::recovery::MailRequest;

/// Returns the request of a mail to an address. The work does not depend on whether anyone has it.
///
/// # Errors
///
/// Returns [`ServiceError::MailOff`] when no mails are sent.
pub fn request_mail<P: Ports>(
    ctx: &Ctx<'_, P>,
    kind: MailKind,
    email: Email,
    language: Option<Language>,
) -> Result<MailRequest, ServiceError> {
    Ok(MailRequest {
        account: ctx
            .service
            .throttle
            .of_login(&email, ctx.caller.client)
            .account,
        counted: counted(ctx, &email),
        draft: draft(ctx, &Intent::of(ctx, kind, language))?,
        email,
        trace: ctx.trace(),
    })
}

/// Sends the mail after the answer, if one was queued.
///
/// # Errors
///
/// Returns [`ServiceError::Throttled`] when the client has caused too many mails.
pub fn requested<P: Ports>(ctx: &Ctx<'_, P>, requested: Requested) -> Result<(), ServiceError> {
    match requested {
        Requested::Accepted(mail) => {
            deliver_later(ctx, mail.map(|mail| *mail));
            Ok(())
        }
        Requested::TooMany(pause) => {
            request_refused(ctx, AuditEvent::Throttled);
            Err(ServiceError::Throttled(pause))
        }
    }
}
