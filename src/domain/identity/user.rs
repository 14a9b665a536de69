//! Users, roles, and what others are told of them.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::email::Email;
use crate::domain::id::UserId;
use crate::domain::time::UnixSeconds;

/// The longest display name, in code points.
const MAX_NAME_CODE_POINTS: usize = 100;
/// The longest role slug, in bytes: it travels in every access token.
const MAX_ROLE_SLUG_BYTES: usize = 64;

/// A display name: 1 to 100 code points, trimmed; one of them at least can be seen, and none
/// rearranges the text around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserName(String);

/// Why a string is not a display name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidName {
    /// There is nothing in it that anybody would see.
    Invisible,
    /// More than 100 code points.
    TooLong,
    /// A control character, a line separator or a bidirectional override: it would forge lines,
    /// or turn the text around it, wherever the name is printed.
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
        if name.chars().any(controls_text) {
            return Err(InvalidName::ControlCharacter);
        }
        if !name.chars().any(is_visible) {
            return Err(InvalidName::Invisible);
        }
        if name.chars().count() > MAX_NAME_CODE_POINTS {
            return Err(InvalidName::TooLong);
        }
        Ok(Self(name.to_owned()))
    }

    /// The trimmed name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character acts on the text around it instead of being a part of it.
///
/// The marks U+200E, U+200F and U+061C are not among them: they order the signs within a
/// Hebrew or Arabic name, and reach no further.
fn controls_text(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Line and paragraph separator.
            '\u{2028}' | '\u{2029}'
            // Bidirectional embeddings, overrides and isolates (UAX #9, section 2), the
            // characters of "Trojan Source", CVE-2021-42574.
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Whether a character shows by itself: no white space, no format character, no mark that
/// needs another character, and nothing unassigned or private.
fn is_visible(character: char) -> bool {
    // Letters and symbols whose glyph is blank: the Hangul fillers, the empty Braille pattern,
    // the object replacement character, an empty note head, and two Egyptian blanks.
    let is_blank = matches!(
        character,
        '\u{115f}'
            | '\u{1160}'
            | '\u{3164}'
            | '\u{ffa0}'
            | '\u{2800}'
            | '\u{fffc}'
            | '\u{1d159}'
            | '\u{13441}'
            | '\u{13442}'
    );
    // Debug output escapes as \u{…} what cannot be printed or extends another character: the
    // standard library has the tables.
    let is_escaped = character.escape_debug().nth(1) == Some('u');
    !is_blank && !is_escaped && !character.is_whitespace()
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
mod tests;
