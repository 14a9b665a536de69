//! Why a use-case refuses. Many causes inside, few problems outside: `web::problem` maps each
//! variant to one code.

use super::hash_queue::Crowded;
use crate::domain::credential::hashing::HashError;
use crate::domain::session::token::{Rejection, SigningFailed};
use crate::domain::time::Seconds;
use crate::ports::{NoEntropy, StoreError};

/// A field that breaks a rule. It contains the field and the rule, never the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// The field, as named by the client; `body` for an unknown field.
    pub field: &'static str,
    /// The stable name of the rule.
    pub code: &'static str,
    /// The rule, for a human reader.
    pub message: &'static str,
}

/// A refusal, or a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// No such user, wrong password, inactive user or damaged hash: one answer for all.
    InvalidCredentials,
    /// No auth cookie.
    NotAuthenticated,
    /// None of the auth cookies is authentic, or they name several sessions. They are useless, so
    /// the answer deletes them.
    UnusableCookies,
    /// An invalid or revoked token, or an unknown or inactive user.
    InvalidToken,
    /// Auth cookies of one name that belong to different sessions, or too many of them.
    Ambiguous,
    /// An authentic token that has expired.
    TokenExpired,
    /// The current password is wrong.
    WrongCurrentPassword,
    /// The address belongs to a user.
    EmailTaken,
    /// Fields that break rules.
    Invalid(Vec<FieldFault>),
    /// Too many attempts or requests. The span is the time to wait.
    Throttled(Seconds),
    /// The token of a link, or a code, does not work: it is unknown, expired, replaced or used, or
    /// the account has changed since.
    InvalidLink,
    /// This deployment does not send such mails.
    MailOff,
    /// The caller owns nothing with this id.
    NotFound,
    /// Too many requests wait for a password hash in this isolate.
    Busy,
    /// The database does not contain what a setting names. The cause is for the log.
    Misconfigured(String),
    /// The database does not answer. The cause is for the log.
    Unavailable(String),
    /// A fault of the service. The cause is for the log.
    Internal(String),
}

// Not inlined: every `?` of every endpoint converts an error.
impl From<StoreError> for ServiceError {
    #[inline(never)]
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
            // This isolate has no memory left; another one may.
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
