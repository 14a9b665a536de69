//! The ports of one request, over the platform's bindings.

use core::cell::{Cell, RefCell};
use core::pin::pin;
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use serde_json::json;
use worker::{Context, Delay, Env, console_error, console_log};

use super::d1::Database;
use super::kv::Kv;
use crate::ports::{Background, Entropy, Limiter, Log, NoEntropy, Ports, RateLimiter, Timer};

/// Names of the bindings; `wrangler.toml` must have them all (`tests/layers.rs`).
pub(super) const DB: &str = "DB";
/// See [`DB`].
pub(super) const KV: &str = "KV";

/// The limiters' names, as `wrangler.toml` has them.
const LOGIN_LIMITER: &str = "LOGIN_LIMITER";
const REGISTER_LIMITER: &str = "REGISTER_LIMITER";
const REFRESH_LIMITER: &str = "REFRESH_LIMITER";
/// How long a limiter may take before the request goes on without it.
const LIMITER_TIMEOUT: Duration = Duration::from_secs(1);

thread_local! {
    /// Whether this isolate has said that its limiters do not work.
    static LIMITER_REPORTED: Cell<bool> = const { Cell::new(false) };
}

/// The platform's rate limiters.
pub(super) struct BoundLimiters {
    env: Env,
    log: ConsoleLog,
}

/// Randomness from the runtime's `crypto.getRandomValues`.
pub(super) struct RuntimeEntropy;

/// `setTimeout`.
pub(super) struct RuntimeTimer;

/// `ctx.waitUntil`: cut off 30 s after the answer, and lost when the isolate dies.
pub(super) struct WaitUntil(Context);

/// One JSON object a line, with the request's id.
#[derive(Clone, Default)]
pub(super) struct ConsoleLog {
    request_id: Rc<RefCell<Option<String>>>,
}

/// Everything that a request may use.
pub(super) struct WorkerPorts {
    database: Database,
    kv: Kv,
    limiter: BoundLimiters,
    entropy: RuntimeEntropy,
    timer: RuntimeTimer,
    background: WaitUntil,
    log: ConsoleLog,
}

/// What is wrong with the bindings, one entry each.
pub(super) fn missing(env: &Env) -> Vec<String> {
    [(DB, env.d1(DB).is_err()), (KV, env.kv(KV).is_err())]
        .into_iter()
        .filter(|(_, is_missing)| *is_missing)
        .map(|(name, _)| format!("{name}: is not bound"))
        .collect()
}

impl WorkerPorts {
    /// Fails with the name of a binding that is missing or of another kind.
    pub(super) fn new(env: &Env, context: Context) -> Result<Self, &'static str> {
        let log = ConsoleLog::default();
        Ok(Self {
            database: Database::new(env.d1(DB).map_err(|_| DB)?),
            kv: Kv::new(env.kv(KV).map_err(|_| KV)?, log.clone()),
            limiter: BoundLimiters {
                env: env.clone(),
                log: log.clone(),
            },
            entropy: RuntimeEntropy,
            timer: RuntimeTimer,
            background: WaitUntil(context),
            log,
        })
    }
}

impl RateLimiter for BoundLimiters {
    async fn admits(&self, limiter: Limiter, key: &str) -> bool {
        let name = match limiter {
            Limiter::Login => LOGIN_LIMITER,
            Limiter::Register => REGISTER_LIMITER,
            Limiter::Refresh => REFRESH_LIMITER,
        };
        let asked = async { self.env.rate_limiter(name)?.limit(key.to_owned()).await };
        if let Either::Left((Ok(outcome), _)) =
            select(pin!(asked), Delay::from(LIMITER_TIMEOUT)).await
        {
            return outcome.success;
        }
        if !LIMITER_REPORTED.replace(true) {
            self.log.line(&json!({
                "level": "error",
                "event": "limiter.failure",
                "limiter": name,
            }));
        }
        true
    }
}

impl Entropy for RuntimeEntropy {
    fn bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?;
        Ok(bytes)
    }
}

impl Timer for RuntimeTimer {
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

impl Ports for WorkerPorts {
    type Users = Database;
    type Sessions = Database;
    type Revocations = Kv;
    type Cache = Kv;
    type Limiter = BoundLimiters;
    type Entropy = RuntimeEntropy;
    type Timer = RuntimeTimer;
    type Background = WaitUntil;
    type Log = ConsoleLog;

    fn users(&self) -> &Database {
        &self.database
    }
    fn sessions(&self) -> &Database {
        &self.database
    }
    fn revocations(&self) -> &Kv {
        &self.kv
    }
    fn cache(&self) -> &Kv {
        &self.kv
    }
    fn limiter(&self) -> &BoundLimiters {
        &self.limiter
    }
    fn entropy(&self) -> &RuntimeEntropy {
        &self.entropy
    }
    fn timer(&self) -> &RuntimeTimer {
        &self.timer
    }
    fn background(&self) -> &WaitUntil {
        &self.background
    }
    fn log(&self) -> &ConsoleLog {
        &self.log
    }
}
