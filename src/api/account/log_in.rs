//! A person logs in.

use crate::domain::audit::AuditEvent;
use crate::domain::credential::hashing::Verification;
use crate::domain::credential::password::PresentedPassword;
use crate::domain::id::{SessionId, TokenId};
use crate::domain::identity::email::Email;
use crate::domain::session::{Device, NewSession};
use crate::ports::Ports;
use crate::service::copies::sessions_ended;
use crate::service::hash_queue::{self, HashTicket};
use crate::service::issue::{Grant, TokenPair, issue};
use crate::service::policy::CarriedSessions;
use crate::service::refusals::{account_refused, password_refused};
use crate::service::verify_password::verify_password;
use crate::service::{AppError, Ctx};
use crate::store::attempts::{self, Attempt, Attempted, Guess, KnownDevice, PasswordHolder};
use crate::store::log_in::{Login, Rehash, begin_session};

/// What a person logs in with.
pub struct LogIn {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: PresentedPassword,
    /// Where the request came from.
    pub device: Device,
    /// The sessions that the request's cookies name: they end when the new one begins.
    pub carried: CarriedSessions,
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
    let LogIn {
        email,
        password,
        device,
        carried,
    } = command;
    let (guess, found) = admitted(ctx, &email, &carried).await?;
    let verified = verify(ctx, &place, (found, &password)).await?;
    let PasswordHolder {
        id: user,
        role_slug: role,
        version,
        ..
    } = verified.holder;
    ctx.caller.is(user);
    let session = NewSession {
        id: SessionId::from_random(ctx.ports.random_bytes()?),
        refresh_id: TokenId::from_random(ctx.ports.random_bytes()?),
        user,
        device,
    }
    .begin(ctx.config().sessions, ctx.now);
    // Signed before the session exists: a signature that fails leaves nothing behind.
    let pair = issue(
        ctx,
        Grant {
            user,
            session: session.id,
            role,
            refresh_id: session.refresh_id,
            issued_at: ctx.now,
            refresh_expires_at: session.idle_expires_at,
        },
    )?;
    let login = Login {
        session,
        verified: version,
        rehash: verified.rehash,
        carried: carried.sessions,
        guess,
        trace: ctx.trace(),
    };
    // The password or the user may have changed while we hashed: then the database says no.
    let Some(ended) = begin_session(ctx.ports, &login).await? else {
        password_refused(ctx, AuditEvent::LoginFailed, Some(user));
        return Err(AppError::InvalidCredentials);
    };
    sessions_ended(ctx, ended);
    Ok(pair)
}

/// Counts the attempt, and reads the user if it is let through.
async fn admitted<P: Ports>(
    ctx: &Ctx<'_, P>,
    email: &Email,
    carried: &CarriedSessions,
) -> Result<(Guess, Option<PasswordHolder>), AppError> {
    let throttle = &ctx.service.throttle;
    let attempt = Attempt {
        keys: throttle.of_login(email, ctx.caller.client),
        id: TokenId::from_random(ctx.ports.random_bytes()?),
        now: ctx.now,
    };
    let device = carried.device.map(|device| KnownDevice {
        session: device.session,
        refresh_id: device.refresh_id,
        key: throttle.of_device(device.session.session),
    });
    match attempts::log_in(ctx.ports, &attempt, email, device.as_ref()).await? {
        Attempted::Admitted(guess, found) => Ok((guess, found)),
        Attempted::Throttled(throttled) => {
            let event = (AuditEvent::Throttled, &attempt.keys.account);
            account_refused(ctx, event, throttled.user);
            Err(AppError::Throttled(throttled.pause))
        }
    }
}

/// An active user whose password was the right one.
struct Verified {
    holder: PasswordHolder,
    rehash: Option<Rehash>,
}

/// Compares the password, and hashes it anew if a newer setting is due. The first hash comes
/// before anything about the user is looked at: it is what takes the time.
async fn verify<P: Ports>(
    ctx: &Ctx<'_, P>,
    place: &HashTicket<'_>,
    (found, password): (Option<PasswordHolder>, &PresentedPassword),
) -> Result<Verified, AppError> {
    let hasher = &ctx.service.hasher;
    let stored = found.as_ref().and_then(|found| found.hash.as_ref());
    let verification = verify_password(ctx, place, (password, stored)).await?;
    let user = found.as_ref().map(|found| found.id);
    let (holder, rehash) = match (found, verification) {
        (Some(found), Verification::Match { rehash }) if found.is_active => (found, rehash),
        (_, verification) => {
            // An active user would pay for the new hash: an inactive one is refused no sooner.
            if let Verification::Match { rehash: true } = verification {
                let _ = verify_password(ctx, place, (password, None)).await?;
            }
            if let (Verification::Damaged, Some(user)) = (verification, user) {
                let user = user.to_string().into();
                ctx.ports
                    .error("password.stored_hash_damaged", &[("user.id", user)]);
            }
            password_refused(ctx, AuditEvent::LoginFailed, user);
            return Err(AppError::InvalidCredentials);
        }
    };
    let rehash = match &holder.hash {
        Some(from) if rehash => {
            let salt = ctx.ports.random_bytes()?;
            let line = hash_queue::Line::Own;
            let _turn = place.turn(ctx.ports, line, hasher.effort()).await?;
            Some(Rehash {
                to: hasher.rehash(password, salt)?,
                from: from.clone(),
            })
        }
        _ => None,
    };
    Ok(Verified { holder, rehash })
}
