//! The ports of one request, over the platform's bindings.

use worker::{Context, Env};

use super::breach::PwnedPasswords;
use super::d1::D1;
use super::kv::Kv;
use super::limiter::BoundLimiters;
use super::names::{DB, KV};
use super::runtime::{ConsoleLog, RuntimeEntropy, RuntimeTimer, WaitUntil};
use crate::ports::Ports;

/// Everything that a request may use.
pub(super) struct WorkerPorts {
    database: D1,
    kv: Kv,
    limiter: BoundLimiters,
    breaches: PwnedPasswords,
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
    /// Looks nothing up yet: `isolate` has found the bindings to be there.
    pub(super) fn new(env: &Env, context: Context) -> Self {
        let log = ConsoleLog::default();
        Self {
            database: D1::new(env.clone()),
            kv: Kv::new(env.clone(), log.clone()),
            limiter: BoundLimiters::new(env.clone(), log.clone()),
            breaches: PwnedPasswords,
            entropy: RuntimeEntropy,
            timer: RuntimeTimer,
            background: WaitUntil::new(context),
            log,
        }
    }
}

impl Ports for WorkerPorts {
    type Database = D1;
    type Revocations = Kv;
    type Cache = Kv;
    type Limiter = BoundLimiters;
    type Breaches = PwnedPasswords;
    type Entropy = RuntimeEntropy;
    type Timer = RuntimeTimer;
    type Background = WaitUntil;
    type Log = ConsoleLog;

    fn database(&self) -> &D1 {
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
    fn breaches(&self) -> &PwnedPasswords {
        &self.breaches
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
