//! A session: one login on one device, and the whole family of its refresh tokens.
//!
//! This is the state machine in words and in code. The D1 adapter runs the same rules as
//! SQL conditions inside one transaction, because a decision made here, after a read,
//! could be overtaken before the write; the in-memory store of the tests calls these.

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
}

impl EndReason {
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

/// The generation of refresh tokens that a session is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The id of the refresh token that rotates.
    pub current: TokenId,
    /// Its predecessor, and when it was superseded; `None` before the first rotation.
    pub previous: Option<(TokenId, UnixSeconds)>,
}

/// A session's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The `sid` of its tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Which refresh tokens it knows.
    pub generation: Generation,
    /// When the person logged in.
    pub created_at: UnixSeconds,
    /// Login or last rotation.
    pub last_used_at: UnixSeconds,
    /// Over from here on unless it is refreshed; never after `absolute_expires_at`.
    pub idle_expires_at: UnixSeconds,
    /// Over from here on.
    pub absolute_expires_at: UnixSeconds,
    /// When and why it was ended, if it was.
    pub ended: Option<(UnixSeconds, EndReason)>,
    /// Where the login came from.
    pub device: Device,
}

/// What a refresh token is to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// The current one: it rotates.
    Current,
    /// The immediate predecessor, within the grace: it is answered with the successor that
    /// exists, so that two tabs, or a client whose answer was lost, converge on one token.
    WithinGrace,
    /// An older one, or the predecessor after the grace: the family is compromised.
    Superseded,
    /// The session is over; nothing about it changes any more.
    Dead,
}

impl Session {
    /// A session that begins at `now`.
    #[must_use]
    pub fn begin(
        (id, first_token): (SessionId, TokenId),
        user: UserId,
        device: Device,
        policy: SessionPolicy,
        now: UnixSeconds,
    ) -> Self {
        let absolute_expires_at = now.plus(policy.absolute);
        Self {
            id,
            user,
            generation: Generation {
                current: first_token,
                previous: None,
            },
            created_at: now,
            last_used_at: now,
            idle_expires_at: now.plus(policy.idle).min(absolute_expires_at),
            absolute_expires_at,
            ended: None,
            device,
        }
    }

    /// Whether it is neither ended nor expired.
    #[must_use]
    pub fn is_live(&self, now: UnixSeconds) -> bool {
        self.ended.is_none() && now < self.idle_expires_at && now < self.absolute_expires_at
    }

    /// What the refresh token `token` is to this session at `now`.
    #[must_use]
    pub fn judge(&self, token: TokenId, grace: Seconds, now: UnixSeconds) -> Presented {
        if !self.is_live(now) {
            return Presented::Dead;
        }
        if token == self.generation.current {
            return Presented::Current;
        }
        match self.generation.previous {
            Some((previous, rotated_at))
                if token == previous && now.since(rotated_at) <= i64::from(grace.get()) =>
            {
                Presented::WithinGrace
            }
            _ => Presented::Superseded,
        }
    }

    /// Moves to the next generation.
    pub fn rotate(&mut self, successor: TokenId, idle: Seconds, now: UnixSeconds) {
        self.generation = Generation {
            current: successor,
            previous: Some((self.generation.current, now)),
        };
        self.last_used_at = now;
        self.idle_expires_at = now.plus(idle).min(self.absolute_expires_at);
    }

    /// When the current refresh token was issued: at the login, or at the last rotation.
    #[must_use]
    pub fn current_issued_at(&self) -> UnixSeconds {
        self.generation
            .previous
            .map_or(self.created_at, |(_, rotated_at)| rotated_at)
    }
}

#[cfg(test)]
mod tests {
    use super::{Device, EndReason, Presented, Session, SessionPolicy};
    use crate::domain::id::{SessionId, TokenId, UserId};
    use crate::domain::time::{Seconds, UnixSeconds};

    const GRACE: Seconds = Seconds::new(10);
    const POLICY: SessionPolicy = SessionPolicy {
        idle: Seconds::new(100),
        absolute: Seconds::new(250),
        grace: GRACE,
    };

    fn token(number: u8) -> TokenId {
        TokenId::from_random([number; 16])
    }

    fn at(seconds: i64) -> UnixSeconds {
        UnixSeconds::new(seconds)
    }

    fn session() -> Session {
        Session::begin(
            (SessionId::from_random([0; 16]), token(1)),
            UserId::new(0, &[0; 10]),
            Device::default(),
            POLICY,
            at(0),
        )
    }

    #[test]
    fn the_immediate_predecessor_is_forgiven_within_the_grace_only() {
        let mut session = session();
        assert_eq!(session.judge(token(1), GRACE, at(5)), Presented::Current);
        session.rotate(token(2), POLICY.idle, at(5));
        assert_eq!(session.judge(token(2), GRACE, at(5)), Presented::Current);
        assert_eq!(
            session.judge(token(1), GRACE, at(15)),
            Presented::WithinGrace
        );
        assert_eq!(
            session.judge(token(1), GRACE, at(16)),
            Presented::Superseded
        );
        session.rotate(token(3), POLICY.idle, at(6));
        assert_eq!(session.judge(token(1), GRACE, at(6)), Presented::Superseded);
        assert_eq!(
            session.judge(token(2), GRACE, at(6)),
            Presented::WithinGrace
        );
        assert_eq!(session.judge(token(9), GRACE, at(6)), Presented::Superseded);
    }

    #[test]
    fn a_session_is_over_when_idle_and_in_any_case_at_the_absolute_end() {
        let mut session = session();
        assert!(session.is_live(at(99)));
        assert!(!session.is_live(at(100)));
        session.rotate(token(2), POLICY.idle, at(90));
        assert!(session.is_live(at(189)));
        session.rotate(token(3), POLICY.idle, at(180));
        assert_eq!(session.idle_expires_at, at(250));
        assert!(session.is_live(at(249)));
        assert!(!session.is_live(at(250)));
        assert_eq!(session.judge(token(3), GRACE, at(250)), Presented::Dead);
    }

    #[test]
    fn an_ended_session_is_dead_for_every_token() {
        let mut session = session();
        session.ended = Some((at(1), EndReason::Logout));
        for number in 1..4 {
            assert_eq!(session.judge(token(number), GRACE, at(1)), Presented::Dead);
        }
    }

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
