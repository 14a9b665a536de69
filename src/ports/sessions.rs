//! Sessions and their refresh tokens.

use super::StoreError;
use super::users::PasswordVersion;
use crate::domain::audit::Trace;
use crate::domain::hashing::StoredHash;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::session::{EndReason, Session};
use crate::domain::throttle::AttemptKeys;
use crate::domain::time::{Seconds, UnixSeconds};

/// A refresh token that no longer rotates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedToken {
    /// The token's id.
    pub id: TokenId,
    /// When it would have expired: from then on nobody needs to remember it.
    pub expires_at: UnixSeconds,
}

/// A hash to be replaced by another one of the same password.
#[derive(Debug)]
pub struct Rehash {
    /// The hash that was verified; whatever else stands there meanwhile is left alone.
    pub from: StoredHash,
    /// The hash that takes its place.
    pub to: StoredHash,
}

/// A login to be recorded.
#[derive(Debug)]
pub struct Login {
    /// The session that begins.
    pub session: Session,
    /// The password that was verified; it must still be the current one, so that a login
    /// cannot outrun a change of the password.
    pub verified: PasswordVersion,
    /// A hash of today's setting to be stored.
    pub rehash: Option<Rehash>,
    /// The sessions that the request carried: at most one for each cookie.
    pub carried: [Option<SessionId>; 2],
    /// The counters that the login sets back.
    pub attempts: AttemptKeys,
    /// The time of the login, and where it comes from.
    pub trace: Trace,
}

/// A refresh token that asks for its successor.
#[derive(Clone, Debug)]
pub struct RotationRequest {
    /// The session the token names.
    pub session: SessionId,
    /// The user the token names.
    pub user: UserId,
    /// The token's id.
    pub presented: TokenId,
    /// The id that its successor gets if it rotates.
    pub successor: TokenId,
    /// How long an idle session lasts from now.
    pub idle: Seconds,
    /// How long the immediate predecessor is forgiven.
    pub grace: Seconds,
    /// The time of the request, and where it comes from.
    pub trace: Trace,
}

/// What a rotation, or its repetition, leaves behind.
#[derive(Clone, Debug)]
pub struct RotatedSession {
    /// The id of the current refresh token.
    pub refresh_id: TokenId,
    /// When it was issued.
    pub issued_at: UnixSeconds,
    /// When it expires.
    pub expires_at: UnixSeconds,
    /// The user's role.
    pub role: String,
}

/// The outcome of a refresh.
#[must_use]
#[derive(Clone, Debug)]
pub enum Rotation {
    /// The token was the current one, and is superseded now; or it was the immediate
    /// predecessor, within the grace, and nothing has changed. Both get the same answer.
    Rotated(RotatedSession),
    /// The token had been superseded; the session is over now.
    Reused(Vec<RevokedToken>),
    /// The session is over, or not the user's, or the user is inactive; nothing has changed.
    Dead,
}

/// Sessions, in D1. What it changes, it records in the audit log, in the same transaction.
pub trait SessionStore {
    /// Begins a session, ends the ones it replaces and those over the cap, and stores the
    /// new hash, in one transaction and one round trip. `None` when the user has become
    /// inactive or the password another: then nothing has changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn begin(&self, login: &Login) -> Result<Option<Vec<RevokedToken>>, StoreError>;

    /// Rotates a refresh token, answers its predecessor, or punishes its reuse, in one
    /// transaction and one round trip. Nothing is read before it is decided: of any number
    /// of parallel calls with one token exactly one changes the session, and the answers to
    /// all of them are equal.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn rotate(&self, request: &RotationRequest) -> Result<Rotation, StoreError>;

    /// The user's live sessions, the most recently used first. One round trip.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn list(&self, user: UserId, now: UnixSeconds) -> Result<Vec<Session>, StoreError>;

    /// Ends all live sessions of the user but `except`. One round trip.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn end_all(
        &self,
        user: UserId,
        except: Option<SessionId>,
        trace: &Trace,
    ) -> Result<Vec<RevokedToken>, StoreError>;

    /// Ends a session of the user, if it is not over. One round trip.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn end(
        &self,
        session: SessionId,
        user: UserId,
        reason: EndReason,
        trace: &Trace,
    ) -> Result<Vec<RevokedToken>, StoreError>;
}
