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
pub(super) mod tests;
