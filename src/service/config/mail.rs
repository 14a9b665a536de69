//! The settings of mails: how they leave, from whom, and how the service presents itself in them.

use core::fmt;

use super::EmailVerification;
use super::reader::{Reader, Wrong};
use crate::domain::credential::mailed_login::LoginMeans;
use crate::domain::mail::{Brand, Colour, Mailbox};
use crate::service::origin::{host_of, is_origin};

/// Where Resend takes mails, and what other providers imitate.
const DEFAULT_PROVIDER_URL: &str = "https://api.resend.com/emails";
/// The default of `BRAND_COLOUR`: white text on it has a contrast of 8.3.
const DEFAULT_COLOUR: &str = "#1f4e8c";
/// The longest URL in a setting.
const MAX_URL_BYTES: usize = 1_024;
/// The bounds of a provider's key.
const KEY_BYTES: core::ops::RangeInclusive<usize> = 8..=256;

/// Whether mails are sent, and how.
#[derive(Clone, Debug)]
pub enum MailSettings {
    /// None are sent. What needs a mail is answered with a problem that says so.
    Off,
    /// Mails are sent.
    On {
        /// How they leave.
        transport: Transport,
        /// `MAIL_FROM`.
        from: Mailbox,
        /// `MAIL_REPLY_TO`.
        reply_to: Option<Mailbox>,
        /// `PRODUCT_NAME`, `BRAND_COLOUR`.
        brand: Brand,
        /// `PAGES_URL`: where the pages are that links lead to. No slash at the end, no query, no
        /// fragment. Without the setting it is the issuer.
        pages_url: String,
    },
}

/// How mails leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The platform's binding.
    Binding,
    /// An HTTP API in the form of Resend's.
    Provider {
        /// `MAIL_PROVIDER_URL`.
        url: String,
        /// `MAIL_PROVIDER_KEY`.
        key: ProviderKey,
    },
    /// A sender of the operator's own, which receives signed webhooks.
    Webhook {
        /// `MAIL_WEBHOOK_URL`.
        url: String,
    },
}

/// The key of a mail provider.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderKey(String);

impl ProviderKey {
    fn parse(text: &str) -> Option<Self> {
        let is_key =
            KEY_BYTES.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_key.then(|| Self(text.to_owned()))
    }

    /// Returns the key, for the request to the provider only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderKey(…)")
    }
}

/// Reads all of them, so that a fault is reported even while mails are off. `None` only if there
/// is a problem.
pub(super) fn read(reader: &mut Reader<'_>, issuer: Option<&str>) -> Option<MailSettings> {
    let mode = reader.or_default(
        "MAIL",
        "off",
        "must be off, binding, provider or webhook",
        Mode::parse,
    );
    let from = read_mailbox(reader, "MAIL_FROM");
    let reply_to = read_mailbox(reader, "MAIL_REPLY_TO");
    let provider_url = reader.or_default(
        "MAIL_PROVIDER_URL",
        DEFAULT_PROVIDER_URL,
        "must be an https URL",
        read_url,
    );
    let key = reader.optional(
        "MAIL_PROVIDER_KEY",
        "must have 8 to 256 visible ASCII characters",
        ProviderKey::parse,
    );
    let webhook_url = reader.optional("MAIL_WEBHOOK_URL", "must be an https URL", read_url);
    let brand = read_brand(reader, issuer);
    // Without an issuer there is a problem already.
    let pages_url = reader.or_default(
        "PAGES_URL",
        issuer.unwrap_or("https://localhost"),
        "must be an https URL without query, fragment and slash at the end",
        |text| is_pages_url(text).then(|| text.to_owned()),
    );
    let (needed, is_there, problem) = match mode? {
        Mode::Off => return Some(MailSettings::Off),
        Mode::Binding => ("EMAIL", reader.text("EMAIL").is_some(), "is not bound"),
        Mode::Provider => ("MAIL_PROVIDER_KEY", key != Ok(None), "is missing"),
        Mode::Webhook => ("MAIL_WEBHOOK_URL", webhook_url != Ok(None), "is missing"),
    };
    if !is_there {
        reader.problem(needed, problem);
    }
    if from == Ok(None) {
        reader.problem("MAIL_FROM", "is missing");
    }
    let transport = match mode? {
        Mode::Off => return Some(MailSettings::Off),
        Mode::Binding => Transport::Binding,
        Mode::Provider => Transport::Provider {
            url: provider_url?,
            key: key.ok().flatten()?,
        },
        Mode::Webhook => Transport::Webhook {
            url: webhook_url.ok().flatten()?,
        },
    };
    Some(MailSettings::On {
        transport,
        from: from.ok().flatten()?,
        reply_to: reply_to.ok()?,
        brand: brand?,
        pages_url: pages_url?,
    })
}

/// Reads `VERIFICATION`, which needs mails.
pub(super) fn read_verification(
    reader: &mut Reader<'_>,
    mail: Option<&MailSettings>,
) -> EmailVerification {
    let verification = match reader.text("VERIFICATION").as_deref() {
        None | Some("off") => return EmailVerification::Off,
        Some("optional") => EmailVerification::Optional,
        Some("required") => EmailVerification::Required,
        Some(_) => {
            reader.problem("VERIFICATION", "must be off, optional or required");
            return EmailVerification::Off;
        }
    };
    if matches!(mail, Some(MailSettings::Off)) {
        reader.problem("VERIFICATION", "must be off while MAIL is");
    }
    verification
}

/// Reads `MAIL_LOGIN`, which needs mails.
pub(super) fn read_login(
    reader: &mut Reader<'_>,
    mail: Option<&MailSettings>,
) -> Option<LoginMeans> {
    let login = match reader.text("MAIL_LOGIN").as_deref() {
        None | Some("off") => return None,
        Some("link") => LoginMeans::Link,
        Some("code") => LoginMeans::Code,
        Some(_) => {
            reader.problem("MAIL_LOGIN", "must be off, link or code");
            return None;
        }
    };
    if matches!(mail, Some(MailSettings::Off)) {
        reader.problem("MAIL_LOGIN", "must be off while MAIL is");
    }
    Some(login)
}

/// `MAIL`.
#[derive(Clone, Copy)]
enum Mode {
    Off,
    Binding,
    Provider,
    Webhook,
}

impl Mode {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self::Off),
            "binding" => Some(Self::Binding),
            "provider" => Some(Self::Provider),
            "webhook" => Some(Self::Webhook),
            _ => None,
        }
    }
}

fn read_mailbox(reader: &mut Reader<'_>, name: &str) -> Result<Option<Mailbox>, Wrong> {
    reader.optional(
        name,
        "must be an address, or a name of at most 64 characters and <address>",
        Mailbox::parse,
    )
}

fn read_brand(reader: &mut Reader<'_>, issuer: Option<&str>) -> Option<Brand> {
    // Most hosts are shorter. A longer one is cut, because it is only a name here.
    let host: String = issuer
        .map_or("localhost", host_of)
        .chars()
        .take(40)
        .collect();
    let product = reader.or_default(
        "PRODUCT_NAME",
        &host,
        "must be one line of 1 to 40 characters",
        |text| Brand::is_product(text).then(|| text.to_owned()),
    );
    let colour = reader.or_default(
        "BRAND_COLOUR",
        DEFAULT_COLOUR,
        "must be a colour such as #1f4e8c",
        Colour::parse,
    );
    Some(Brand {
        product: product?,
        colour: colour?,
    })
}

/// Returns a URL whose origin is https, or http on this machine. It may have a path and a query.
fn read_url(text: &str) -> Option<String> {
    let (origin, rest) = split(text);
    let is_url = text.len() <= MAX_URL_BYTES
        && is_origin(origin)
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    is_url.then(|| text.to_owned())
}

/// Returns whether a page's address can be added to this URL: an origin, with or without a path.
fn is_pages_url(text: &str) -> bool {
    let (origin, path) = split(text);
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    text.len() <= MAX_URL_BYTES
        && is_origin(origin)
        && path.bytes().all(is_path)
        && !path.ends_with('/')
}

/// Splits a URL into its origin and the rest, which is empty or begins with a slash.
fn split(text: &str) -> (&str, &str) {
    let scheme = text.find("://").map_or(0, |at| at + 3);
    let end = text
        .get(scheme..)
        .and_then(|rest| rest.find('/'))
        .map_or(text.len(), |at| scheme + at);
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests;
