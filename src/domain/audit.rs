//! The audit log: what happened to an account, when, and from where.
//!
//! It holds no secret, and no address in clear: a client is a keyed hash of its prefix.

use core::fmt;

use serde::Serialize;

use super::id::{SessionId, UserId};
use super::throttle::ThrottleKey;
use super::time::{Seconds, UnixSeconds};

/// Refusals of one kind about one user within this long share a row, so that whoever is
/// refused cannot fill the log.
pub const WINDOW: Seconds = Seconds::new(3_600);

/// Nobody has more events of one second: a cursor that says so would only make the database
/// count.
const MAX_GIVEN: u32 = 10_000;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditEvent {
    /// The account came to be.
    Registered,
    /// A session began.
    LoggedIn,
    /// A password was refused at login; without a user, the address is nobody's.
    LoginFailed,
    /// A session ended because the person said so, from within it.
    LoggedOut,
    /// A session ended for another reason, which stands beside it.
    SessionEnded,
    /// A superseded refresh token came back, and its session ended.
    RefreshReused,
    /// The password changed, and every session ended.
    PasswordChanged,
    /// The current password was refused at a change of it.
    WrongCurrentPassword,
    /// The stored hash was replaced by one of today's setting, of the same password.
    HashUpgraded,
    /// A request was refused because of too many before it.
    Throttled,
    /// A request that another site had a browser send was refused.
    CrossSiteRefused,
}

impl AuditEvent {
    /// Every event.
    pub const ALL: [Self; 11] = [
        Self::Registered,
        Self::LoggedIn,
        Self::LoginFailed,
        Self::LoggedOut,
        Self::SessionEnded,
        Self::RefreshReused,
        Self::PasswordChanged,
        Self::WrongCurrentPassword,
        Self::HashUpgraded,
        Self::Throttled,
        Self::CrossSiteRefused,
    ];

    /// The word that the database keeps and answers carry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::LoggedIn => "logged_in",
            Self::LoginFailed => "login_failed",
            Self::LoggedOut => "logged_out",
            Self::SessionEnded => "session_ended",
            Self::RefreshReused => "refresh_reused",
            Self::PasswordChanged => "password_changed",
            Self::WrongCurrentPassword => "wrong_current_password",
            Self::HashUpgraded => "hash_upgraded",
            Self::Throttled => "throttled",
            Self::CrossSiteRefused => "cross_site_refused",
        }
    }

    /// The event of this word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == text)
    }
}

impl Serialize for AuditEvent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// When and from where: what stands beside every event.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The time of the request.
    pub at: UnixSeconds,
    /// The request's id.
    pub request_id: String,
    /// The client's prefix, as a keyed hash.
    pub client: ThrottleKey,
    /// Its country, if known.
    pub country: Option<String>,
}

/// An event, as it is read back.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// What happened.
    pub event: AuditEvent,
    /// The session that it is about.
    pub session: Option<SessionId>,
    /// Of [`AuditEvent::SessionEnded`].
    pub reason: Option<String>,
    /// When; of several, the first.
    pub at: UnixSeconds,
    /// Of several, the last.
    pub last_at: UnixSeconds,
    /// How many.
    pub count: u32,
    /// The country; of several, that of the last.
    pub country: Option<String>,
    /// The request's id; of several, that of the last.
    pub request_id: String,
}

/// Whether refusals at these times share a row.
#[must_use]
pub fn is_same_window(one: UnixSeconds, other: UnixSeconds) -> bool {
    window(one) == window(other)
}

fn window(at: UnixSeconds) -> i64 {
    at.get().div_euclid(i64::from(WINDOW.get()))
}

/// The row that refusals of one kind, one user and one hour share.
#[must_use]
pub fn bucket(event: AuditEvent, user: Option<UserId>, at: UnixSeconds) -> String {
    let window = window(at);
    let user = user.map_or_else(|| "-".to_owned(), |user| user.to_string());
    format!("{}:{user}:{window}", event.as_str())
}

/// Where a page of events goes on: at this second, behind this many events of it. It says
/// nothing about anybody else's events, as a row's number would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditCursor {
    /// The second of the last event that was given.
    pub at: UnixSeconds,
    /// How many events of that second were given.
    pub given: u32,
}

impl AuditCursor {
    /// The newest event there can be.
    pub const START: Self = Self {
        at: UnixSeconds::new(i64::MAX >> 11), // 2^52: D1 takes doubles
        given: 0,
    };

    /// Reads the one spelling that [`fmt::Display`] gives.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (at, given) = text.split_once('-')?;
        let cursor = Self {
            at: UnixSeconds::new(at.parse().ok()?),
            given: given.parse().ok()?,
        };
        let is_ours = cursor.at <= Self::START.at && cursor.given <= MAX_GIVEN;
        (is_ours && cursor.to_string() == text).then_some(cursor)
    }

    /// The cursor behind `page`, which began at `self`.
    #[must_use]
    pub fn behind(self, page: &[AuditEntry]) -> Self {
        let Some(last) = page.last() else {
            return self;
        };
        let same = page.iter().filter(|entry| entry.at == last.at).count();
        let before = if self.at == last.at { self.given } else { 0 };
        Self {
            at: last.at,
            given: before.saturating_add(u32::try_from(same).unwrap_or(u32::MAX)),
        }
    }
}

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.get(), self.given)
    }
}

#[cfg(test)]
mod tests {
    use super::{AuditCursor, AuditEntry, AuditEvent, bucket};
    use crate::domain::id::UserId;
    use crate::domain::time::UnixSeconds;

    fn entry(at: i64) -> AuditEntry {
        AuditEntry {
            event: AuditEvent::LoggedIn,
            session: None,
            reason: None,
            at: UnixSeconds::new(at),
            last_at: UnixSeconds::new(at),
            count: 1,
            country: None,
            request_id: String::new(),
        }
    }

    #[test]
    fn every_event_has_a_word_of_its_own() {
        for event in AuditEvent::ALL {
            assert_eq!(AuditEvent::parse(event.as_str()), Some(event));
        }
        assert_eq!(AuditEvent::parse("Registered"), None);
    }

    #[test]
    fn refusals_share_a_row_by_kind_user_and_hour() {
        let user = Some(UserId::new(0, &[1; 10]));
        let at = UnixSeconds::new;
        let one = bucket(AuditEvent::LoginFailed, user, at(7_200));
        assert_eq!(one, bucket(AuditEvent::LoginFailed, user, at(10_799)));
        for other in [
            bucket(AuditEvent::LoginFailed, user, at(10_800)),
            bucket(AuditEvent::LoginFailed, user, at(7_199)),
            bucket(AuditEvent::LoginFailed, None, at(7_200)),
            bucket(AuditEvent::Throttled, user, at(7_200)),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_cursor_has_one_spelling() {
        let cursor = AuditCursor::parse("1795251600-2").unwrap();
        assert_eq!((cursor.at.get(), cursor.given), (1_795_251_600, 2));
        for text in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "01-2",
            "1-02",
            "+1-2",
            "1-+2",
            "1-2-3",
            " 1-2",
            "1-4294967296",
            "1-10001",
            "9223372036854775807-0",
            "4503599627370496-0",
        ] {
            assert_eq!(AuditCursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_cursor_counts_what_was_given_of_its_second() {
        let start = AuditCursor::START;
        assert_eq!(start.behind(&[]), start);
        let first = start.behind(&[entry(9), entry(8), entry(8)]);
        assert_eq!(first.to_string(), "8-2");
        let second = first.behind(&[entry(8), entry(8)]);
        assert_eq!(second.to_string(), "8-4");
        assert_eq!(second.behind(&[entry(8), entry(7)]).to_string(), "7-1");
    }
}
