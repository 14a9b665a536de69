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
    /// The display name changed.
    Renamed,
    /// The account was deactivated, and every session ended.
    Deactivated,
    /// The account was activated again.
    Reactivated,
    /// The role, or being a superuser, changed.
    RoleChanged,
    /// The address changed.
    EmailChanged,
    /// The account was deleted.
    Deleted,
}

impl AuditEvent {
    /// Every event.
    pub const ALL: [Self; 17] = [
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
        Self::Renamed,
        Self::Deactivated,
        Self::Reactivated,
        Self::RoleChanged,
        Self::EmailChanged,
        Self::Deleted,
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
            Self::Renamed => "renamed",
            Self::Deactivated => "deactivated",
            Self::Reactivated => "reactivated",
            Self::RoleChanged => "role_changed",
            Self::EmailChanged => "email_changed",
            Self::Deleted => "deleted",
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

/// Who changes an account: a request to the service. A change without a trace is by hand.
const ACTOR: &str = "user";

impl Trace {
    /// What a changed row carries for the triggers of the audit log; `session` is the one that a
    /// change of the user is about. The same request gives the same text.
    #[must_use]
    pub fn to_json(&self, session: Option<SessionId>) -> String {
        let body = TraceBody {
            at: self.at,
            actor: ACTOR,
            session,
            country: self.country.as_deref(),
            client: self.client.as_str(),
            request: &self.request_id,
        };
        // Texts and numbers are always written.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct TraceBody<'a> {
    at: UnixSeconds,
    actor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    client: &'a str,
    request: &'a str,
}

/// An event, as it is read back.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Its number among the user's events, in the order in which they took effect.
    pub number: i64,
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
    /// Who did it: `user`, through the service, or `database`, by hand.
    pub actor: String,
    /// The country; of several, that of the last.
    pub country: Option<String>,
    /// The request's id; of several, that of the last.
    pub request_id: Option<String>,
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

/// Where a page of events goes on: before the event of this number among the user's own. It says
/// nothing about the events of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditCursor(i64);

impl AuditCursor {
    /// The newest event there can be.
    pub const START: Self = Self(1 << 52); // D1 takes doubles

    /// Reads the one spelling that [`fmt::Display`] gives.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let cursor = Self(text.parse().ok()?);
        let is_ours = (0..=Self::START.0).contains(&cursor.0);
        (is_ours && cursor.to_string() == text).then_some(cursor)
    }

    /// The number before which the page begins.
    #[must_use]
    pub const fn before(self) -> i64 {
        self.0
    }

    /// The cursor behind `page`, which began at `self`.
    #[must_use]
    pub fn behind(self, page: &[AuditEntry]) -> Self {
        page.last().map_or(self, |last| Self(last.number))
    }
}

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
