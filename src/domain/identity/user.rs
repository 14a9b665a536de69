//! Users, roles, and what a client sees of them.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::email::Email;
use crate::domain::id::UserId;
use crate::domain::time::UnixSeconds;

/// The longest display name, in code points.
pub const MAX_NAME_CODE_POINTS: usize = 100;
/// The longest role slug, in bytes. Every access token contains it.
const MAX_ROLE_SLUG_BYTES: usize = 64;

/// A display name: 1 to 100 code points, trimmed. At least one is visible, and none rearranges the
/// text around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserName(String);

/// The rule that a display name breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidName {
    /// The name contains no visible character.
    Invisible,
    /// The name has more than 100 code points.
    TooLong,
    /// The name contains a control character, a line separator or a bidirectional override, which
    /// could forge lines or reorder the surrounding text wherever the name is printed.
    ControlCharacter,
}

impl UserName {
    /// Trims and parses a name.
    ///
    /// # Errors
    ///
    /// Returns the first rule that the name breaks.
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

    /// Returns the trimmed name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a character affects the text around it.
///
/// The marks U+200E, U+200F and U+061C are not included: they order characters within a Hebrew or
/// Arabic name, and do not reach beyond it.
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

/// Returns whether a character is visible by itself: not white space, a format character, a
/// combining mark, unassigned or private.
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
    // `escape_debug` escapes as \u{…} what is not printable or extends another character: the
    // standard library has the tables.
    let is_escaped = character.escape_debug().nth(1) == Some('u');
    !is_blank && !is_escaped && !character.is_whitespace()
}

/// A role's stable key, such as `application-access`: lower-case letters, digits, hyphens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSlug(String);

impl RoleSlug {
    /// Parses a slug of 1 to 64 bytes. `None` when the text is not a slug.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = (1..=MAX_ROLE_SLUG_BYTES).contains(&text.len())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        well_formed.then(|| Self(text.to_owned()))
    }

    /// Returns the slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The number of a user's password, counted in the order in which they were chosen. A rehash of the
/// same password keeps it, because two devices that log in at once may both rehash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordVersion(pub i64);

/// A user as stored in the database, without the password hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Never reused, even if the same person registers again.
    pub id: UserId,
    /// Canonical and unique.
    pub email: Email,
    /// The display name.
    pub name: Option<String>,
    /// An inactive user can neither log in nor refresh, and their requests are refused.
    pub is_active: bool,
    /// Set by an operator only.
    pub is_superuser: bool,
    /// The key of the role.
    pub role_slug: String,
    /// When the user registered.
    pub created_at: UnixSeconds,
    /// When the row last changed.
    pub updated_at: UnixSeconds,
}

/// What the user's own client and the cache see of a user: `UserAuth` in docs/http.md.
///
/// Its serialized form is that of the wire and of the cache. Unknown members are rejected on
/// reading, so a forged or outdated cache entry is ignored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = UserAuth, description = "The user, as their own client sees them."))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// The user's id.
    pub id: UserId,
    /// The display name, or null.
    pub name: Option<String>,
    /// The canonical address.
    pub email: String,
    /// Whether the account is active.
    pub is_active: bool,
    /// Whether the user is a superuser.
    pub is_superuser: bool,
    /// The key of the role.
    pub role_slug: String,
}

// Personal data: an address must not appear in logs.
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
