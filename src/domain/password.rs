//! Plain passwords: what may be presented, and what may be chosen.
//!
//! Both are taken exactly as sent: neither trimmed nor normalised (ASVS 5.0, 6.2.8). A
//! plain password exists as one of these types only, is never printed, and is never stored.

use core::fmt;

use super::common_passwords;
use super::email::Email;

/// The longest password, in code points (NIST SP 800-63B asks for at least 64).
const MAX_CODE_POINTS: usize = 128;
/// The longest password, in bytes: 128 code points of four bytes each.
const MAX_BYTES: usize = 512;
/// What the service is called: too easy a guess for a password on it.
const SERVICE_NAME: &str = "latchkey";

/// A password that somebody presents to prove who they are; bounded, not judged.
///
/// Today's minimum does not apply: it may have been raised since the password was chosen.
pub struct PresentedPassword(String);

/// A password that somebody chooses; every rule of the policy holds.
pub struct NewPassword(String);

/// The rule that a password breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// Fewer code points than the policy asks for.
    TooShort,
    /// More than 128 code points or 512 bytes.
    TooLong,
    /// The address, its local part, or the name of the service.
    Guessable,
    /// On a list of common passwords, or made by a rule that guessers know.
    Common,
}

/// What a new password must satisfy.
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    /// The least number of code points; 8 or more.
    pub min_code_points: usize,
}

impl PresentedPassword {
    /// Takes a password as it was sent.
    ///
    /// # Errors
    ///
    /// [`PasswordFault::TooShort`] when it is empty, [`PasswordFault::TooLong`] when it is
    /// over a bound: no account can have such a password, so nothing is hashed.
    pub fn parse(text: String) -> Result<Self, PasswordFault> {
        if text.is_empty() {
            return Err(PasswordFault::TooShort);
        }
        if is_too_long(&text) {
            return Err(PasswordFault::TooLong);
        }
        Ok(Self(text))
    }

    /// The plain password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PasswordPolicy {
    /// Judges a password that the owner of `email` chooses. Without an address (because it
    /// is faulty itself) the remaining rules are judged.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn judge(&self, text: String, email: Option<&Email>) -> Result<NewPassword, PasswordFault> {
        if is_too_long(&text) {
            return Err(PasswordFault::TooLong);
        }
        if text.chars().count() < self.min_code_points {
            return Err(PasswordFault::TooShort);
        }
        let is_context_word = email
            .iter()
            .flat_map(|email| [email.as_str(), email.local_part()])
            .chain([SERVICE_NAME])
            .any(|word| text.eq_ignore_ascii_case(word));
        if is_context_word {
            return Err(PasswordFault::Guessable);
        }
        if common_passwords::is_common(&text) {
            return Err(PasswordFault::Common);
        }
        Ok(NewPassword(text))
    }
}

impl NewPassword {
    /// The plain password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

fn is_too_long(text: &str) -> bool {
    // Bytes first: counting code points of a long text costs more than its length.
    text.len() > MAX_BYTES || text.chars().count() > MAX_CODE_POINTS
}

impl fmt::Debug for PresentedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedPassword(…)")
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::{PasswordFault, PasswordPolicy, PresentedPassword};
    use crate::domain::email::Email;

    fn judge(text: &str) -> Result<String, PasswordFault> {
        let email = Email::parse("ada.lovelace@example.org").unwrap();
        PasswordPolicy { min_code_points: 8 }
            .judge(text.to_owned(), Some(&email))
            .map(|password| password.expose().to_owned())
    }

    #[test]
    fn length_is_counted_in_code_points() {
        assert_eq!(judge("1234567").unwrap_err(), PasswordFault::TooShort);
        assert_eq!(judge("ééééééé").unwrap_err(), PasswordFault::TooShort);
        assert!(judge("zwölf ßß").is_ok());
        let longest: String = (0..128)
            .filter_map(|number| char::from_u32(0x1f400 + number * 7))
            .collect();
        assert_eq!((longest.chars().count(), longest.len()), (128, 512));
        assert!(judge(&longest).is_ok());
        assert_eq!(
            judge(&"🔑".repeat(129)).unwrap_err(),
            PasswordFault::TooLong
        );
        assert_eq!(judge(&"a".repeat(129)).unwrap_err(), PasswordFault::TooLong);
    }

    #[test]
    fn nothing_is_trimmed_or_normalised() {
        for text in [
            "  spaces  ",
            "e\u{301}a\u{300}o\u{302}u\u{308}",
            "nul\0inside",
            "\tTab\ntab\n",
        ] {
            assert_eq!(judge(text).unwrap(), text);
        }
    }

    #[test]
    fn there_are_no_composition_rules() {
        for text in ["kdjfhgsa", "82739104", "🔑🐈🌂🐙🎻🍋🔭🦆"] {
            assert!(judge(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn common_passwords_are_refused_whatever_their_case() {
        for text in ["password1", "PassWord1", "qwertyuiop", "1q2w3e4r"] {
            assert_eq!(judge(text).unwrap_err(), PasswordFault::Common, "{text}");
        }
    }

    #[test]
    fn context_words_are_refused_whatever_their_case() {
        for text in ["ada.lovelace", "Ada.Lovelace@Example.org", "LatchKey"] {
            assert_eq!(judge(text).unwrap_err(), PasswordFault::Guessable, "{text}");
        }
        assert!(judge("ada.lovelace1").is_ok());
    }

    #[test]
    fn a_presented_password_is_bounded_but_not_judged() {
        assert!(PresentedPassword::parse("x".to_owned()).is_ok());
        assert_eq!(
            PresentedPassword::parse(String::new()).unwrap_err(),
            PasswordFault::TooShort
        );
        assert_eq!(
            PresentedPassword::parse("a".repeat(513)).unwrap_err(),
            PasswordFault::TooLong
        );
    }

    #[test]
    fn passwords_are_redacted_in_debug_output() {
        let presented = PresentedPassword::parse("hunter22".to_owned()).unwrap();
        assert_eq!(format!("{presented:?}"), "PresentedPassword(…)");
    }
}
