//! What the runtime itself gives: randomness, timers, work after the answer, the console.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use wasm_bindgen::JsValue;
use worker::web_sys::console;
use worker::{Context, Delay};

use crate::domain::time::UnixSeconds;
use crate::ports::{Background, Entropy, Identified, Level, Line, Log, NoEntropy, Timer};

/// Randomness from the runtime's `crypto.getRandomValues`.
pub(super) struct RuntimeEntropy;

/// Milliseconds in a second.
const MILLIS: u64 = 1_000;

/// `Date.now` and `setTimeout`.
pub(super) struct RuntimeTimer;

/// `ctx.waitUntil`: cut off 30 s after the answer, and lost when the isolate dies.
pub(super) struct WaitUntil(Context);

impl WaitUntil {
    pub(super) const fn new(context: Context) -> Self {
        Self(context)
    }
}

/// One JSON object a line, with the request's id.
#[derive(Clone, Default)]
pub(super) struct ConsoleLog {
    request_id: Rc<RefCell<Option<String>>>,
}

impl Entropy for RuntimeEntropy {
    fn bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?;
        Ok(bytes)
    }
}

impl Timer for RuntimeTimer {
    fn now(&self) -> UnixSeconds {
        let seconds = worker::Date::now().as_millis() / MILLIS;
        UnixSeconds::new(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

    async fn pause(&self, millis: u32) {
        Delay::from(Duration::from_millis(u64::from(millis))).await;
    }
}

impl Background for WaitUntil {
    fn run(&self, task: impl Future<Output = ()> + 'static) {
        self.0.wait_until(task);
    }
}

impl Log for ConsoleLog {
    fn identify(&self, request_id: &str) {
        *self.request_id.borrow_mut() = Some(request_id.to_owned());
    }

    fn line(&self, line: &Line<'_>) {
        let request_id = self.request_id.borrow();
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
