//! Plain passwords: what may be presented, and what may be chosen.
//!
//! A password is never trimmed, cut off or case-folded (ASVS 5.0, 6.2.8). It is judged,
//! compared and hashed in Unicode's normal form NFKC (NIST SP 800-63B-4, section 3.1.1.2):
//! keyboards write one letter in several ways, and a password typed on two devices is one
//! password. A plain password exists as one of these types only, is never printed, and is
//! never stored.

use core::fmt;

use super::breach::PasswordDigest;
use super::common_passwords;
use crate::domain::identity::email::Email;

/// The longest new password, in code points (NIST SP 800-63B-4 asks for at least 64).
const MAX_CODE_POINTS: usize = 128;
/// What the service is called: too easy a guess for a password on it.
const SERVICE_NAME: &str = "latchkey";

/// Unicode's NFKC (UAX 15). Its tables are large: the platform has them.
pub type Normalise = fn(&str) -> String;

/// A password that is presented as a proof, exactly as it was sent; not judged.
///
/// Today's bounds do not apply: the minimum may have been raised since the password was
/// chosen, and other systems let their users choose longer ones. The bound is that of the
/// request's body: a hash of 8 KiB takes no longer than one of 8 bytes, because each
/// algorithm first digests the password or cuts it off.
pub struct PresentedPassword(String);

/// A chosen password in its normal form; every rule of the policy holds.
pub struct NewPassword(String);

/// A chosen password in its normal form, of somebody whose address is not known yet: every rule of
/// the policy holds that does not depend on the address. It cannot be hashed.
pub struct UnownedPassword(String);

/// The rule that a password breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// Fewer code points than the policy asks for.
    TooShort,
    /// More than 128 code points.
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
    normalise: Normalise,
}

impl PresentedPassword {
    /// Takes a password as it was sent.
    ///
    /// # Errors
    ///
    /// [`PasswordFault::TooShort`] when it is empty: no account has an empty password.
    pub fn parse(text: String) -> Result<Self, PasswordFault> {
        if text.is_empty() {
            return Err(PasswordFault::TooShort);
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
    /// A policy with this least number of code points. Until [`Self::with_nfkc`] a password
    /// counts as its own normal form.
    #[must_use]
    pub const fn new(min_code_points: usize) -> Self {
        Self {
            min_code_points,
            normalise: str::to_owned,
        }
    }

    /// The policy with Unicode's NFKC, which the platform brings.
    #[must_use]
    pub const fn with_nfkc(self, normalise: Normalise) -> Self {
        Self { normalise, ..self }
    }

    /// Judges a password that the owner of `email` chooses.
    ///
    /// Code points are counted as sent or in the normal form, whichever are fewer: a letter
    /// and its accent are one character, and a ligature that the normal form spells out is
    /// not a password of 18.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn judge(&self, text: String, email: &Email) -> Result<NewPassword, PasswordFault> {
        self.judged(text, Some(email)).map(NewPassword)
    }

    /// Judges a password by the rules that do not depend on its owner's address.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn judge_unowned(&self, text: String) -> Result<UnownedPassword, PasswordFault> {
        self.judged(text, None).map(UnownedPassword)
    }

    fn judged(&self, text: String, email: Option<&Email>) -> Result<String, PasswordFault> {
        let sent = text.chars().count();
        let text = normal_form(text, self.normalise);
        let code_points = sent.min(text.chars().count());
        if code_points > MAX_CODE_POINTS {
            return Err(PasswordFault::TooLong);
        }
        if code_points < self.min_code_points {
            return Err(PasswordFault::TooShort);
        }
        let is_of_owner = email.is_some_and(|email| names(&text, email));
        if is_of_owner || text.eq_ignore_ascii_case(SERVICE_NAME) {
            return Err(PasswordFault::Guessable);
        }
        if common_passwords::is_common(&text) {
            return Err(PasswordFault::Common);
        }
        Ok(text)
    }

    /// Whether the new password is the current one, perhaps in another spelling.
    #[must_use]
    pub fn is_unchanged(&self, current: &PresentedPassword, new: &UnownedPassword) -> bool {
        normal_form(current.0.clone(), self.normalise) == new.0
    }
}

impl NewPassword {
    /// The plain password, in its normal form.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its hash for the breach check.
    #[must_use]
    pub fn digest(&self) -> PasswordDigest {
        PasswordDigest::of(&self.0)
    }
}

impl UnownedPassword {
    /// The password of the owner of `email`.
    ///
    /// # Errors
    ///
    /// [`PasswordFault::Guessable`] when it is the address or its local part.
    pub fn owned_by(self, email: &Email) -> Result<NewPassword, PasswordFault> {
        if names(&self.0, email) {
            return Err(PasswordFault::Guessable);
        }
        Ok(NewPassword(self.0))
    }

    /// Its hash for the breach check.
    #[must_use]
    pub fn digest(&self) -> PasswordDigest {
        PasswordDigest::of(&self.0)
    }
}

/// Whether a password is an address or its local part, in whatever case.
fn names(password: &str, email: &Email) -> bool {
    [email.as_str(), email.local_part()]
        .iter()
        .any(|word| password.eq_ignore_ascii_case(word))
}

/// ASCII is its own normal form.
pub(super) fn normal_form(text: String, normalise: Normalise) -> String {
    if text.is_ascii() {
        text
    } else {
        normalise(&text)
    }
}

impl fmt::Debug for PresentedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresentedPassword(…)")
    }
}

impl fmt::Debug for UnownedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnownedPassword(…)")
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{PasswordFault, PasswordPolicy, PresentedPassword};
    use crate::domain::identity::email::Email;

    /// What NFKC makes of the few characters that these tests use. (The platform's own is
    /// behind the tests against the built Worker.)
    pub(in crate::domain) fn nfkc(text: &str) -> String {
        text.replace("e\u{301}", "\u{e9}")
            .replace('\u{fdfa}', &"\u{635}".repeat(18))
            .chars()
            .map(|letter| match letter {
                '\u{ff01}'..='\u{ff5e}' => {
                    char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter)
                }
                other => other,
            })
            .collect()
    }

    fn policy() -> PasswordPolicy {
        PasswordPolicy::new(8).with_nfkc(nfkc)
    }

    fn judge(text: &str) -> Result<String, PasswordFault> {
        let email = Email::parse("ada.lovelace@example.org").unwrap();
        policy()
            .judge(text.to_owned(), &email)
            .map(|password| password.expose().to_owned())
    }

    /// ASCII in the fullwidth letters of East Asian keyboards.
    fn fullwidth(text: &str) -> String {
        text.chars()
            .map(|letter| char::from_u32(u32::from(letter) + 0xfee0).unwrap())
            .collect()
    }

    #[test]
    fn length_is_counted_in_code_points() {
        assert_eq!(judge("1234567").unwrap_err(), PasswordFault::TooShort);
        assert_eq!(judge("ééééééé").unwrap_err(), PasswordFault::TooShort);
        assert_eq!(
            judge(&"e\u{301}".repeat(7)).unwrap_err(),
            PasswordFault::TooShort
        );
        assert_eq!(judge("\u{fdfa}").unwrap_err(), PasswordFault::TooShort);
        assert!(judge("zwölf ßß").is_ok());
        let longest: String = (0..128)
            .filter_map(|number| char::from_u32(0x1f400 + number * 7))
            .collect();
        assert_eq!((longest.chars().count(), longest.len()), (128, 512));
        assert!(judge(&longest).is_ok());
        // A letter with its accent is one, and what the normal form spells out was one.
        let shorter: String = longest.chars().skip(1).collect();
        for letter in ["e\u{301}", "\u{fdfa}"] {
            assert!(judge(&format!("{shorter}{letter}")).is_ok(), "{letter}");
            assert_eq!(
                judge(&format!("{longest}{letter}")).unwrap_err(),
                PasswordFault::TooLong
            );
        }
        assert_eq!(
            judge(&"🔑".repeat(129)).unwrap_err(),
            PasswordFault::TooLong
        );
        assert_eq!(judge(&"a".repeat(129)).unwrap_err(), PasswordFault::TooLong);
    }

    #[test]
    fn nothing_is_trimmed() {
        for text in ["  spaces  ", "nul\0inside", "\tTab\ntab\n"] {
            assert_eq!(judge(text).unwrap(), text);
        }
    }

    #[test]
    fn every_spelling_of_a_password_is_one_password() {
        for text in ["caf\u{e9} noir", "cafe\u{301} noir", "ｃａｆ\u{e9} noir"] {
            assert_eq!(judge(text).unwrap(), "caf\u{e9} noir");
        }
    }

    #[test]
    fn a_new_password_is_unchanged_in_another_spelling_too() {
        let new = policy().judge_unowned("caf\u{e9} noir".to_owned()).unwrap();
        for (current, is_unchanged) in [
            ("caf\u{e9} noir", true),
            ("cafe\u{301} noir", true),
            ("cafe noir", false),
            ("Caf\u{e9} noir", false),
        ] {
            let current = PresentedPassword::parse(current.to_owned()).unwrap();
            assert_eq!(policy().is_unchanged(&current, &new), is_unchanged);
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
            let wide = fullwidth(text);
            assert_eq!(judge(&wide).unwrap_err(), PasswordFault::Common, "{wide}");
        }
    }

    #[test]
    fn context_words_are_refused_whatever_their_case() {
        for text in ["ada.lovelace", "Ada.Lovelace@Example.org", "LatchKey"] {
            assert_eq!(judge(text).unwrap_err(), PasswordFault::Guessable, "{text}");
            let wide = fullwidth(text);
            assert_eq!(
                judge(&wide).unwrap_err(),
                PasswordFault::Guessable,
                "{wide}"
            );
        }
        assert!(judge("ada.lovelace1").is_ok());
    }

    #[test]
    fn a_password_is_compared_with_the_address_once_its_owner_is_known() {
        let email = Email::parse("ada.lovelace@example.org").unwrap();
        for text in ["ada.lovelace", "Ada.Lovelace@Example.org"] {
            let unowned = policy().judge_unowned(text.to_owned()).unwrap();
            let fault = unowned.owned_by(&email).unwrap_err();
            assert_eq!(fault, PasswordFault::Guessable, "{text}");
        }
        let unowned = policy().judge_unowned("ada.lovelace1".to_owned()).unwrap();
        assert_eq!(unowned.owned_by(&email).unwrap().expose(), "ada.lovelace1");
        for (text, fault) in [
            ("latchkey", PasswordFault::Guessable),
            ("password1", PasswordFault::Common),
            ("short", PasswordFault::TooShort),
        ] {
            let judged = policy().judge_unowned(text.to_owned());
            assert_eq!(judged.unwrap_err(), fault, "{text}");
        }
    }

    #[test]
    fn a_presented_password_is_not_judged() {
        for text in ["x", "password", &"a".repeat(8_192)] {
            let password = PresentedPassword::parse(text.to_owned()).unwrap();
            assert_eq!(password.expose(), text);
        }
        assert_eq!(
            PresentedPassword::parse(String::new()).unwrap_err(),
            PasswordFault::TooShort
        );
    }

    #[test]
    fn passwords_are_redacted_in_debug_output() {
        let presented = PresentedPassword::parse("hunter22".to_owned()).unwrap();
        assert_eq!(format!("{presented:?}"), "PresentedPassword(…)");
    }
}
