//! Why a use-case refuses. Many causes inside, few answers outside: `web::problem` maps each
//! variant to one problem document.

use super::hash_queue::Crowded;
use crate::domain::credential::hashing::HashError;
use crate::domain::session::token::{Rejection, SigningFailed};
use crate::domain::time::Seconds;
use crate::ports::{NoEntropy, StoreError};

/// A field that breaks a rule. It names the field and the rule, never the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// The field, as the client wrote it; `body` for a field that is not known.
    pub field: &'static str,
    /// The stable name of the rule.
    pub code: &'static str,
    /// The rule, for people.
    pub message: &'static str,
}

/// A refusal, or a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// No such user, wrong password, inactive user or damaged hash: one answer for all.
    InvalidCredentials,
    /// No auth cookie.
    NotAuthenticated,
    /// Auth cookies none of which is authentic, or which name several sessions: of no use to anybody,
    /// so the answer deletes them.
    UnusableCookies,
    /// A bad, forged or revoked token, or an unknown or inactive user.
    InvalidToken,
    /// Auth cookies of one name that speak for different sessions, or too many of them.
    Ambiguous,
    /// An authentic token whose time is over.
    TokenExpired,
    /// The current password of a signed-in person is wrong.
    WrongCurrentPassword,
    /// The address belongs to somebody.
    EmailTaken,
    /// Fields that break rules.
    Invalid(Vec<FieldFault>),
    /// Too many tries; again after this long.
    Throttled(Seconds),
    /// Nothing of the caller's has this id.
    NotFound,
    /// Too many requests wait for a password hash in this isolate.
    Busy,
    /// The database does not have what a setting names; the cause is for the log.
    Misconfigured(String),
    /// The database has no answer; the cause is for the log.
    Unavailable(String),
    /// A fault of ours; the cause is for the log.
    Internal(String),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { cause } => Self::Unavailable(cause),
            StoreError::Damaged { cause } => Self::Internal(cause),
        }
    }
}

impl From<Crowded> for ServiceError {
    fn from(_: Crowded) -> Self {
        Self::Busy
    }
}

impl From<HashError> for ServiceError {
    fn from(error: HashError) -> Self {
        match error {
            // The isolate is full; the next one may not be.
            HashError::OutOfMemory => Self::Busy,
            HashError::Refused => Self::Internal("argon2 refused its input".to_owned()),
        }
    }
}

impl<C> From<Rejection<C>> for ServiceError {
    fn from(rejection: Rejection<C>) -> Self {
        match rejection {
            Rejection::Invalid => Self::InvalidToken,
            Rejection::Expired(_) => Self::TokenExpired,
        }
    }
}

impl From<NoEntropy> for ServiceError {
    fn from(_: NoEntropy) -> Self {
        Self::Internal("no entropy".to_owned())
    }
}

impl From<SigningFailed> for ServiceError {
    fn from(_: SigningFailed) -> Self {
        Self::Internal("a token could not be signed".to_owned())
    }
}
