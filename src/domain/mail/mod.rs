//! What a mail says: its kinds, its languages, and how it is rendered as text and HTML.
//!
//! A mail contains nothing that a stranger chose. There is no field for a person's name:
//! otherwise, a registration with the address of a third party would send them a text. A new
//! address is masked, a device comes from a fixed list, a country is two letters.
//!
//! The wording of a language is in one file of `words/`. Text and HTML are two layouts of the same
//! words (`templates/`), so they state the same facts. A mail loads nothing: no image, no style
//! sheet, no font, and nothing that would tell the sender that it was read.

mod brand;
mod language;
mod mailbox;
mod render;
mod words;

use core::fmt;

use crate::domain::credential::mailed_login::LoginMeans;
use crate::domain::credential::one_time::Purpose;
use crate::domain::time::UnixSeconds;

pub use brand::{Brand, Colour};
pub use language::Language;
pub use mailbox::Mailbox;

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// A link with which to choose a new password.
    ResetPassword,
    /// A link that proves the address of an account.
    VerifyEmail,
    /// The notice for the owner of an address with which a registration was attempted again.
    AlreadyRegistered,
    /// A link that proves the new address of an account, sent to that address.
    ConfirmEmail,
    /// The notice of a changed address, sent to the old address with a link that undoes the change.
    EmailChanged,
    /// The notice of a changed password.
    PasswordChanged,
    /// The notice of a password that was removed, because a login by mail has proven the address.
    PasswordRemoved,
    /// The notice of a login from a device and country that the account has not been used from.
    NewLogin,
    /// A link that logs in, in the browser that asked for it.
    LoginLink,
    /// A code that logs in, in the browser that asked for it.
    LoginCode,
}

impl MailKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::ResetPassword,
        Self::VerifyEmail,
        Self::AlreadyRegistered,
        Self::ConfirmEmail,
        Self::EmailChanged,
        Self::PasswordChanged,
        Self::PasswordRemoved,
        Self::NewLogin,
        Self::LoginLink,
        Self::LoginCode,
    ];

    /// Returns the name of the kind in the database, in logs and in webhooks.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResetPassword => "reset_password",
            Self::VerifyEmail => "verify_email",
            Self::AlreadyRegistered => "already_registered",
            Self::ConfirmEmail => "confirm_email",
            Self::EmailChanged => "email_changed",
            Self::PasswordChanged => "password_changed",
            Self::PasswordRemoved => "password_removed",
            Self::NewLogin => "new_login",
            Self::LoginLink => "login_link",
            Self::LoginCode => "login_code",
        }
    }

    /// Returns what the link or code in a mail of this kind is for. `None` where it has neither, or a
    /// link without a token.
    #[must_use]
    pub const fn purpose(self) -> Option<Purpose> {
        match self {
            Self::ResetPassword => Some(Purpose::ResetPassword),
            Self::VerifyEmail => Some(Purpose::VerifyEmail),
            Self::ConfirmEmail => Some(Purpose::ConfirmEmail),
            Self::EmailChanged => Some(Purpose::UndoEmail),
            Self::NewLogin => Some(Purpose::DisownLogin),
            Self::LoginLink => Some(Purpose::LoginLink),
            Self::LoginCode => Some(Purpose::LoginCode),
            Self::AlreadyRegistered | Self::PasswordChanged | Self::PasswordRemoved => None,
        }
    }

    /// Returns the kind of a mail that logs in.
    #[must_use]
    pub const fn of_login(means: LoginMeans) -> Self {
        match means {
            LoginMeans::Link => Self::LoginLink,
            LoginMeans::Code => Self::LoginCode,
        }
    }

    /// Returns the kind with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The facts of a mail. Those that its kind does not mention are ignored.
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    /// What the mail is about.
    pub kind: MailKind,
    /// The language of the recipient.
    pub language: Language,
    /// How the service presents itself.
    pub brand: &'a Brand,
    /// The address of the page on which the recipient continues.
    pub link: Option<&'a str>,
    /// The code that the recipient types.
    pub code: Option<&'a str>,
    /// How long the link or code works, in minutes. [`MailKind::AlreadyRegistered`] leads to the
    /// login page, which needs no token.
    pub minutes: Option<u32>,
    /// The new address of the account. It is masked: its owner recognises it, and it cannot
    /// carry a message.
    pub new_email: Option<&'a str>,
    /// When it happened.
    pub at: Option<UnixSeconds>,
    /// The country of the request, as the platform names it: two letters of ISO 3166, `T1` for Tor,
    /// `XX` for an unknown one.
    pub country: Option<&'a str>,
    /// The device of the request, from [`device::label`](crate::domain::session::device::label).
    pub device: Option<&'a str>,
}

/// A rendered mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// One line.
    pub subject: String,
    /// Lines of 76 characters at most, except for those that contain a link.
    pub text: String,
    /// A whole document.
    pub html: String,
}

/// The error for a letter that does not have a fact which its kind must mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// What cannot be rendered.
    pub kind: MailKind,
    /// The field that is missing.
    pub field: &'static str,
}

// A link and a code are secrets, and a mail contains them.
impl fmt::Debug for Letter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({}, …)", self.kind.as_str())
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({:?}, …)", self.subject)
    }
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no {}", self.kind.as_str(), self.field)
    }
}

#[cfg(test)]
mod tests;
