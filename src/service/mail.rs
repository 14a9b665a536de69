//! Hands a mail over to the transport, in one try. The caller keeps the intent and tries again.

use serde::Serialize;

use super::Service;
use super::config::{MailSettings, Transport};
use crate::domain::mail::{Content, Letter, Mailbox};
use crate::domain::time::UnixSeconds;
use crate::ports::{Mail, NotSent, Outbound, Ports};

/// A letter and its recipient.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The id of the intent to send it: visible ASCII, at most 256 bytes, the same for each try.
    /// The transport recognises by it a try that has succeeded before.
    pub id: &'a str,
    /// The recipient's address.
    pub to: &'a str,
    /// What the mail says.
    pub letter: Letter<'a>,
}

/// Composes a mail and hands it over in the configured way. One subrequest.
///
/// # Errors
///
/// Returns [`NotSent`]. Its cause contains neither the address nor anything of the mail.
pub async fn hand_over<P: Ports>(
    ports: &P,
    service: &Service,
    now: UnixSeconds,
    envelope: &Envelope<'_>,
) -> Result<(), NotSent> {
    let MailSettings::On {
        transport,
        from,
        reply_to,
        ..
    } = &service.config.mail
    else {
        return Err(NotSent::Later("mail is off".to_owned()));
    };
    let content = envelope.letter.render();
    let Content {
        subject,
        text,
        html,
    } = content.map_err(|incomplete| NotSent::Refused(incomplete.to_string()))?;
    let mail = Mail {
        id: envelope.id,
        from,
        reply_to: reply_to.as_ref(),
        to: envelope.to,
        subject: &subject,
        text: &text,
        html: &html,
    };
    match transport {
        Transport::Binding => ports.send_email(&mail).await,
        Transport::Provider { url, key } => {
            let authorization = format!("Bearer {}", key.expose());
            let headers = [
                ("Authorization", authorization.as_str()),
                ("Content-Type", "application/json"),
                ("Idempotency-Key", mail.id),
            ];
            let body = written(&MailBody::of(&mail))?;
            post(ports, url, &headers, &body).await
        }
        Transport::Webhook { url } => {
            let body = written(&WebhookBody {
                r#type: "mail",
                timestamp: now.to_rfc3339(),
                data: MailBody {
                    id: Some(mail.id),
                    kind: Some(envelope.letter.kind.as_str()),
                    language: Some(envelope.letter.language.as_str()),
                    ..MailBody::of(&mail)
                },
            })?;
            let timestamp = now.get().to_string();
            let signature = service.tokens.sign_webhook(mail.id, now, &body);
            let headers = [
                ("Content-Type", "application/json"),
                ("webhook-id", mail.id),
                ("webhook-timestamp", timestamp.as_str()),
                ("webhook-signature", signature.as_str()),
            ];
            post(ports, url, &headers, &body).await
        }
    }
}

async fn post<P: Ports>(
    ports: &P,
    url: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Result<(), NotSent> {
    judge(ports.post(&Outbound { url, headers, body }).await?)
}

/// Decides by the status of an answer.
///
/// Resend answers 400, 413, 422 and 451 when it will never take this mail
/// (<https://resend.com/docs/api-reference/errors>). Every other failure ends: 429 and 5xx with
/// time, 409 when the try before this one is done, and 401, 403 and 404 when the operator corrects
/// the key, the domain or the URL. A mail that waits is then sent; a refused one would be lost.
fn judge(status: u16) -> Result<(), NotSent> {
    match status {
        200..=299 => Ok(()),
        400 | 413 | 422 | 451 => Err(NotSent::Refused(format!("status {status}"))),
        _ => Err(NotSent::Later(format!("status {status}"))),
    }
}

/// The payload of a webhook, in the structure that Standard Webhooks recommends.
#[derive(Serialize)]
struct WebhookBody<'a> {
    r#type: &'static str,
    timestamp: String,
    data: MailBody<'a>,
}

/// A mail as Resend takes it (<https://resend.com/docs/api-reference/emails/send-email>). A webhook
/// has the first three members in addition.
#[derive(Serialize)]
struct MailBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    to: &'a str,
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    headers: MailHeaders,
}

/// The headers that the mail itself is to have.
#[derive(Serialize)]
struct MailHeaders {
    /// No out-of-office notice answers (RFC 3834, section 5).
    #[serde(rename = "Auto-Submitted")]
    auto_submitted: &'static str,
}

impl<'a> MailBody<'a> {
    fn of(mail: &Mail<'a>) -> Self {
        Self {
            id: None,
            kind: None,
            language: None,
            to: mail.to,
            from: mail.from.to_string(),
            reply_to: mail.reply_to.map(Mailbox::to_string),
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
            headers: MailHeaders {
                auto_submitted: "auto-generated",
            },
        }
    }
}

/// Strings always serialize.
fn written(body: &impl Serialize) -> Result<String, NotSent> {
    serde_json::to_string(body).map_err(|_| NotSent::Refused("not serializable".to_owned()))
}

#[cfg(test)]
mod tests;
