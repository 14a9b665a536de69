//! The platform's rate limiters: the first layer against floods, and the cheapest. Whoever has shown
//! no token is counted by client; an authentic token is counted by its session, so that people who
//! share an address do not use up each other's budget.

use super::refusals::request_refused;
use super::{Ctx, ServiceError};
use crate::domain::audit::AuditEvent;
use crate::domain::id::SessionId;
use crate::domain::time::Seconds;
use crate::ports::{Limiter, Ports};

/// The longest period of the platform's limiters, which do not say how much of it is left.
const LIMITER_PAUSE: Seconds = Seconds::new(60);

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub struct Limited {
    /// By which limiter.
    pub limiter: Limiter,
    /// The operation: each has a budget of its own.
    pub operation: &'static str,
}

/// Counts a request by its client, and an IPv6 client by its network as well.
///
/// # Errors
///
/// [`ServiceError::Throttled`].
pub async fn by_client<P: Ports>(ctx: &Ctx<'_, P>, limited: Limited) -> Result<(), ServiceError> {
    let key = ctx.caller.key(ctx.service).as_str();
    count(ctx, limited, key).await?;
    let Some(network) = ctx.caller.client.network() else {
        return Ok(());
    };
    let limited = Limited {
        limiter: Limiter::Network,
        ..limited
    };
    let key = ctx.service.throttle.of_client(network);
    count(ctx, limited, key.as_str()).await
}

/// Counts what a session asks, once its token is authentic.
///
/// # Errors
///
/// [`ServiceError::Throttled`].
pub async fn by_session<P: Ports>(
    ctx: &Ctx<'_, P>,
    limited: Limited,
    session: SessionId,
) -> Result<(), ServiceError> {
    let key = ctx.service.throttle.of_session(session);
    count(ctx, limited, key.as_str()).await
}

async fn count<P: Ports>(
    ctx: &Ctx<'_, P>,
    limited: Limited,
    key: &str,
) -> Result<(), ServiceError> {
    let key = format!("{}:{key}", limited.operation);
    if ctx.ports.admits(limited.limiter, &key).await {
        return Ok(());
    }
    request_refused(ctx, AuditEvent::Throttled);
    Err(ServiceError::Throttled(LIMITER_PAUSE))
}
