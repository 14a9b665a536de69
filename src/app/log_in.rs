//! A person logs in.

use super::audit::{account_refused, password_refused};
use super::authenticate::SessionHolder;
use super::background::account_changed;
use super::hash_queue::HashTicket;
use super::issue::{Grant, TokenPair, issue};
use super::{AppError, Ctx};
use crate::domain::audit::AuditEvent;
use crate::domain::email::Email;
use crate::domain::hashing::Verification;
use crate::domain::id::{SessionId, TokenId};
use crate::domain::password::PresentedPassword;
use crate::domain::session::{Device, Session};
use crate::ports::{
    Attempt, Attempted, Credentials, Entropy, Line, Log, Login, LoginAttempt, Ports, Rehash,
    SessionStore, UserStore,
};

/// What a person logs in with.
pub struct LogIn {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: PresentedPassword,
    /// Where the request came from.
    pub device: Device,
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
                .of_login(&command.email, ctx.caller.client),
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
        Attempted::Throttled(throttled) => {
            let event = (AuditEvent::Throttled, &attempt.counted.keys.account);
            account_refused(ctx, event, throttled.user);
            return Err(AppError::Throttled(throttled.pause));
        }
    };
    let verified = verify(ctx, &place, (found, &command.password)).await?;
    let Credentials { user, version, .. } = verified.credentials;
    ctx.caller.is(user.id);
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
        verified: version,
        rehash: verified.rehash,
        carried: attempt.carried,
        attempts: attempt.counted.keys,
        trace: ctx.trace(),
    };
    // The password or the user may have changed while we hashed: then the database says no.
    let Some(ended) = ctx.ports.sessions().begin(&login).await? else {
        password_refused(ctx, AuditEvent::LoginFailed, Some(user.id));
        return Err(AppError::InvalidCredentials);
    };
    account_changed(ctx, user.id, ended);
    // The device may have been somebody else's until now.
    for other in command.carried.into_iter().flatten() {
        if other.user != user.id {
            account_changed(ctx, other.user, Vec::new());
        }
    }
    Ok(pair)
}

/// An active user whose password was the right one.
struct Verified {
    credentials: Credentials,
    rehash: Option<Rehash>,
}

/// Compares the password, and hashes it anew if a newer setting is due. The first hash comes
/// before anything about the user is looked at: it is what takes the time.
async fn verify<P: Ports>(
    ctx: &Ctx<'_, P>,
    place: &HashTicket<'_>,
    (found, password): (Option<Credentials>, &PresentedPassword),
) -> Result<Verified, AppError> {
    let hasher = &ctx.service.hasher;
    let verification = {
        let _turn = place.turn(ctx.ports.timer()).await;
        hasher.verify(password, found.as_ref().map(|found| &found.hash))?
    };
    let user = found.as_ref().map(|found| found.user.id);
    let (credentials, rehash) = match (found, verification) {
        (Some(found), Verification::Match { rehash }) if found.user.is_active => (found, rehash),
        (_, verification) => {
            // An active user would pay for the new hash: an inactive one is refused no sooner.
            if let Verification::Match { rehash: true } = verification {
                let _turn = place.turn(ctx.ports.timer()).await;
                let _ = hasher.verify(password, None)?;
            }
            if let (Verification::Damaged, Some(user)) = (verification, user) {
                let user = user.to_string();
                let members = [("user.id", user.as_str().into())];
                let line = Line::error("password.stored_hash_damaged", &members);
                ctx.ports.log().line(&line);
            }
            password_refused(ctx, AuditEvent::LoginFailed, user);
            return Err(AppError::InvalidCredentials);
        }
    };
    let rehash = if rehash {
        let salt = ctx.ports.entropy().bytes()?;
        let _turn = place.turn(ctx.ports.timer()).await;
        Some(Rehash {
            to: hasher.rehash(password, salt)?,
            from: credentials.hash.clone(),
        })
    } else {
        None
    };
    Ok(Verified {
        credentials,
        rehash,
    })
}
