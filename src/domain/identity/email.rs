//! E-mail addresses, in the one form that is stored and compared.

use core::fmt;

/// The longest address that fits an SMTP path (RFC 5321, section 4.5.3.1.3), in bytes.
pub const MAX_ADDRESS_BYTES: usize = 254;
/// The longest local part (RFC 5321, section 4.5.3.1.1), in bytes.
pub const MAX_LOCAL_BYTES: usize = 64;
/// The longest label of a domain name (RFC 1035, section 2.3.4), in bytes.
const MAX_LABEL_BYTES: usize = 63;

/// A canonical address: ASCII, lower case, one `@`, no quoting.
///
/// The grammar is the HTML standard's "valid e-mail address", with a dot in the domain. Nothing
/// else is folded: `a.b@x.org` and `ab@x.org` are two users.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// The error for a string that is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEmail;

impl Email {
    /// Trims, lower-cases and parses an address.
    ///
    /// Phone keyboards append a blank when they complete an address, and copied text often includes
    /// blanks around it. White space within an address is an error.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidEmail`] when the grammar does not match.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        // Trimmed and lower-cased before it is checked: what is checked is what is stored.
        let canonical = text.trim_matches(is_blank).to_ascii_lowercase();
        if canonical.len() > MAX_ADDRESS_BYTES {
            return Err(InvalidEmail);
        }
        let (local, domain) = canonical.split_once('@').ok_or(InvalidEmail)?;
        if is_local_part(local) && is_domain(domain) {
            Ok(Self(canonical))
        } else {
            Err(InvalidEmail)
        }
    }

    /// Returns the canonical address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }
}

// Personal data: an address must not appear in logs.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

/// Returns whether a character is white space, or an invisible one that is often copied with an
/// address: zero-width spaces, word joiners and directional marks, which Unicode does not classify
/// as white space.
const fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '\u{200b}' | '\u{feff}' | '\u{2060}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

fn is_local_part(local: &str) -> bool {
    (1..=MAX_LOCAL_BYTES).contains(&local.len())
        && local
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte))
}

fn is_domain(domain: &str) -> bool {
    domain.contains('.') && domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::{Email, InvalidEmail};

    #[test]
    fn case_is_folded_and_nothing_else() {
        assert_eq!(
            Email::parse("Ada@Example.ORG").unwrap().as_str(),
            "ada@example.org"
        );
        assert_eq!(
            Email::parse("a.d+a@example.org").unwrap().as_str(),
            "a.d+a@example.org"
        );
        assert_eq!(
            Email::parse("a.d+a@example.org").unwrap().local_part(),
            "a.d+a"
        );
    }

    #[test]
    fn blanks_around_an_address_are_trimmed() {
        for blank in [
            " ",
            "  ",
            "\t",
            "\n",
            "\r\n",
            "\u{a0}",
            "\u{2009}",
            "\u{202f}",
            "\u{3000}",
            "\u{200b}",
            "\u{feff}",
            "\u{feff} \u{a0}",
        ] {
            for text in [
                format!("Ada@example.org{blank}"),
                format!("{blank}ada@example.org"),
                format!("{blank}ada@example.ORG{blank}"),
            ] {
                let email = Email::parse(&text).unwrap();
                assert_eq!(email.as_str(), "ada@example.org", "{text:?}");
            }
            for text in [
                format!("ada{blank}@example.org"),
                format!("ada@{blank}example.org"),
                format!("a{blank}da@example.org"),
                format!("ada@example{blank}.org"),
                blank.to_owned(),
            ] {
                assert_eq!(Email::parse(&text).unwrap_err(), InvalidEmail, "{text:?}");
            }
        }
        // The bound applies to the trimmed address.
        let longest = format!(
            "{}@{}.org",
            "a".repeat(64),
            vec!["a".repeat(61); 3].join(".")
        );
        assert_eq!(longest.len(), 254);
        assert!(Email::parse(&format!("   {longest}   ")).is_ok());
    }

    #[test]
    fn addresses_that_pass() {
        for text in [
            "a@b.co",
            "o'brien@example.org",
            "ada@xn--bcher-kva.example",
            "ada@a-b.example",
            "x_y-z!#$%&*/=?^`{|}~@example.org",
            &format!("{}@example.org", "a".repeat(64)),
            &format!("ada@{}.org", "a".repeat(63)),
        ] {
            assert!(Email::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn addresses_that_do_not() {
        let too_long = format!("a@{}.org", vec!["a".repeat(62); 4].join("."));
        assert_eq!(too_long.len(), 257);
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "ada@example",
            "ada@@example.org",
            "a@b@example.org",
            "ada@example..org",
            "ada@.example.org",
            "ada@example.org.",
            "ada@-example.org",
            "ada@example-.org",
            "ada@exa_mple.org",
            "ada@example.org\0",
            "\u{8}ada@example.org",
            "ada@example.org\u{200d}",
            "a da@example.org",
            "\"ada\"@example.org",
            "ada@[127.0.0.1]",
            "ada\0@example.org",
            "ada,bob@example.org",
            "ada@example.org,bob@example.org",
            "ada<x>@example.org",
            "ada@bücher.example",
            "\u{0430}da@example.org",
            "ada\u{FF20}example.org",
            "\u{131}da@example.org",
            "ada@example.org\u{3002}",
            &format!("{}@example.org", "a".repeat(65)),
            &format!("ada@{}.org", "a".repeat(64)),
            &too_long,
        ] {
            assert_eq!(Email::parse(text).unwrap_err(), InvalidEmail, "{text}");
        }
    }

    #[test]
    fn an_address_is_redacted_in_debug_output() {
        assert_eq!(
            format!("{:?}", Email::parse("ada@example.org")),
            "Ok(Email(…))"
        );
    }
}
