//! Auth cookies that appear more than once, and which of them counts.

use super::ServiceError;
use crate::domain::session::SessionKey;
use crate::domain::session::token::{AccessClaims, RefreshClaims, Rejection, Tokens};
use crate::domain::time::UnixSeconds;

/// The most different values of one auth cookie that are verified. A browser that has seen several
/// settings of this service, or another service beside it, sends two or three. Each costs a
/// signature, and an attacker must not buy many with one request.
const MAX_CANDIDATES: usize = 8;

/// The cookies of this service in a request, unverified.
#[derive(Clone, Default)]
pub struct PresentedTokens {
    /// The access cookie's values.
    pub access: Candidates,
    /// The refresh cookie's values.
    pub refresh: Candidates,
    /// The values of the cookie of a browser that has asked to log in by mail.
    pub login_request: Candidates,
}

/// The different values of one auth cookie. A browser sends one for each domain and path that it
/// was set for, in an arbitrary order (RFC 6265, sections 5.4 and 8.6).
#[derive(Clone, Default)]
pub struct Candidates {
    values: Vec<String>,
    are_too_many: bool,
}

impl Candidates {
    /// Adds a value. Ignores one that is empty or already present.
    pub fn add(&mut self, value: &str) {
        if value.is_empty() || self.values.iter().any(|other| other == value) {
            return;
        }
        if self.values.len() < MAX_CANDIDATES {
            self.values.push(value.to_owned());
        } else {
            self.are_too_many = true;
        }
    }

    /// Returns whether there is no value.
    pub(super) fn are_none(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns whether there were more values than are kept.
    pub(super) const fn are_too_many(&self) -> bool {
        self.are_too_many
    }

    /// Returns the values, in their order.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }
}

/// The claims that both kinds of token contain.
pub(super) trait Claims {
    fn session(&self) -> SessionKey;
    fn issued_at(&self) -> UnixSeconds;
}

impl Claims for AccessClaims {
    fn session(&self) -> SessionKey {
        self.session
    }
    fn issued_at(&self) -> UnixSeconds {
        self.issued_at
    }
}

impl Claims for RefreshClaims {
    fn session(&self) -> SessionKey {
        self.session
    }
    fn issued_at(&self) -> UnixSeconds {
        self.issued_at
    }
}

/// Returns the claims of the token that counts: the one that verifies. A cookie that does not
/// verify belongs to another service or was set by a sibling subdomain, and is ignored.
///
/// Of several tokens of one session the newest counts: a refresh in one scope leaves its
/// predecessor in the other. Tokens of different sessions are ambiguous: one may have been planted,
/// and its owner could see what the user does with it. An expired token counts when no other does.
///
/// # Errors
///
/// Returns [`ServiceError::NotAuthenticated`] without a token, [`ServiceError::InvalidToken`] or
/// [`ServiceError::TokenExpired`] when none verifies, and [`ServiceError::Ambiguous`] for tokens of
/// different sessions or for more than [`MAX_CANDIDATES`] values: the unverified ones could hide an
/// ambiguity.
pub(super) fn pick<C: Claims>(
    candidates: &Candidates,
    verify: impl Fn(&str) -> Result<C, Rejection<C>>,
) -> Result<C, ServiceError> {
    if candidates.are_too_many {
        return Err(ServiceError::Ambiguous);
    }
    let mut refusal = ServiceError::NotAuthenticated;
    let mut newest: Option<C> = None;
    for token in &candidates.values {
        match verify(token) {
            Ok(claims) => match &newest {
                Some(other) if other.session() != claims.session() => {
                    return Err(ServiceError::Ambiguous);
                }
                Some(other) if other.issued_at() > claims.issued_at() => {}
                _ => newest = Some(claims),
            },
            Err(Rejection::Expired(_)) => refusal = ServiceError::TokenExpired,
            Err(Rejection::Invalid) if refusal == ServiceError::NotAuthenticated => {
                refusal = ServiceError::InvalidToken;
            }
            Err(Rejection::Invalid) => {}
        }
    }
    newest.ok_or(refusal)
}

/// A session that authentic tokens name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    /// The session's key.
    pub(super) session: SessionKey,
    /// When the newest of these tokens was issued.
    pub(super) issued_at: UnixSeconds,
}

/// Returns the different sessions that authentic tokens name, including expired tokens.
pub(super) fn named(presented: &PresentedTokens, tokens: &Tokens, now: UnixSeconds) -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    let mut add = |session: SessionKey, issued_at: UnixSeconds| match all
        .iter_mut()
        .find(|named| named.session == session)
    {
        Some(named) => named.issued_at = named.issued_at.max(issued_at),
        None => all.push(Named { session, issued_at }),
    };
    for token in &presented.access.values {
        if let Some(claims) = even_expired(tokens.verify_access(token, now)) {
            add(claims.session, claims.issued_at);
        }
    }
    for token in &presented.refresh.values {
        if let Some(claims) = even_expired(tokens.verify_refresh(token, now)) {
            add(claims.session, claims.issued_at);
        }
    }
    all
}

/// Returns whether the refresh cookie belongs to another session than the access cookie.
///
/// With `COOKIE_DOMAIN`, a sibling subdomain can plant its own access cookie in a browser whose
/// access cookie has lapsed, and the user would continue in the sibling's session, unnoticed. When
/// the request is refused, the front end refreshes.
pub(super) fn is_contradicted(
    refresh: &Candidates,
    session: SessionKey,
    tokens: &Tokens,
    now: UnixSeconds,
) -> bool {
    let mut sessions = refresh.values.iter().filter_map(|token| {
        let claims = even_expired(tokens.verify_refresh(token, now))?;
        Some(claims.session)
    });
    sessions
        .next()
        .is_some_and(|first| first != session && sessions.all(|other| other != session))
}

fn even_expired<C>(verified: Result<C, Rejection<C>>) -> Option<C> {
    match verified {
        Ok(claims) | Err(Rejection::Expired(claims)) => Some(claims),
        Err(Rejection::Invalid) => None,
    }
}
