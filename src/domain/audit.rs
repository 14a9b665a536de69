//! The audit log: what happened to an account, when, and from where.
//!
//! It contains neither secrets nor plain addresses: a client appears as a keyed hash of its
//! prefix.

use core::fmt;

use serde::Serialize;

use super::id::{SessionId, UserId};
use super::throttle::ThrottleKey;
use super::time::{Seconds, UnixSeconds};

/// Refusals of one kind about one user within this long share a row, so that a caller who is
/// refused cannot fill the log.
pub const WINDOW: Seconds = Seconds::new(3_600);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditEvent {
    /// The user registered.
    Registered,
    /// A session began.
    LoggedIn,
    /// A password was refused at login. Without a user, the address is not registered.
    LoginFailed,
    /// A session ended because its user logged out.
    LoggedOut,
    /// A session ended for another reason, which the event carries.
    SessionEnded,
    /// A superseded refresh token was presented, and its session ended.
    RefreshReused,
    /// The password changed, and every session ended.
    PasswordChanged,
    /// The current password was wrong when the user tried to change it.
    WrongCurrentPassword,
    /// A hash of the same password at today's cost replaced the stored hash.
    HashUpgraded,
    /// A request was refused because of too many before it.
    Throttled,
    /// A request that another site made a browser send was refused.
    CrossSiteRefused,
    /// The display name changed.
    Renamed,
    /// The account was deactivated, and every session ended.
    Deactivated,
    /// The account was activated again.
    Reactivated,
    /// The role or `is_superuser` changed.
    RoleChanged,
    /// The user's address changed.
    EmailChanged,
    /// The account was deleted.
    Deleted,
    /// The user proved that the address reaches them.
    EmailVerified,
    /// A mail about the account was decided; the event carries its kind as the reason.
    MailQueued,
    /// A link in a mail replaced the password, and every session ended.
    PasswordReset,
    /// A link in a mail took the password away, and every session ended: only a reset leads back.
    PasswordRemoved,
}

impl AuditEvent {
    /// Every event, in the order of declaration.
    pub const ALL: [Self; 21] = [
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
        Self::EmailVerified,
        Self::MailQueued,
        Self::PasswordReset,
        Self::PasswordRemoved,
    ];

    /// Returns the word that the database stores and answers contain.
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
            Self::EmailVerified => "email_verified",
            Self::MailQueued => "mail_queued",
            Self::PasswordReset => "password_reset",
            Self::PasswordRemoved => "password_removed",
        }
    }

    /// Returns the event with this word, if there is one.
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

/// When and from where: the context of every event.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The time of the request.
    pub at: UnixSeconds,
    /// The id of the request.
    pub request_id: String,
    /// The client's prefix, as a keyed hash.
    pub client: ThrottleKey,
    /// The client's country, if known.
    pub country: Option<String>,
}

/// The actor of a change that a request makes. A change without a trace is made by hand.
const ACTOR: &str = "user";
/// How the proof of a change arrived, where that was not a password or a session.
const BY_MAIL: &str = "mail";

impl Trace {
    /// Returns the JSON that a changed row carries for the triggers of the audit log. `session` is
    /// the session that a change of the user is about. One request always yields the same text.
    #[must_use]
    pub fn to_json(&self, session: Option<SessionId>) -> String {
        self.json(session, None)
    }

    /// Returns the JSON of a change that a link in a mail makes.
    #[must_use]
    pub fn to_json_by_mail(&self) -> String {
        self.json(None, Some(BY_MAIL))
    }

    fn json(&self, session: Option<SessionId>, via: Option<&'static str>) -> String {
        let body = TraceBody {
            at: self.at,
            actor: ACTOR,
            via,
            session,
            country: self.country.as_deref(),
            client: self.client.as_str(),
            request: &self.request_id,
        };
        // Strings and numbers always serialize.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct TraceBody<'a> {
    at: UnixSeconds,
    actor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    client: &'a str,
    request: &'a str,
}

/// An event, as it is read from the log.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// The event's number among those of its user, in the order in which they took effect.
    pub number: i64,
    /// What happened.
    pub event: AuditEvent,
    /// The session that the event is about.
    pub session: Option<SessionId>,
    /// Why the session ended, for [`AuditEvent::SessionEnded`]; the kind, for
    /// [`AuditEvent::MailQueued`].
    pub reason: Option<String>,
    /// When it happened. For a row of several refusals, when the first one did.
    pub at: UnixSeconds,
    /// When the last of the row happened: refusals of an hour share one, and so do new names.
    pub last_at: UnixSeconds,
    /// The number of refusals or of new names in the row, 1 for any other event.
    pub count: u32,
    /// Who made the change: `user`, through the service, or `database`, by hand.
    pub actor: String,
    /// The country of the client, in the last of the row.
    pub country: Option<String>,
    /// The id of the request, in the last of the row.
    pub request_id: Option<String>,
}

/// Returns whether refusals at these two times share a row.
#[must_use]
pub fn is_same_window(one: UnixSeconds, other: UnixSeconds) -> bool {
    window(one) == window(other)
}

fn window(at: UnixSeconds) -> i64 {
    at.get().div_euclid(i64::from(WINDOW.get()))
}

/// Returns the key of the row that refusals of one kind, one user and one hour share.
#[must_use]
pub fn bucket(event: AuditEvent, user: Option<UserId>, at: UnixSeconds) -> String {
    let window = window(at);
    let user = user.map_or_else(|| "-".to_owned(), |user| user.to_string());
    format!("{}:{user}:{window}", event.as_str())
}

/// Where a page of events continues: before the event with this number among the user's own. It
/// reveals nothing about the events of other users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditCursor(i64);

impl AuditCursor {
    /// The position before which every event lies.
    pub const START: Self = Self(1 << 52); // D1 takes doubles

    /// Parses the one spelling that [`fmt::Display`] produces.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let cursor = Self(text.parse().ok()?);
        let is_ours = (0..=Self::START.0).contains(&cursor.0);
        (is_ours && cursor.to_string() == text).then_some(cursor)
    }

    /// Returns the number before which the page begins.
    #[must_use]
    pub const fn before(self) -> i64 {
        self.0
    }

    /// Returns the cursor after `page`, which began at `self`.
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
