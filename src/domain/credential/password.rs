//! Plain passwords: which may be presented, and which may be chosen.
//!
//! A password is never trimmed, truncated or case-folded (ASVS 5.0, 6.2.8). It is checked, compared
//! and hashed in Unicode's normal form NFKC (NIST SP 800-63B-4, section 3.1.1.2), because keyboards
//! encode one letter in several ways and a password must match on every device. A plain password is
//! always one of these types. It is never printed and never stored.

use core::fmt;

use super::breach::PasswordDigest;
use super::common_passwords;
use crate::domain::identity::email::Email;

/// The longest new password, in code points (NIST SP 800-63B-4 requires at least 64).
pub const MAX_CODE_POINTS: usize = 128;
/// The name of the service, which is too easy to guess.
const SERVICE_NAME: &str = "latchkey";

/// Unicode's NFKC (UAX 15). Its tables are large, so the platform's implementation is used.
pub type Normalise = fn(&str) -> String;

/// A password that is presented as proof, exactly as it was sent and not checked.
///
/// Today's bounds do not apply: the minimum may have been raised since the password was chosen, and
/// other systems allow longer ones. The request's body is the only bound: a hash of 8 KiB takes no
/// longer than one of 8 bytes, because each algorithm first digests or truncates the password.
pub struct PresentedPassword(String);

/// A chosen password in its normal form that satisfies the whole policy.
pub struct NewPassword(String);

/// A chosen password in its normal form, of a user whose address is not known yet. It satisfies
/// every rule that does not depend on the address, and cannot be hashed.
pub struct UnownedPassword(String);

/// The rule that a password breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// The password has fewer code points than the policy requires.
    TooShort,
    /// The password has more than 128 code points.
    TooLong,
    /// The password is the address, its local part, or the name of the service.
    Guessable,
    /// The password is on a list of common passwords, or follows a rule that attackers know.
    Common,
}

/// What a new password must satisfy.
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    /// The minimum number of code points, at least 8.
    pub min_code_points: usize,
    normalise: Normalise,
}

impl PresentedPassword {
    /// Wraps a password as it was sent.
    ///
    /// # Errors
    ///
    /// Returns [`PasswordFault::TooShort`] when it is empty: no account has an empty password.
    pub fn parse(text: String) -> Result<Self, PasswordFault> {
        if text.is_empty() {
            return Err(PasswordFault::TooShort);
        }
        Ok(Self(text))
    }

    /// Returns the plain password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PasswordPolicy {
    /// Creates a policy with this minimum number of code points. Without [`Self::with_nfkc`], every
    /// password is its own normal form.
    #[must_use]
    pub const fn new(min_code_points: usize) -> Self {
        Self {
            min_code_points,
            normalise: str::to_owned,
        }
    }

    /// Sets the implementation of Unicode's NFKC, which the platform provides.
    #[must_use]
    pub const fn with_nfkc(self, normalise: Normalise) -> Self {
        Self { normalise, ..self }
    }

    /// Checks a password that the owner of `email` chooses.
    ///
    /// The length is the smaller of the code points as sent and in the normal form: a letter and
    /// its accent are one character, and a ligature that the normal form expands to 18 is one as
    /// well.
    ///
    /// # Errors
    ///
    /// Returns the first rule that the password breaks.
    pub fn judge(&self, text: String, email: &Email) -> Result<NewPassword, PasswordFault> {
        self.judged(text, Some(email)).map(NewPassword)
    }

    /// Checks a password against the rules that do not depend on its owner's address.
    ///
    /// # Errors
    ///
    /// Returns the first rule that the password breaks.
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

    /// Returns whether the new password is the current one, possibly in another spelling.
    #[must_use]
    pub fn is_unchanged(&self, current: &PresentedPassword, new: &UnownedPassword) -> bool {
        normal_form(current.0.clone(), self.normalise) == new.0
    }
}

impl NewPassword {
    /// Returns the plain password, in its normal form.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the password's hash for the breach check.
    #[must_use]
    pub fn digest(&self) -> PasswordDigest {
        PasswordDigest::of(&self.0)
    }
}

impl UnownedPassword {
    /// Checks the password against the address of its owner.
    ///
    /// # Errors
    ///
    /// Returns [`PasswordFault::Guessable`] when it is the address or its local part.
    pub fn owned_by(self, email: &Email) -> Result<NewPassword, PasswordFault> {
        if names(&self.0, email) {
            return Err(PasswordFault::Guessable);
        }
        Ok(NewPassword(self.0))
    }

    /// Returns the password's hash for the breach check.
    #[must_use]
    pub fn digest(&self) -> PasswordDigest {
        PasswordDigest::of(&self.0)
    }
}

/// Returns whether a password is an address or its local part, in any case.
fn names(password: &str, email: &Email) -> bool {
    [email.as_str(), email.local_part()]
        .iter()
        .any(|word| password.eq_ignore_ascii_case(word))
}

/// Returns the normal form of a text. ASCII is its own normal form.
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
