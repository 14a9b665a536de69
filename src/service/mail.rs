//! Hands a mail over to whoever delivers it, in one try. The caller keeps the intent and tries again.

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
    /// Whoever delivers it uses the id to recognise a try that has succeeded before.
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
            let body = provider_body(&mail)?;
            let status = ports
                .post(&Outbound {
                    url,
                    headers: &[
                        ("Authorization", &authorization),
                        ("Content-Type", "application/json"),
                        ("Idempotency-Key", mail.id),
                    ],
                    body: &body,
                })
                .await?;
            judge(status)
        }
        Transport::Webhook { url } => {
            let body = webhook_body(&mail, &envelope.letter, now)?;
            let signature = service.tokens.sign_webhook(mail.id, now, &body);
            let timestamp = now.get().to_string();
            let status = ports
                .post(&Outbound {
                    url,
                    headers: &[
                        ("Content-Type", "application/json"),
                        ("webhook-id", mail.id),
                        ("webhook-timestamp", &timestamp),
                        ("webhook-signature", &signature),
                    ],
                    body: &body,
                })
                .await?;
            judge(status)
        }
    }
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

/// The body of a request to Resend (<https://resend.com/docs/api-reference/emails/send-email>).
#[derive(Serialize)]
struct ProviderBody<'a> {
    from: String,
    to: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    headers: ProviderHeaders,
}

/// The headers of the mail itself.
#[derive(Serialize)]
struct ProviderHeaders {
    /// No out-of-office notice answers (RFC 3834, section 5).
    #[serde(rename = "Auto-Submitted")]
    auto_submitted: &'static str,
}

fn provider_body(mail: &Mail<'_>) -> Result<String, NotSent> {
    written(&ProviderBody {
        from: mail.from.to_string(),
        to: [mail.to],
        reply_to: mail.reply_to.map(Mailbox::to_string),
        subject: mail.subject,
        text: mail.text,
        html: mail.html,
        headers: ProviderHeaders {
            auto_submitted: "auto-generated",
        },
    })
}

/// The payload of a webhook, in the structure that Standard Webhooks recommends.
#[derive(Serialize)]
struct WebhookBody<'a> {
    r#type: &'static str,
    timestamp: String,
    data: WebhookMail<'a>,
}

#[derive(Serialize)]
struct WebhookMail<'a> {
    id: &'a str,
    kind: &'static str,
    language: &'static str,
    to: &'a str,
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
}

fn webhook_body(mail: &Mail<'_>, letter: &Letter<'_>, now: UnixSeconds) -> Result<String, NotSent> {
    written(&WebhookBody {
        r#type: "mail",
        timestamp: now.to_rfc3339(),
        data: WebhookMail {
            id: mail.id,
            kind: letter.kind.as_str(),
            language: letter.language.as_str(),
            to: mail.to,
            from: mail.from.to_string(),
            reply_to: mail.reply_to.map(Mailbox::to_string),
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
        },
    })
}

/// Strings always serialize.
fn written(body: &impl Serialize) -> Result<String, NotSent> {
    serde_json::to_string(body).map_err(|_| NotSent::Refused("not serializable".to_owned()))
}

#[cfg(test)]
mod tests;
