//! A session: one login on one device, and the whole family of its refresh tokens.
//!
//! Its rules (rotation, grace, reuse, ends) are the conditions of `store`, which one transaction
//! decides: a decision made here, after a read, could be overtaken before the write.

pub mod device;
pub mod keys;
pub mod token;

use super::id::{SessionId, TokenId, UserId};
use super::time::{Seconds, UnixSeconds};

/// The most sessions of a user that are live at once; the least recently used one ends.
pub const MAX_LIVE_SESSIONS: usize = 20;
/// How much of a `User-Agent` is kept, in characters.
const MAX_USER_AGENT_CHARS: usize = 256;

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionPolicy {
    /// A session that is not refreshed for this long is over.
    pub idle: Seconds,
    /// A session is over this long after the login, whatever happens.
    pub absolute: Seconds,
    /// How long after a rotation the predecessor is answered with the same successor.
    pub grace: Seconds,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The person logged out.
    Logout,
    /// A login on the same device carried it.
    Replaced,
    /// The user had more than [`MAX_LIVE_SESSIONS`].
    Evicted,
    /// The password changed.
    PasswordChanged,
    /// A refresh token was presented that had been superseded: somebody has a copy.
    Reuse,
    /// The person ended it from another session.
    Revoked,
    /// The account was deactivated.
    Deactivated,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Logout,
        Self::Replaced,
        Self::Evicted,
        Self::PasswordChanged,
        Self::Reuse,
        Self::Revoked,
        Self::Deactivated,
    ];

    /// The word that the database keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Replaced => "replaced",
            Self::Evicted => "evicted",
            Self::PasswordChanged => "password_changed",
            Self::Reuse => "reuse",
            Self::Revoked => "revoked",
            Self::Deactivated => "deactivated",
        }
    }
}

/// Where a login came from, for the person's own list of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The `User-Agent` header, cut to 256 characters, without control characters.
    pub user_agent: Option<String>,
    /// Two letters (ISO 3166-1, or the network's own codes such as `T1`).
    pub country: Option<String>,
}

impl Device {
    /// Keeps what is fit to be shown again.
    #[must_use]
    pub fn new(user_agent: Option<&str>, country: Option<&str>) -> Self {
        let clean = |text: &str| -> String {
            text.chars()
                .filter(|character| !character.is_control())
                .take(MAX_USER_AGENT_CHARS)
                .collect()
        };
        Self {
            user_agent: user_agent.map(clean).filter(|text| !text.is_empty()),
            country: country
                .filter(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphanumeric()))
                .map(str::to_ascii_uppercase),
        }
    }
}

/// Which session: its row's key. A caller is known by it, and so are the sessions that a request's
/// cookies name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionKey {
    /// Whose session it is.
    pub user: UserId,
    /// The session's id: the `sid` of its tokens.
    pub id: SessionId,
}

/// What a pair of tokens follows from: a session's current generation. The same grant gives the
/// same bytes.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The session.
    pub session: SessionKey,
    /// The user's role.
    pub role: String,
    /// The id of the current refresh token.
    pub refresh_id: TokenId,
    /// When the current refresh token was issued.
    pub issued_at: UnixSeconds,
    /// When the current refresh token expires.
    pub expires_at: UnixSeconds,
}

/// A session that has neither ended nor expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The `sid` of its tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The id of the one refresh token that rotates.
    pub refresh_id: TokenId,
    /// When the person logged in.
    pub created_at: UnixSeconds,
    /// Login or last rotation.
    pub last_used_at: UnixSeconds,
    /// Over from here on unless it is refreshed; never after `absolute_expires_at`.
    pub idle_expires_at: UnixSeconds,
    /// Over from here on.
    pub absolute_expires_at: UnixSeconds,
    /// Where the login came from.
    pub device: Device,
}

/// What a session begins with.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session's id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The id of its first refresh token.
    pub refresh_id: TokenId,
    /// Where the login came from.
    pub device: Device,
}

impl NewSession {
    /// The session that begins at `now`.
    #[must_use]
    pub fn begin(self, policy: SessionPolicy, now: UnixSeconds) -> Session {
        let absolute_expires_at = now.plus(policy.absolute);
        Session {
            id: self.id,
            user: self.user,
            refresh_id: self.refresh_id,
            created_at: now,
            last_used_at: now,
            idle_expires_at: now.plus(policy.idle).min(absolute_expires_at),
            absolute_expires_at,
            device: self.device,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Device;

    #[test]
    fn a_device_keeps_nothing_that_could_forge_output() {
        let device = Device::new(Some("Mozilla\r\n\u{1b}[31m/5.0"), Some("de"));
        assert_eq!(device.user_agent.as_deref(), Some("Mozilla[31m/5.0"));
        assert_eq!(device.country.as_deref(), Some("DE"));
        let device = Device::new(Some(&"x".repeat(1_000)), Some("DEU"));
        assert_eq!(device.user_agent.map(|text| text.len()), Some(256));
        assert_eq!(device.country, None);
        assert_eq!(Device::new(Some("\n"), None), Device::default());
    }
}
