//! Writes mails for the outbox, and delivers them.
//!
//! A use-case passes a [`Draft`] to the statement of its change, and what that has queued to
//! [`deliver_later`], after the answer has been decided. A mail that does not leave then is sent by
//! the scheduled handler, under the same id.

use std::rc::Rc;

use serde::Serialize;

use super::config::MailSettings;
use super::mail::{Envelope, hand_over};
use super::{Ctx, Service, ServiceError};
use crate::domain::credential::mailed_login::{BrowserSecret, Mailed};
use crate::domain::credential::one_time::{Nonce, OneTimeToken, Purpose};
use crate::domain::id::time_ordered;
use crate::domain::identity::email::Email;
use crate::domain::mail::{Language, Letter, MailKind};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{NotSent, Ports, StoreError};
use crate::store::mail_counts::Counted;
use crate::store::outbox::{self, Draft, QueuedMail, TRIED_FOR};

/// Seconds in a minute.
const MINUTE: u32 = 60;
/// The page that links lead to, below `PAGES_URL`.
const LINK_PAGE: &str = "/link";
/// How many times a scheduled run claims mails: twenty each time.
const CLAIMS_A_RUN: u32 = 10;
/// How long a scheduled run claims mails. Those that it has claimed are tried: twenty that hang take
/// less than three minutes more, and the platform ends a run after 15.
const RUN_TIME: Seconds = Seconds::new(60);

/// What a mail contains besides its link and the time. The row contains it as JSON.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The new address of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_email: Option<String>,
    /// The two-letter code of the country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The label of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// A mail that a use-case wants to queue.
#[derive(Clone, Debug)]
pub struct Intent {
    /// What it says.
    pub kind: MailKind,
    /// The language that the request prefers, if the account has none.
    pub language: Option<Language>,
    /// What it contains.
    pub facts: Facts,
}

impl Intent {
    /// Creates an intent that tells where the request comes from.
    #[must_use]
    pub fn of<P>(ctx: &Ctx<'_, P>, kind: MailKind, language: Option<Language>) -> Self {
        Self {
            kind,
            language,
            facts: Facts {
                country: ctx.caller.country.clone(),
                ..Facts::default()
            },
        }
    }

    /// Adds the label of the device that the request comes from.
    #[must_use]
    pub fn on_device(mut self, label: Option<String>) -> Self {
        self.facts.device = label;
        self
    }
}

impl Service {
    /// Returns whether mails are sent.
    #[must_use]
    pub const fn sends_mail(&self) -> bool {
        !matches!(self.config.mail, MailSettings::Off)
    }

    /// Refuses what is of no use without mails.
    ///
    /// # Errors
    ///
    /// Returns [`ServiceError::MailOff`] when no mails are sent.
    pub const fn needs_mail(&self) -> Result<(), ServiceError> {
        if self.sends_mail() {
            Ok(())
        } else {
            Err(ServiceError::MailOff)
        }
    }
}

/// Writes a mail. It does the same work for every kind, and for an address that nobody has.
///
/// # Errors
///
/// Returns [`ServiceError::MailOff`] when no mails are sent.
pub fn draft<P: Ports>(ctx: &Ctx<'_, P>, intent: &Intent) -> Result<Draft, ServiceError> {
    write(ctx, intent, |nonce, key, purpose| {
        Some(nonce.secret(key, purpose).digest(purpose))
    })
}

/// Writes a mail that logs in, in this browser. As [`draft`].
///
/// # Errors
///
/// As [`draft`], and [`ServiceError::Internal`] for a mail that does not log in.
pub fn draft_login<P: Ports>(
    ctx: &Ctx<'_, P>,
    intent: &Intent,
    browser: &BrowserSecret,
) -> Result<Draft, ServiceError> {
    write(ctx, intent, |nonce, key, purpose| {
        Some(browser.bind(&Mailed::derive(nonce, key, purpose)?))
    })
}

fn write<P: Ports>(
    ctx: &Ctx<'_, P>,
    intent: &Intent,
    digest: impl FnOnce(Nonce, &[u8; 32], Purpose) -> Option<String>,
) -> Result<Draft, ServiceError> {
    let Some((key_id, key)) = ctx.service.one_time_keys.first() else {
        return Err(ServiceError::Internal("no key for links".to_owned()));
    };
    ctx.service.needs_mail()?;
    let purpose = intent.kind.purpose().unwrap_or(Purpose::VerifyEmail);
    let nonce = Nonce::from_random(ctx.ports.random_bytes()?);
    let random = ctx.ports.random_bytes()?;
    Ok(Draft {
        id: time_ordered(ctx.now.as_millis(), &random).to_string(),
        language: intent.language.unwrap_or_default(),
        digest: digest(nonce, key, purpose)
            .ok_or_else(|| ServiceError::Internal("a mail without a login".to_owned()))?,
        nonce,
        key_id: key_id.as_str().to_owned(),
        facts: serde_json::to_string(&intent.facts).unwrap_or_default(),
        expires_at: ctx.now.plus(purpose.lifetime()),
    })
}

/// Writes a mail that only informs. `None` when no mails are sent.
///
/// # Errors
///
/// Returns [`ServiceError::Internal`] without randomness.
pub fn notice<P: Ports>(ctx: &Ctx<'_, P>, intent: &Intent) -> Result<Option<Draft>, ServiceError> {
    if ctx.service.sends_mail() {
        draft(ctx, intent).map(Some)
    } else {
        Ok(None)
    }
}

/// Returns who is counted for a mail to this address, which the request causes.
#[must_use]
pub fn counted<P>(ctx: &Ctx<'_, P>, email: &Email, kind: MailKind) -> Counted {
    Counted {
        client: ctx.caller.key(ctx.service).clone(),
        address: ctx.service.throttle.of_recipient(email, kind.as_str()),
    }
}

/// Sends a mail that the request's transaction has queued, after the answer. If that does not
/// happen, the scheduled handler sends it a minute later.
pub fn deliver_later<P: Ports>(ctx: &Ctx<'_, P>, mail: Option<QueuedMail>) {
    let Some(mail) = mail else {
        return;
    };
    let (service, ports) = (Rc::clone(ctx.service), ctx.ports.clone());
    ctx.ports.in_background(async move {
        // A task starts before its request is answered: composing the mail would delay the answer,
        // and so reveal that the address has an account.
        ports.pause(0).await;
        deliver(&ports, &service, &mail).await;
    });
}

/// Delivers the mails that are due, and gives up those that have been tried for a day, for about a
/// minute. Returns how many were claimed.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn deliver_due<P: Ports>(ports: &P, service: &Service) -> Result<usize, StoreError> {
    let mut claimed = 0;
    if !service.sends_mail() {
        return Ok(claimed);
    }
    let deadline = ports.now().plus(RUN_TIME);
    for _ in 0..CLAIMS_A_RUN {
        if ports.now() >= deadline {
            break;
        }
        let due = outbox::claim(ports, ports.now()).await?;
        if due.is_empty() {
            break;
        }
        claimed += due.len();
        for mail in &due {
            match mail {
                Ok(mail) => deliver(ports, service, mail).await,
                Err(error) => {
                    let cause = error.to_string().into();
                    ports.error("mail.unreadable", &[("error.cause", cause)]);
                }
            }
        }
    }
    Ok(claimed)
}

/// Tries a mail once, unless its link would have expired on arrival. The row is deleted only after the
/// transport has accepted the mail: a mail may arrive again under the same id, and is never lost.
pub(super) async fn deliver<P: Ports>(ports: &P, service: &Service, mail: &QueuedMail) {
    let now = ports.now();
    let link = mail.kind.purpose().map_or(TRIED_FOR, Purpose::lifetime);
    let sent = if now >= mail.created_at.plus(link.min(TRIED_FOR)) {
        Err(NotSent::Refused("it is too late".to_owned()))
    } else {
        send(ports, service, mail, now).await
    };
    let done = match sent {
        Ok(()) => outbox::delivered(ports, &mail.id).await,
        Err(NotSent::Refused(cause)) => {
            log(ports, "mail.given_up", mail, &cause);
            outbox::give_up(ports, &mail.id, now).await
        }
        Err(NotSent::Later(cause)) => {
            log(ports, "mail.failure", mail, &cause);
            Ok(())
        }
    };
    if let Err(error) = done {
        log(ports, "mail.failure", mail, &error.to_string());
    }
}

async fn send<P: Ports>(
    ports: &P,
    service: &Service,
    mail: &QueuedMail,
    now: UnixSeconds,
) -> Result<(), NotSent> {
    let MailSettings::On {
        brand, pages_url, ..
    } = &service.config.mail
    else {
        return Err(NotSent::Later("MAIL is off".to_owned()));
    };
    let way = way_on(service, pages_url, mail)?;
    let purpose = mail.kind.purpose();
    let envelope = Envelope {
        id: &mail.id,
        to: mail.to.as_str(),
        letter: Letter {
            kind: mail.kind,
            language: mail.language,
            brand,
            link: way.link.as_deref(),
            code: way.code.as_deref(),
            minutes: purpose.map(|purpose| purpose.lifetime().get() / MINUTE),
            new_email: mail.new_email.as_deref(),
            at: Some(mail.created_at),
            country: mail.country.as_deref(),
            device: mail.device.as_deref(),
        },
    };
    hand_over(ports, service, now, &envelope).await
}

/// What the recipient continues with.
#[derive(Default)]
struct WayOn {
    link: Option<String>,
    code: Option<String>,
}

/// Returns the link or code of a mail. A link is built from the settings alone: no header of a
/// request takes part (CVE-2026-135175). Its token is in the fragment, which no server receives.
///
/// # Errors
///
/// Returns [`NotSent::Refused`] when the key of the token is no longer among the keys: a leaked key
/// must not make links, and the person asks again.
fn way_on(service: &Service, pages_url: &str, mail: &QueuedMail) -> Result<WayOn, NotSent> {
    let by_link = |link: String| WayOn {
        link: Some(link),
        code: None,
    };
    let page = format!("{pages_url}{LINK_PAGE}");
    let Some(purpose) = mail.kind.purpose() else {
        return Ok(by_link(match mail.kind {
            MailKind::PasswordChanged | MailKind::PasswordRemoved => format!("{page}#forgot"),
            _ => pages_url.to_owned(),
        }));
    };
    let (Some(nonce), Some(key_id)) = (mail.nonce, mail.key_id.as_deref()) else {
        return Ok(WayOn::default());
    };
    let mut keys = service.one_time_keys.iter();
    let Some((_, key)) = keys.find(|(id, _)| id.as_str() == key_id) else {
        return Err(NotSent::Refused("the key is gone".to_owned()));
    };
    if let Some(Mailed::Code(code)) = Mailed::derive(nonce, key, purpose) {
        return Ok(WayOn {
            link: None,
            code: Some(code.expose()),
        });
    }
    let token = OneTimeToken {
        user: mail.user,
        secret: nonce.secret(key, purpose),
    };
    let (purpose, token) = (purpose.as_str(), token.expose());
    Ok(by_link(format!("{page}#{purpose}={token}")))
}

fn log<P: Ports>(ports: &P, name: &'static str, mail: &QueuedMail, cause: &str) {
    ports.error(
        name,
        &[
            ("mail.id", mail.id.as_str().into()),
            ("mail.kind", mail.kind.as_str().into()),
            ("error.cause", cause.into()),
        ],
    );
}
