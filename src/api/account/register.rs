//! A person registers.

use crate::domain::audit::AuditEvent;
use crate::domain::credential::password::NewPassword;
use crate::domain::id::UserId;
use crate::domain::identity::email::Email;
use crate::domain::identity::user::UserName;
use crate::ports::Ports;
use crate::service::breach_check::refuse_breached;
use crate::service::hash_queue::Line;
use crate::service::refusals::request_refused;
use crate::service::{AppError, Ctx};
use crate::store::users::{self, NewUser, Registered, Registration};

/// Milliseconds in a second: a `UUIDv7` counts them, our clock does not.
const MILLIS: u64 = 1_000;

/// What a person registers with.
#[derive(Debug)]
pub struct Register {
    /// The address.
    pub email: Email,
    /// The password, within the policy.
    pub password: NewPassword,
    /// The display name.
    pub name: Option<UserName>,
}

/// Adds the user, with the default role. One hash, one round trip.
///
/// The hash comes first: a taken address costs the same as a free one.
///
/// # Errors
///
/// [`AppError::Invalid`] for a breached password, [`AppError::EmailTaken`],
/// [`AppError::Busy`], and the store's.
pub async fn register<P: Ports>(
    ctx: &Ctx<'_, P>,
    command: Register,
) -> Result<Registered, AppError> {
    refuse_breached(ctx, "password", &command.password).await?;
    let place = ctx
        .service
        .hash_queue
        .enter(ctx.now)
        .ok_or(AppError::Busy)?;
    let salt = ctx.ports.random_bytes()?;
    let hash = {
        let hasher = &ctx.service.hasher;
        let _turn = place.turn(ctx.ports, Line::Own, hasher.effort()).await?;
        hasher.hash(&command.password, salt)?
    };
    let unix_millis = u64::try_from(ctx.now.get()).unwrap_or(0) * MILLIS;
    let user = NewUser {
        id: UserId::new(unix_millis, &ctx.ports.random_bytes()?),
        email: command.email,
        name: command.name,
        hash,
        role: ctx.config().default_role.clone(),
        most_an_hour: ctx.config().registrations_an_hour,
        trace: ctx.trace(),
    };
    match users::register(ctx.ports, &user).await? {
        Registration::Registered(registered) => {
            ctx.caller.is(registered.user.id);
            Ok(registered)
        }
        Registration::EmailTaken => Err(AppError::EmailTaken),
        Registration::TooMany(pause) => {
            request_refused(ctx, AuditEvent::Throttled);
            Err(AppError::Throttled(pause))
        }
        Registration::NoSuchRole => Err(AppError::Misconfigured(
            "DEFAULT_ROLE is not in the table roles".to_owned(),
        )),
    }
}
