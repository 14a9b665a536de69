//! Mails that anyone may ask for by naming an address.

use std::rc::Rc;

use super::outbox::{Intent, counted, deliver, deliver_later, draft, draft_login};
use super::refusals::request_refused;
use super::{Ctx, ServiceError};
use crate::domain::audit::AuditEvent;
use crate::domain::credential::mailed_login::{BrowserSecret, LoginMeans};
use crate::domain::identity::email::Email;
use crate::domain::mail::{Language, MailKind};
use crate::ports::Ports;
use crate::store::mail_counts::Requested;
use crate::store::outbox::Draft;
use crate::store::recovery::{self, MailRequest};

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
    let draft = draft(ctx, &Intent::of(ctx, kind, language))?;
    Ok(to_address(ctx, kind, email, draft))
}

/// Returns the request of a mail that logs in, in this browser. As [`request_mail`].
///
/// # Errors
///
/// As [`request_mail`].
pub fn request_login_mail<P: Ports>(
    ctx: &Ctx<'_, P>,
    means: LoginMeans,
    email: Email,
    language: Option<Language>,
    browser: &BrowserSecret,
) -> Result<MailRequest, ServiceError> {
    let kind = MailKind::of_login(means);
    let draft = draft_login(ctx, &Intent::of(ctx, kind, language), browser)?;
    Ok(to_address(ctx, kind, email, draft))
}

fn to_address<P: Ports>(
    ctx: &Ctx<'_, P>,
    kind: MailKind,
    email: Email,
    draft: Draft,
) -> MailRequest {
    MailRequest {
        account: ctx
            .service
            .throttle
            .of_login(&email, ctx.caller.client)
            .account,
        counted: counted(ctx, &email, kind),
        draft,
        email,
        trace: ctx.trace(),
    }
}

/// Mails the link that proves an address once more, after the answer. The work of the answer does not
/// depend on it.
///
/// # Errors
///
/// Returns [`ServiceError::Internal`] without randomness.
pub fn resend_later<P: Ports>(
    ctx: &Ctx<'_, P>,
    email: Email,
    language: Option<Language>,
) -> Result<(), ServiceError> {
    // Counted by the address alone: what is left of the client's share would show that the password
    // was right, and so to the person who has registered an address whether it was free.
    let of_address = ctx.service.throttle.of_recipient(&email, "login");
    let mut request = request_mail(ctx, MailKind::VerifyEmail, email, language)?;
    request.counted.client = of_address;
    let (service, ports) = (Rc::clone(ctx.service), ctx.ports.clone());
    ctx.ports.in_background(async move {
        ports.pause(0).await;
        match recovery::resend_verification(&ports, &request).await {
            Ok(Requested::Accepted(Some(mail))) => deliver(&ports, &service, &mail).await,
            Ok(Requested::Accepted(None) | Requested::TooMany(_)) => {}
            Err(error) => {
                let cause = error.to_string().into();
                ports.error("outbox.failure", &[("error.cause", cause)]);
            }
        }
    });
    Ok(())
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
