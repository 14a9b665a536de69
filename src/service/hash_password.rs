//! Hashes a password that somebody has chosen.

use super::hash_queue::{HashTicket, Line};
use super::{Ctx, ServiceError};
use crate::domain::credential::hashing::StoredHash;
use crate::domain::credential::password::NewPassword;
use crate::ports::Ports;

/// Takes a place in the hash queue, before anything that the caller's password costs. It ages from
/// now, and not from the start of the request: the limiters and the body may have taken seconds.
///
/// # Errors
///
/// Returns [`ServiceError::Busy`] when too many wait.
pub fn queued<'a, P: Ports>(ctx: &Ctx<'a, P>) -> Result<HashTicket<'a>, ServiceError> {
    let place = ctx.service.hash_queue.enter(ctx.ports.now());
    place.ok_or(ServiceError::Busy)
}

/// Hashes the password when it is its turn. One hash.
///
/// # Errors
///
/// Returns [`ServiceError::Busy`] when the isolate has no memory for it, and
/// [`ServiceError::Internal`] without randomness.
pub async fn hash_password<P: Ports>(
    ctx: &Ctx<'_, P>,
    place: &HashTicket<'_>,
    new: &NewPassword,
) -> Result<StoredHash, ServiceError> {
    let hasher = &ctx.service.hasher;
    let salt = ctx.ports.random_bytes()?;
    let _turn = place.turn(ctx.ports, Line::Own, hasher.effort()).await?;
    Ok(hasher.hash(new, salt)?)
}

#[cfg(test)]
mod tests;
