//! A person logs in.

use serde_json::json;

use super::authenticate::SessionHolder;
use super::background::account_changed;
use super::issue::{Grant, TokenPair, issue};
use super::{AppError, Ctx};
use crate::domain::email::Email;
use crate::domain::hashing::Verification;
use crate::domain::id::{SessionId, TokenId};
use crate::domain::password::PresentedPassword;
use crate::domain::session::{Device, Session};
use crate::domain::throttle::ClientPrefix;
use crate::ports::{
    Attempt, Attempted, Entropy, Log, Login, LoginAttempt, Ports, Rehash, SessionStore, UserStore,
};

/// What a person logs in with.
pub struct LogIn {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: PresentedPassword,
    /// Where the request came from.
    pub device: Device,
    /// Where it came from, as coarse as the throttle sees it.
    pub client: ClientPrefix,
    /// The sessions that the request's cookies name: they end when the new one begins.
    pub carried: [Option<SessionHolder>; 2],
}

/// Begins a session. One hash, two round trips; a refusal costs one hash and one round trip,
/// whatever its cause (contract, section 1), and a throttled attempt no hash.
///
/// # Errors
///
/// [`AppError::InvalidCredentials`], [`AppError::Throttled`], [`AppError::Busy`], and the
/// store's.
pub async fn log_in<P: Ports>(ctx: &Ctx<'_, P>, command: LogIn) -> Result<TokenPair, AppError> {
    let place = ctx
        .service
        .hash_queue
        .enter(ctx.now)
        .ok_or(AppError::Busy)?;
    let entropy = ctx.ports.entropy();
    let attempt = LoginAttempt {
        counted: Attempt {
            keys: ctx
                .service
                .throttle
                .of_login(&command.email, command.client),
            id: TokenId::from_random(entropy.bytes()?),
            now: ctx.now,
        },
        carried: command
            .carried
            .map(|holder| holder.map(|holder| holder.session)),
        email: command.email,
    };
    let found = match ctx.ports.users().attempt(&attempt).await? {
        Attempted::Admitted(found) => found,
        Attempted::Throttled(pause) => return Err(AppError::Throttled(pause)),
    };
    // Verified before anything about the user is looked at: the hash is what takes the time.
    let verification = {
        let _turn = place.turn(ctx.ports.timer()).await;
        let stored = found.as_ref().map(|found| &found.hash);
        ctx.service.hasher.verify(&command.password, stored)?
    };
    let (found, rehash) = match (found, verification) {
        (Some(found), Verification::Match { rehash }) if found.user.is_active => (found, rehash),
        (Some(found), Verification::Damaged) => {
            ctx.ports.log().line(&json!({
                "level": "error",
                "event": "password.stored_hash_damaged",
                "user.id": found.user.id,
            }));
            return Err(AppError::InvalidCredentials);
        }
        (_, Verification::Match { .. } | Verification::Mismatch | Verification::Damaged) => {
            return Err(AppError::InvalidCredentials);
        }
    };

    let user = found.user;
    let rehash = if rehash {
        let salt = entropy.bytes()?;
        let _turn = place.turn(ctx.ports.timer()).await;
        Some(Rehash {
            to: ctx.service.hasher.rehash(&command.password, salt)?,
            from: found.hash,
        })
    } else {
        None
    };
    let session = Session::begin(
        (
            SessionId::from_random(entropy.bytes()?),
            TokenId::from_random(entropy.bytes()?),
        ),
        user.id,
        command.device,
        ctx.config().sessions,
        ctx.now,
    );
    let pair = issue(
        ctx,
        Grant {
            user: user.id,
            session: session.id,
            role: user.role_slug,
            refresh_id: session.generation.current,
            issued_at: ctx.now,
            refresh_expires_at: session.idle_expires_at,
        },
    )?;
    let login = Login {
        session,
        verified: found.version,
        rehash,
        carried: attempt.carried,
        attempts: attempt.counted.keys,
        now: ctx.now,
    };
    // The password or the user may have changed while we hashed: then the database says no.
    let ended = ctx
        .ports
        .sessions()
        .begin(&login)
        .await?
        .ok_or(AppError::InvalidCredentials)?;
    account_changed(ctx, user.id, ended);
    // The device may have been somebody else's until now.
    for other in command.carried.into_iter().flatten() {
        if other.user != user.id {
            account_changed(ctx, other.user, Vec::new());
        }
    }
    Ok(pair)
}
