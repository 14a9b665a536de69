//! Users, roles, and what others are told of them.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::email::Email;
use super::id::UserId;
use super::time::UnixSeconds;

/// The longest display name, in code points.
const MAX_NAME_CODE_POINTS: usize = 100;
/// The longest role slug, in bytes: it travels in every access token.
const MAX_ROLE_SLUG_BYTES: usize = 64;

/// A display name: 1 to 100 code points, trimmed, no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserName(String);

/// Why a string is not a display name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidName {
    /// Nothing is left after trimming.
    Empty,
    /// More than 100 code points.
    TooLong,
    /// A control character: line breaks would forge lines wherever the name is printed.
    ControlCharacter,
}

impl UserName {
    /// Trims and reads a name.
    ///
    /// # Errors
    ///
    /// The first rule of [`InvalidName`] that is broken.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let name = text.trim();
        if name.chars().any(char::is_control) {
            return Err(InvalidName::ControlCharacter);
        }
        match name.chars().count() {
            0 => Err(InvalidName::Empty),
            1..=MAX_NAME_CODE_POINTS => Ok(Self(name.to_owned())),
            _ => Err(InvalidName::TooLong),
        }
    }

    /// The trimmed name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A role's stable key, such as `application-access`: lower-case letters, digits, hyphens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSlug(String);

impl RoleSlug {
    /// Reads a slug of 1 to 64 bytes; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = (1..=MAX_ROLE_SLUG_BYTES).contains(&text.len())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which of a user's passwords, in the order in which they were chosen. A rehash of the same
/// password keeps it: two devices that log in at once may both rehash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordVersion(pub i64);

/// A user as the database knows one, without the password hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Never reused, not even for a person who registers again.
    pub id: UserId,
    /// Canonical, unique.
    pub email: Email,
    /// What the person wants to be called.
    pub name: Option<String>,
    /// An inactive user cannot log in, refresh or be served.
    pub is_active: bool,
    /// Set by an operator only.
    pub is_superuser: bool,
    /// The key of the role.
    pub role_slug: String,
    /// When the person registered.
    pub created_at: UnixSeconds,
    /// When the row last changed.
    pub updated_at: UnixSeconds,
}

/// What a signed-in person, and the user cache, see of a user: the contract's `UserAuth`.
///
/// It serializes as the wire and the cache carry it; unknown members are refused when it is
/// read back, so that a forged or outdated cache entry is no entry.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// The user's id.
    pub id: UserId,
    /// The display name, or null.
    pub name: Option<String>,
    /// The canonical address.
    pub email: String,
    /// Whether the user may be served.
    pub is_active: bool,
    /// Whether the user is an operator.
    pub is_superuser: bool,
    /// The key of the role.
    pub role_slug: String,
}

// An address identifies a person: it is not for logs.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Profile({})", self.id)
    }
}

impl From<User> for Profile {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            name: user.name,
            email: user.email.as_str().to_owned(),
            is_active: user.is_active,
            is_superuser: user.is_superuser,
            role_slug: user.role_slug,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidName, RoleSlug, UserName};

    #[test]
    fn a_name_is_trimmed_and_counted_in_code_points() {
        assert_eq!(UserName::parse("  Ada  ").unwrap().as_str(), "Ada");
        assert!(UserName::parse(&"é".repeat(100)).is_ok());
        assert_eq!(UserName::parse(&"é".repeat(101)), Err(InvalidName::TooLong));
        assert_eq!(UserName::parse(" \u{a0} "), Err(InvalidName::Empty));
        assert_eq!(
            UserName::parse("Ada\u{1b}[31m"),
            Err(InvalidName::ControlCharacter)
        );
        assert_eq!(
            UserName::parse("Ada\r\nBob"),
            Err(InvalidName::ControlCharacter)
        );
        assert_eq!(
            UserName::parse("A\u{85}da"),
            Err(InvalidName::ControlCharacter)
        );
    }

    #[test]
    fn a_role_slug_is_lower_case_letters_digits_and_hyphens() {
        assert!(RoleSlug::parse("application-access").is_some());
        assert!(RoleSlug::parse(&"a".repeat(64)).is_some());
        for text in ["", "Admin", "a b", "a_b", "ä", &"a".repeat(65)] {
            assert!(RoleSlug::parse(text).is_none(), "{text}");
        }
    }
}
