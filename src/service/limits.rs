//! The platform's rate limiters: the first and cheapest layer against floods. A request without a
//! token is counted by client. An authentic token is counted by its session, so that users who
//! share an address have separate budgets.

use super::refusals::request_refused;
use super::{Ctx, ServiceError};
use crate::domain::audit::AuditEvent;
use crate::domain::id::SessionId;
use crate::domain::time::Seconds;
use crate::ports::{Limiter, Ports};

/// The longest period of the platform's limiters, which do not report how much of it is left.
const LIMITER_PAUSE: Seconds = Seconds::new(60);

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub struct Limited {
    /// The limiter that counts.
    pub limiter: Limiter,
    /// The operation. Each has a separate budget.
    pub operation: &'static str,
}

/// Counts a request by its client, and for an IPv6 client also by its network.
///
/// # Errors
///
/// Returns [`ServiceError::Throttled`] when a limiter refuses the request.
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
    count(ctx, limited, key.as_str()).await
}

async fn count<P: Ports>(
    ctx: &Ctx<'_, P>,
    limited: Limited,
    key: &str,
) -> Result<(), ServiceError> {
    if ctx.caller.is_internal {
        return Ok(());
    }
    let key = format!("{}:{key}", limited.operation);
    if ctx.ports.admits(limited.limiter, &key).await {
        return Ok(());
    }
    request_refused(ctx, AuditEvent::Throttled);
    Err(ServiceError::Throttled(LIMITER_PAUSE))
}
