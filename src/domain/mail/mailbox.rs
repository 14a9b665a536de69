//! The sender of a mail: an address, with or without a name.

use core::fmt;

use crate::domain::identity::email::Email;

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 64;
/// What ends a name, or has a meaning in one (RFC 5322, section 3.4).
const NOT_IN_A_NAME: [char; 4] = ['<', '>', '"', '\\'];

/// A mailbox (RFC 5322, section 3.4): `Name <address>` or an address. One line.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: Email,
}

impl Mailbox {
    /// Parses `Name <address>` or an address. The name may be in double quotes, and has at most 64
    /// characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches(' ');
        let Some((name, rest)) = text.split_once('<') else {
            return Some(Self {
                name: None,
                address: Email::parse(text).ok()?,
            });
        };
        let name = name.trim_matches(' ');
        let name = match name.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"')?,
            None => name,
        };
        let is_name = (1..=MAX_NAME_CHARS).contains(&name.chars().count())
            && !name.contains(|c: char| c.is_control() || NOT_IN_A_NAME.contains(&c));
        is_name.then_some(())?;
        Some(Self {
            name: Some(name.to_owned()),
            address: Email::parse(rest.strip_suffix('>')?).ok()?,
        })
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the address.
    #[must_use]
    pub const fn address(&self) -> &Email {
        &self.address
    }
}

/// `"Name" <address>`, or the address alone. A quoted name may contain commas and dots.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.as_str();
        match &self.name {
            Some(name) => write!(f, "\"{name}\" <{address}>"),
            None => f.write_str(address),
        }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Mailbox;

    #[test]
    fn a_mailbox_is_an_address_with_or_without_a_name() {
        for (text, written) in [
            ("no-reply@example.org", "no-reply@example.org"),
            ("<no-reply@example.org>", ""),
            (
                "Acme <No-Reply@example.org>",
                "\"Acme\" <no-reply@example.org>",
            ),
            ("Acme<a@example.org>", "\"Acme\" <a@example.org>"),
            (
                "\"Acme, Inc.\" <a@example.org>",
                "\"Acme, Inc.\" <a@example.org>",
            ),
            (
                "Söhne & Co. <a@example.org>",
                "\"Söhne & Co.\" <a@example.org>",
            ),
            ("", ""),
            ("Acme", ""),
            ("Acme a@example.org", ""),
            ("Acme <a@example.org", ""),
            ("Acme <a@example.org> b", ""),
            ("Acme <a@example.org>, b@example.org", ""),
            ("a@example.org, b@example.org", ""),
            ("Ac<me <a@example.org>", ""),
            ("Ac\"me <a@example.org>", ""),
            ("\"Acme <a@example.org>", ""),
            ("Ac\\me <a@example.org>", ""),
            ("Acme\r\nBcc: b@example.org <a@example.org>", ""),
            ("Acme <a@example.org\nBcc: b@example.org>", ""),
        ] {
            let mailbox = Mailbox::parse(text).map(|mailbox| mailbox.to_string());
            assert_eq!(mailbox.unwrap_or_default(), written, "{text:?}");
        }
        let name = "a".repeat(64);
        assert!(Mailbox::parse(&format!("{name} <a@example.org>")).is_some());
        assert!(Mailbox::parse(&format!("{name}a <a@example.org>")).is_none());
    }
}
