//! What the runtime itself gives: randomness, timers, work after the answer, the console.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use worker::{Context, Delay, console_error, console_log};

use crate::domain::time::UnixSeconds;
use crate::ports::{Background, Entropy, Log, NoEntropy, Timer};

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

    fn line(&self, line: &serde_json::Value) {
        let mut line = line.clone();
        if let (Some(object), Some(id)) = (line.as_object_mut(), self.request_id.borrow().as_ref())
        {
            object.insert("request.id".to_owned(), id.as_str().into());
        }
        if line.get("level").and_then(serde_json::Value::as_str) == Some("error") {
            console_error!("{line}");
        } else {
            console_log!("{line}");
        }
    }
}
