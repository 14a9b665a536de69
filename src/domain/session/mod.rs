//! A session: one login on one device, and the family of all its refresh tokens.
//!
//! The rules (rotation, grace, reuse, ends) are conditions in the statements of `store`, decided in
//! one transaction. A decision made here after a read could be outdated before the write.

pub mod device;
pub mod keys;
pub mod token;

use super::id::{SessionId, TokenId, UserId};
use super::time::{Seconds, UnixSeconds};

/// The most live sessions that a user may have. A login beyond it ends the least recently used one.
pub const MAX_LIVE_SESSIONS: usize = 20;
/// How many characters of a `User-Agent` are stored.
const MAX_USER_AGENT_CHARS: usize = 256;

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionPolicy {
    /// How long after its last refresh a session expires.
    pub idle: Seconds,
    /// How long after the login a session expires in any case.
    pub absolute: Seconds,
    /// How long after a rotation the predecessor gets the same pair again.
    pub grace: Seconds,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The user logged out.
    Logout,
    /// The session's cookies accompanied a new login.
    Replaced,
    /// The user had more than [`MAX_LIVE_SESSIONS`] sessions.
    Evicted,
    /// The password changed.
    PasswordChanged,
    /// A superseded refresh token was presented: the token has been copied.
    Reuse,
    /// The user ended it from another session.
    Revoked,
    /// The account was deactivated.
    Deactivated,
    /// The address changed, and another session had asked for it.
    EmailChanged,
    /// A login by mail proved the address for the first time: earlier sessions may be a stranger's.
    EmailVerified,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::Logout,
        Self::Replaced,
        Self::Evicted,
        Self::PasswordChanged,
        Self::Reuse,
        Self::Revoked,
        Self::Deactivated,
        Self::EmailChanged,
        Self::EmailVerified,
    ];

    /// Returns the word that the database stores.
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
            Self::EmailChanged => "email_changed",
            Self::EmailVerified => "email_verified",
        }
    }
}

/// The device and country of a login, for the user's list of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The `User-Agent` header, at most 256 characters, without control characters.
    pub user_agent: Option<String>,
    /// Two letters or digits (ISO 3166-1, or the network's own codes such as `T1`).
    pub country: Option<String>,
}

impl Device {
    /// Keeps only what can be displayed safely.
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

/// The key of a session's row. It identifies a caller, and the sessions that a request's cookies
/// name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionKey {
    /// The user whose session it is.
    pub user: UserId,
    /// The session's id: the `sid` of its tokens.
    pub id: SessionId,
}

/// What a pair of tokens is derived from: the current generation of a session. The same grant
/// yields the same bytes.
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

/// A live session: neither ended nor expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The `sid` of its tokens.
    pub id: SessionId,
    /// The user whose session it is.
    pub user: UserId,
    /// The id of the current refresh token, the only one that rotates.
    pub refresh_id: TokenId,
    /// When the user logged in.
    pub created_at: UnixSeconds,
    /// When the user logged in or last refreshed the session.
    pub last_used_at: UnixSeconds,
    /// When the session expires unless it is refreshed; never after `absolute_expires_at`.
    pub idle_expires_at: UnixSeconds,
    /// When the session expires in any case.
    pub absolute_expires_at: UnixSeconds,
    /// The device and country of the login.
    pub device: Device,
}

/// What a session begins with.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session's id.
    pub id: SessionId,
    /// The user whose session it is.
    pub user: UserId,
    /// The id of its first refresh token.
    pub refresh_id: TokenId,
    /// The device and country of the login.
    pub device: Device,
}

impl NewSession {
    /// Returns the session that begins at `now`.
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
