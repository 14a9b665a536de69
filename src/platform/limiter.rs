//! The platform's rate limiters: the first and cheapest layer against floods.

use core::cell::Cell;
use core::pin::pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use worker::Delay;

use super::bindings::WorkerPorts;
use super::names::{LOGIN_LIMITER, NETWORK_LIMITER, REGISTER_LIMITER, SESSION_LIMITER};
use crate::ports::{Limiter, Log, RateLimiter};

/// How long a limiter may take before the request continues without it.
const LIMITER_TIMEOUT: Duration = Duration::from_millis(500);

thread_local! {
    /// Whether this isolate has logged that its limiters do not work.
    static LIMITER_REPORTED: Cell<bool> = const { Cell::new(false) };
}

impl RateLimiter for WorkerPorts {
    async fn admits(&self, limiter: Limiter, key: &str) -> bool {
        let name = match limiter {
            Limiter::Login => LOGIN_LIMITER,
            Limiter::Register => REGISTER_LIMITER,
            Limiter::Network => NETWORK_LIMITER,
            Limiter::Session => SESSION_LIMITER,
        };
        let asked = async { self.0.env.rate_limiter(name)?.limit(key.to_owned()).await };
        if let Either::Left((Ok(outcome), _)) =
            select(pin!(asked), Delay::from(LIMITER_TIMEOUT)).await
        {
            return outcome.success;
        }
        if !LIMITER_REPORTED.replace(true) {
            self.error("limiter.failure", &[("limiter", name.into())]);
        }
        true
    }
}
