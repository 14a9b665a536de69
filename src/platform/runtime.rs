//! What the runtime itself provides: randomness, timers, work after the answer, the console.

use core::time::Duration;

use wasm_bindgen::JsValue;
use worker::Delay;
use worker::web_sys::console;

use super::bindings::WorkerPorts;
use crate::domain::time::UnixSeconds;
use crate::ports::{Background, Entropy, Identified, Level, Line, Log, NoEntropy, Timer};
use crate::web::apart::apart;

/// Milliseconds in a second.
const MILLIS: u64 = 1_000;

/// Randomness from the runtime's `crypto.getRandomValues`.
impl Entropy for WorkerPorts {
    fn random_bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?;
        Ok(bytes)
    }
}

/// `Date.now` and `setTimeout`.
impl Timer for WorkerPorts {
    fn now(&self) -> UnixSeconds {
        let seconds = worker::Date::now().as_millis() / MILLIS;
        UnixSeconds::new(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

    async fn pause(&self, millis: u32) {
        Delay::from(Duration::from_millis(u64::from(millis))).await;
    }
}

/// `ctx.waitUntil`: cut off 30 s after the answer, and lost when the isolate ends. A scheduled run
/// starts no background work.
impl Background for WorkerPorts {
    fn in_background(&self, task: impl Future<Output = ()> + 'static) {
        if let Some(context) = &self.0.context {
            context.wait_until(apart(task));
        }
    }
}

/// Writes one JSON object for each line, with the request's id.
impl Log for WorkerPorts {
    fn identify(&self, request_id: &str) {
        *self.0.request_id.borrow_mut() = Some(request_id.to_owned());
    }

    fn write(&self, line: &Line<'_>) {
        let request_id = self.0.request_id.borrow();
        let written = serde_json::to_string(&Identified {
            line,
            request_id: request_id.as_deref(),
        });
        let written = JsValue::from(written.unwrap_or_default());
        match line.level {
            Level::Error => console::error_1(&written),
            Level::Info | Level::Warn => console::log_1(&written),
        }
    }
}
