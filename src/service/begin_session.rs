//! Begins a session, for every way to log in.

use super::follow_up::follow_up;
use super::issue::{TokenPair, issue};
use super::outbox::{Intent, notice};
use super::{Ctx, ServiceError};
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::mail::{Language, MailKind};
use crate::domain::session::{Device, Grant, NewSession, Session, SessionKey, device};
use crate::ports::Ports;
use crate::store::log_in::{Login, LoginProof, begin_session};
use crate::store::login_notices::Notice;

/// A person who has proven who they are.
#[derive(Debug)]
pub struct Arrival {
    /// The user.
    pub user: UserId,
    /// The key of the role.
    pub role_slug: String,
    /// What the user has proven to be one with.
    pub proof: LoginProof,
    /// The sessions that the request's cookies name. They end.
    pub carried: [Option<SessionKey>; 2],
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The language that the request prefers.
    pub language: Option<Language>,
}

/// Begins a session, and tells the user by mail if the device and country are new. `None` when the
/// proof does not hold any more. One round trip.
///
/// # Errors
///
/// Returns [`ServiceError::Internal`] without randomness or when a signature fails, and the errors of
/// the store.
pub async fn begin<P: Ports>(
    ctx: &Ctx<'_, P>,
    arrival: Arrival,
) -> Result<Option<TokenPair>, ServiceError> {
    let session = NewSession {
        id: SessionId::from_random(ctx.ports.random_bytes()?),
        refresh_id: TokenId::from_random(ctx.ports.random_bytes()?),
        user: arrival.user,
        device: Device::new(arrival.user_agent.as_deref(), ctx.caller.country.as_deref()),
    };
    let session = session.begin(ctx.config().sessions, ctx.now);
    let login = Login {
        notice: told(ctx, &session, arrival.language)?,
        session,
        proof: arrival.proof,
        carried: arrival.carried,
        trace: ctx.trace(),
    };
    // Signed before the session exists: a signature that fails leaves nothing behind.
    let pair = first_pair(ctx, &login, arrival.role_slug)?;
    let begun = begin_session(ctx.ports, &login).await?;
    Ok(begun.map(|effects| {
        follow_up(ctx, effects);
        pair
    }))
}

/// Returns the mail that tells of a login from a device and country that are new.
fn told<P: Ports>(
    ctx: &Ctx<'_, P>,
    session: &Session,
    language: Option<Language>,
) -> Result<Option<Notice>, ServiceError> {
    let label = device::label(session.device.user_agent.as_deref());
    let seen = (&label, &session.device.country);
    let device = serde_json::to_string(&seen).unwrap_or_default();
    let intent = Intent::of(ctx, MailKind::NewLogin, language).on_device(Some(label));
    Ok(notice(ctx, &intent)?.map(|draft| Notice { device, draft }))
}

/// Returns the tokens of a session's first generation.
fn first_pair<P: Ports>(
    ctx: &Ctx<'_, P>,
    login: &Login,
    role: String,
) -> Result<TokenPair, ServiceError> {
    let Session {
        user,
        id,
        refresh_id,
        idle_expires_at,
        ..
    } = login.session;
    let grant = Grant {
        session: SessionKey { user, id },
        role,
        refresh_id,
        issued_at: ctx.now,
        expires_at: idle_expires_at,
    };
    issue(ctx, grant)
}
