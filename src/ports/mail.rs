//! The ways in which a mail leaves: the platform's binding, and a request to another service.

use core::fmt;

use crate::domain::mail::Mailbox;

/// A mail, ready to leave.
#[derive(Clone, Copy)]
pub struct Mail<'a> {
    /// The id of the intent to send this mail. Every try has the same one.
    pub id: &'a str,
    /// The sender.
    pub from: &'a Mailbox,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<&'a Mailbox>,
    /// The recipient's address.
    pub to: &'a str,
    /// One line.
    pub subject: &'a str,
    /// The text.
    pub text: &'a str,
    /// The HTML document.
    pub html: &'a str,
}

/// A request to another service: an HTTPS `POST`.
#[derive(Clone, Copy)]
pub struct Outbound<'a> {
    /// The address, from the settings.
    pub url: &'a str,
    /// The headers. Each name appears once.
    pub headers: &'a [(&'static str, &'a str)],
    /// The body.
    pub body: &'a str,
}

/// Why a mail has not been sent, for the log. Contains neither an address nor a text of the mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// It will never be sent, for example because its address is suppressed. Trying again is
    /// useless, and the recipient does not learn of it.
    Refused(String),
    /// It may have been sent, or may be sent later: the next try has the same id.
    Later(String),
}

/// Sends mails.
pub trait Mailer {
    /// Hands a mail to the platform's binding. Bounded in time.
    ///
    /// # Errors
    ///
    /// Returns [`NotSent`]. After [`NotSent::Later`], whether it was sent is unknown.
    async fn send_email(&self, mail: &Mail<'_>) -> Result<(), NotSent>;

    /// Sends a request and returns the status of its answer. One subrequest, bounded in time, whose
    /// redirects are not followed and whose body is not read.
    ///
    /// # Errors
    ///
    /// Returns [`NotSent::Later`] when there is no answer. Whether the request arrived is then
    /// unknown.
    async fn post(&self, request: &Outbound<'_>) -> Result<u16, NotSent>;
}

impl NotSent {
    /// Returns the reason.
    #[must_use]
    pub fn cause(&self) -> &str {
        match self {
            Self::Refused(cause) | Self::Later(cause) => cause,
        }
    }
}

// A mail contains an address and secrets.
impl fmt::Debug for Mail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({}, …)", self.id)
    }
}

impl fmt::Debug for Outbound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbound(…)")
    }
}
