//! The ways in which a mail leaves the Worker: the `send_email` binding, and a request to the
//! provider or the operator's own sender.

use core::time::Duration;

use futures_util::future::{Either, select};
use js_sys::futures::JsFuture;
use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::{Headers, RequestInit, RequestRedirect, Response, WorkerGlobalScope};
use worker::{AbortController, AbortSignal, Delay, Env};

use super::bindings::WorkerPorts;
use super::names::EMAIL;
use crate::domain::mail::Mailbox;
use crate::ports::{Mail, Mailer, NotSent, Outbound};

/// How long handing over one mail may take. Nobody waits for it.
const MAIL_TIMEOUT: Duration = Duration::from_secs(5);
/// The codes of the binding's errors about this mail or its recipient
/// (<https://developers.cloudflare.com/email-service/api/send-emails/workers-api/>). Those about
/// the sender and the account end when the operator corrects them, and limits end with time.
const REFUSED: [&str; 4] = [
    "E_RECIPIENT_SUPPRESSED",
    "E_RECIPIENT_NOT_ALLOWED",
    "E_VALIDATION_ERROR",
    "E_CONTENT_TOO_LARGE",
];
/// The longest code that is logged. They have fewer than 32 characters.
const MAX_CODE_BYTES: usize = 64;

impl Mailer for WorkerPorts {
    async fn send_email(&self, mail: &Mail<'_>) -> Result<(), NotSent> {
        let sent = match send(&self.0.env, mail) {
            Ok(promise) => JsFuture::from(promise),
            Err(error) => return Err(judge(&error)),
        };
        match select(sent, Delay::from(MAIL_TIMEOUT)).await {
            Either::Left((Ok(_), _)) => Ok(()),
            Either::Left((Err(error), _)) => Err(judge(&error)),
            Either::Right(_) => Err(later("timed out")),
        }
    }

    async fn post(&self, request: &Outbound<'_>) -> Result<u16, NotSent> {
        let controller = AbortController::default();
        let asked = match ask(request, &controller.signal()) {
            Ok(promise) => JsFuture::from(promise),
            Err(_) => return Err(later("not a request")),
        };
        let outcome = match select(asked, Delay::from(MAIL_TIMEOUT)).await {
            Either::Left((Ok(response), _)) => Ok(response.unchecked_into::<Response>().status()),
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

/// Calls the binding.
///
/// `worker`'s own builder has a setter for each field and type, 2 kB of compressed wasm.
fn send(env: &Env, mail: &Mail<'_>) -> Result<Promise, JsValue> {
    // No out-of-office notice answers (RFC 3834, section 5).
    let headers = object(&[("Auto-Submitted", "auto-generated".into())])?;
    let mut message = vec![
        ("from", address(mail.from)?),
        ("to", mail.to.into()),
        ("subject", mail.subject.into()),
        ("text", mail.text.into()),
        ("html", mail.html.into()),
        ("headers", headers),
    ];
    if let Some(mailbox) = mail.reply_to {
        message.push(("replyTo", address(mailbox)?));
    }
    let binding = Reflect::get(env.as_ref(), &EMAIL.into())?;
    // The binding may be a stub of a remote object. Its method is then no instance of `Function`,
    // has a `call` that is another remote method, and its answer is no instance of `Promise`.
    let send: Function = Reflect::get(&binding, &"send".into())?.unchecked_into();
    let arguments = Array::of1(&object(&message)?);
    Ok(Promise::resolve(&Reflect::apply(
        &send, &binding, &arguments,
    )?))
}

/// Returns the mailbox with its name, or the address of one without.
fn address(mailbox: &Mailbox) -> Result<JsValue, JsValue> {
    let address = mailbox.address().as_str();
    match mailbox.name() {
        Some(name) => object(&[("name", name.into()), ("email", address.into())]),
        None => Ok(address.into()),
    }
}

fn object(members: &[(&str, JsValue)]) -> Result<JsValue, JsValue> {
    let object = Object::new();
    for (name, value) in members {
        Reflect::set(&object, &(*name).into(), value)?;
    }
    Ok(object.into())
}

/// The message of an error may contain the address, its code does not.
fn judge(error: &JsValue) -> NotSent {
    let code = Reflect::get(error, &"code".into())
        .ok()
        .and_then(|code| code.as_string())
        .filter(|code| code.starts_with("E_") && code.len() <= MAX_CODE_BYTES)
        .unwrap_or_else(|| "the binding failed".to_owned());
    if REFUSED.contains(&code.as_str()) {
        NotSent::Refused(code)
    } else {
        NotSent::Later(code)
    }
}

/// Begins a request.
fn ask(request: &Outbound<'_>, signal: &AbortSignal) -> Result<Promise, JsValue> {
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
    Ok(global.fetch_with_str_and_init(request.url, &init))
}
