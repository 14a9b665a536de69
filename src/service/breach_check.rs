//! Refuses new passwords that are known from a data breach, if the deployment enables it
//! (`BREACH_CHECK`).
//!
//! The check is a precaution in addition to the list of common passwords, so it fails open: an
//! outage of a third-party service must not block registration. A failure is logged.

use super::config::BreachCheck;
use super::error::FieldFault;
use super::{Ctx, ServiceError};
use crate::domain::credential::breach::{MalformedRange, PasswordDigest};
use crate::ports::{BreachedPasswords, NoRange, Ports};

/// Refuses a breached password. At most one subrequest, and none when the check is off.
///
/// It waits for a third party, so it comes after every check that can be made here, and before a
/// place in the hash queue is taken: a slow service must not fill the queue.
///
/// # Errors
///
/// Returns [`ServiceError::Invalid`] with a fault of `field`.
pub async fn refuse_breached<P: Ports>(
    ctx: &Ctx<'_, P>,
    field: &'static str,
    password: &PasswordDigest,
) -> Result<(), ServiceError> {
    match ctx.config().breach_check {
        BreachCheck::Off => return Ok(()),
        BreachCheck::On => {}
    }
    match is_breached(ctx.ports, password).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(ServiceError::Invalid(vec![FieldFault {
            field,
            code: "breached",
            message: "appears in a known data breach",
        }])),
        Err(cause) => {
            let cause = cause.to_string().into();
            ctx.ports
                .error("breach_check.failed_open", &[("error.cause", cause)]);
            Ok(())
        }
    }
}

async fn is_breached(
    breaches: &impl BreachedPasswords,
    password: &PasswordDigest,
) -> Result<bool, NoRange> {
    let range = breaches.breached_range(password.prefix()).await?;
    password
        .is_among(&range)
        .map_err(|MalformedRange| NoRange::Malformed)
}
