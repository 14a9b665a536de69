//! The ways in which a mail leaves the Worker: the `send_email` binding, and a request to the
//! provider or the operator's own sender.

use core::pin::pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use js_sys::futures::JsFuture;
use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::{Headers, RequestInit, RequestRedirect, Response, WorkerGlobalScope};
use worker::{AbortController, AbortSignal, Delay, EmailAddress, SendEmailBuilder};

use super::bindings::WorkerPorts;
use super::names::EMAIL;
use crate::domain::mail::Mailbox;
use crate::ports::{Mail, Mailer, NotSent, Outbound};

/// How long handing over one mail may take. Nobody waits for it.
const MAIL_TIMEOUT: Duration = Duration::from_secs(5);
/// The codes of the binding's errors about this mail or its recipient
/// (<https://developers.cloudflare.com/email-service/api/send-emails/workers-api/>). Those about
/// the sender and the account end when the operator corrects them, and limits end with time.
const REFUSED: [&str; 8] = [
    "E_RECIPIENT_SUPPRESSED",
    "E_RECIPIENT_NOT_ALLOWED",
    "E_VALIDATION_ERROR",
    "E_FIELD_MISSING",
    "E_TOO_MANY_RECIPIENTS",
    "E_CONTENT_TOO_LARGE",
    "E_HEADER_NOT_ALLOWED",
    "E_HEADER_VALUE_INVALID",
];

impl Mailer for WorkerPorts {
    async fn send_email(&self, mail: &Mail<'_>) -> Result<(), NotSent> {
        let binding = self.0.env.send_email(EMAIL);
        let binding = binding.map_err(|_| later("EMAIL is not bound"))?;
        let message = message(mail).map_err(|_| later("EMAIL takes no message"))?;
        match select(
            pin!(binding.send_with_builder(&message)),
            Delay::from(MAIL_TIMEOUT),
        )
        .await
        {
            Either::Left((Ok(_), _)) => Ok(()),
            Either::Left((Err(error), _)) => Err(judge(&error)),
            Either::Right(_) => Err(later("timed out")),
        }
    }

    async fn post(&self, request: &Outbound<'_>) -> Result<u16, NotSent> {
        let controller = AbortController::default();
        let signal = controller.signal();
        let outcome = match select(pin!(ask(request, &signal)), Delay::from(MAIL_TIMEOUT)).await {
            Either::Left((Ok(response), _)) => Ok(response.status()),
            Either::Left((Err(_), _)) => Err(later("unreachable")),
            Either::Right(_) => Err(later("timed out")),
        };
        // The body is not needed, and would keep the connection open.
        controller.abort();
        outcome
    }
}

fn later(cause: &str) -> NotSent {
    NotSent::Later(cause.to_owned())
}

fn message(mail: &Mail<'_>) -> Result<SendEmailBuilder, JsValue> {
    let message = SendEmailBuilder::builder("", mail.to, mail.subject)
        .text(mail.text)
        .html(mail.html)
        .build();
    match address(mail.from) {
        Ok(named) => message.set_from_with_email_address(&named),
        Err(address) => message.set_from(address),
    }
    match mail.reply_to.map(address) {
        Some(Ok(named)) => message.set_reply_to_with_email_address(&named),
        Some(Err(address)) => message.set_reply_to(address),
        None => {}
    }
    let headers: Object = Object::new();
    // No out-of-office notice answers (RFC 3834, section 5).
    Reflect::set(&headers, &"Auto-Submitted".into(), &"auto-generated".into())?;
    Reflect::set(&message, &"headers".into(), &headers)?;
    Ok(message)
}

/// Returns the mailbox with its name, or the address of one without.
fn address(mailbox: &Mailbox) -> Result<EmailAddress, &str> {
    let address = mailbox.address().as_str();
    match mailbox.name() {
        Some(name) => Ok(EmailAddress::new(name, address)),
        None => Err(address),
    }
}

/// The message of an error may contain the address, its code does not.
fn judge(error: &JsValue) -> NotSent {
    let code = Reflect::get(error, &"code".into())
        .ok()
        .and_then(|code| code.as_string())
        .filter(|code| code.starts_with("E_") && code.len() <= 64)
        .unwrap_or_else(|| "the binding failed".to_owned());
    if REFUSED.contains(&code.as_str()) {
        NotSent::Refused(code)
    } else {
        NotSent::Later(code)
    }
}

async fn ask(request: &Outbound<'_>, signal: &AbortSignal) -> Result<Response, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in request.headers {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&request.body.into());
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(signal));
    let global: WorkerGlobalScope = js_sys::global().unchecked_into();
    let response = JsFuture::from(global.fetch_with_str_and_init(request.url, &init)).await?;
    Ok(response.unchecked_into())
}
