//! The platform's rate limiters: the first and cheapest layer against floods. A request without a
//! token is counted by client. An authentic token is counted by its session, so that users who
//! share an address have separate budgets. A login is counted by client, and has the budget of a
//! device once that of the client is used up.

use super::refusals::request_refused;
use super::{Ctx, ServiceError};
use crate::domain::audit::AuditEvent;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Seconds;
use crate::ports::{Limiter, Ports};

/// The longest period of the platform's limiters, which do not report how much of it is left.
pub const LIMITER_PAUSE: Seconds = Seconds::new(60);

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub struct Limited {
    /// The limiter that counts.
    pub limiter: Limiter,
    /// The operation. Each has a separate budget.
    pub operation: &'static str,
}

/// The budget that a request uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// That of the client and its network.
    Client,
    /// That of the user whose refresh token the request contains, because that of the client is
    /// used up. It serves a known device only.
    Device,
}

/// Counts a request by its client, and for an IPv6 client also by its network.
///
/// # Errors
///
/// Returns [`ServiceError::Throttled`] when a limiter refuses the request.
pub async fn by_client<P: Ports>(ctx: &Ctx<'_, P>, limited: Limited) -> Result<(), ServiceError> {
    judged(ctx, client_admits(ctx, limited).await)
}

/// Counts a request by its client. When that budget is used up, counts it by the user whose refresh
/// token it contains, which `user` verifies.
///
/// By the user and not by the session: a login ends the session that the request contains and
/// begins another one, so each right password would have a new budget.
///
/// # Errors
///
/// Returns [`ServiceError::Throttled`] when the limiters refuse the request.
pub async fn by_client_or_device<P: Ports>(
    ctx: &Ctx<'_, P>,
    limited: Limited,
    user: impl FnOnce() -> Option<UserId>,
) -> Result<Budget, ServiceError> {
    if client_admits(ctx, limited).await {
        return Ok(Budget::Client);
    }
    let is_admitted = match user() {
        Some(user) => {
            let key = ctx.service.throttle.of_user(user);
            admits(ctx, limited, key.as_str()).await
        }
        None => false,
    };
    judged(ctx, is_admitted).map(|()| Budget::Device)
}

/// Counts a request by its session, once its token is authentic.
///
/// # Errors
///
/// Returns [`ServiceError::Throttled`] when the limiter refuses the request.
pub async fn by_session<P: Ports>(
    ctx: &Ctx<'_, P>,
    limited: Limited,
    session: SessionId,
) -> Result<(), ServiceError> {
    let key = ctx.service.throttle.of_session(session);
    judged(ctx, admits(ctx, limited, key.as_str()).await)
}

async fn client_admits<P: Ports>(ctx: &Ctx<'_, P>, limited: Limited) -> bool {
    let key = ctx.caller.key(ctx.service).as_str();
    if !admits(ctx, limited, key).await {
        return false;
    }
    let Some(network) = ctx.caller.client.network() else {
        return true;
    };
    let limited = Limited {
        limiter: Limiter::Network,
        ..limited
    };
    let key = ctx.service.throttle.of_client(network);
    admits(ctx, limited, key.as_str()).await
}

async fn admits<P: Ports>(ctx: &Ctx<'_, P>, limited: Limited, key: &str) -> bool {
    if ctx.caller.is_internal {
        return true;
    }
    let key = format!("{}:{key}", limited.operation);
    ctx.ports.admits(limited.limiter, &key).await
}

fn judged<P: Ports>(ctx: &Ctx<'_, P>, is_admitted: bool) -> Result<(), ServiceError> {
    if is_admitted {
        return Ok(());
    }
    request_refused(ctx, AuditEvent::Throttled);
    Err(ServiceError::Throttled(LIMITER_PAUSE))
}
