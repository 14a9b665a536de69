//! The outside world of the native tests: SQLite in place of D1, and fakes for what may lose
//! everything. They count what the real services charge for.

pub(crate) mod mail;
mod mutants;
pub(crate) mod sqlite;

use core::cell::{Cell, RefCell};
use core::ops::Deref;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::domain::credential::breach::RangePrefix;
use crate::domain::id::{TokenId, UserId};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{
    Background, Batch, BreachedPasswords, CachedAccount, Database, Entropy, Identified, Limiter,
    Line, Log, NoEntropy, NoRange, Ports, RateLimiter, RevocationList, Rows, StoreError, Timer,
    UserCache,
};
pub(crate) use mail::{Fate, MemoryMailer};
use sqlite::Sqlite;

/// The outside world of a test; clones share it.
#[derive(Clone, Default)]
pub(crate) struct MemoryPorts(Rc<Memory>);

/// The state that tests set and inspect.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) store: Sqlite,
    pub(crate) kv: MemoryKv,
    pub(crate) limiter: MemoryLimiter,
    pub(crate) breaches: MemoryBreaches,
    pub(crate) mailer: MemoryMailer,
    pub(crate) timer: MemoryTimer,
    pub(crate) log: MemoryLog,
    pub(crate) background: MemoryBackground,
    /// A counter in place of randomness: reproducible, and never the same twice.
    entropy: Cell<u64>,
}

/// A fake of KV.
#[derive(Default)]
pub(crate) struct MemoryKv {
    /// How many times a copy was read.
    pub(crate) asked: Cell<u32>,
    /// The number of entries added to the revocation list, and of deleted copies.
    pub(crate) writes: Cell<u32>,
    pub(crate) revoked: RefCell<HashSet<String>>,
    pub(crate) accounts: RefCell<HashMap<String, CachedAccount>>,
    pub(crate) is_down: Cell<bool>,
}

/// A fake limiter that records its requests, and refuses all of them, or those that are counted by
/// client or network, when it is full.
#[derive(Default)]
pub(crate) struct MemoryLimiter {
    pub(crate) seen: RefCell<Vec<(Limiter, String)>>,
    pub(crate) is_full: Cell<bool>,
    pub(crate) clients_are_full: Cell<bool>,
}

/// A fake breach service that records its requests, and returns a fixed answer.
pub(crate) struct MemoryBreaches {
    pub(crate) seen: RefCell<Vec<String>>,
    pub(crate) answer: RefCell<Result<Vec<u8>, NoRange>>,
}

/// A clock that the test advances, and what takes time.
#[derive(Default)]
pub(crate) struct MemoryTimer {
    pub(crate) now: Cell<i64>,
    /// How many seconds a call of the database takes.
    pub(crate) a_call: Cell<i64>,
    /// How many seconds a pause takes.
    pub(crate) a_pause: Cell<i64>,
}

impl MemoryTimer {
    pub(crate) fn pass(&self, seconds: i64) {
        self.now.set(self.now.get() + seconds);
    }
}

/// A log that collects its lines.
#[derive(Default)]
pub(crate) struct MemoryLog(pub(crate) RefCell<Vec<serde_json::Value>>);

/// Runs background work at once, or drops it as a cancelled `waitUntil` does.
#[derive(Default)]
pub(crate) struct MemoryBackground {
    pub(crate) is_dropped: Cell<bool>,
}

impl Default for MemoryBreaches {
    fn default() -> Self {
        Self {
            seen: RefCell::default(),
            answer: RefCell::new(Err(NoRange::Unreachable)),
        }
    }
}

impl Deref for MemoryPorts {
    type Target = Memory;

    fn deref(&self) -> &Memory {
        &self.0
    }
}

impl Ports for MemoryPorts {}

impl Database for MemoryPorts {
    async fn run(&self, batch: &Batch<'_>) -> Result<Vec<Box<dyn Rows>>, StoreError> {
        self.timer.pass(self.timer.a_call.get());
        self.store.run(batch).await
    }

    async fn run_once(&self, batch: &Batch<'_>) -> Result<Vec<Box<dyn Rows>>, StoreError> {
        self.timer.pass(self.timer.a_call.get());
        self.store.run_once(batch).await
    }
}

impl RevocationList for MemoryPorts {
    async fn has_ended(&self, token: TokenId) -> bool {
        self.kv.revoked.borrow().contains(&token.to_string())
    }

    async fn list_ended(&self, token: TokenId, _: Seconds) {
        self.kv.writes.set(self.kv.writes.get() + 1);
        self.kv.revoked.borrow_mut().insert(token.to_string());
    }
}

impl UserCache for MemoryPorts {
    async fn find_copy(&self, user: UserId) -> Option<CachedAccount> {
        self.kv.asked.set(self.kv.asked.get() + 1);
        self.kv.accounts.borrow().get(&user.to_string()).cloned()
    }

    async fn keep_copy(&self, account: &CachedAccount) {
        self.kv
            .accounts
            .borrow_mut()
            .insert(account.user.id.to_string(), account.clone());
    }

    async fn drop_copy(&self, user: UserId) {
        self.kv.writes.set(self.kv.writes.get() + 1);
        self.kv.accounts.borrow_mut().remove(&user.to_string());
    }

    async fn responds(&self) -> bool {
        !self.kv.is_down.get()
    }
}

impl RateLimiter for MemoryPorts {
    async fn admits(&self, limiter: Limiter, key: &str) -> bool {
        self.limiter
            .seen
            .borrow_mut()
            .push((limiter, key.to_owned()));
        let is_by_client = key.contains(":c");
        !(self.limiter.is_full.get() || is_by_client && self.limiter.clients_are_full.get())
    }
}

impl BreachedPasswords for MemoryPorts {
    async fn breached_range(&self, prefix: &RangePrefix) -> Result<Vec<u8>, NoRange> {
        self.breaches
            .seen
            .borrow_mut()
            .push(prefix.as_str().to_owned());
        self.breaches.answer.borrow().clone()
    }
}

impl Entropy for MemoryPorts {
    fn random_bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let count = self.entropy.get() + 1;
        self.entropy.set(count);
        let mut bytes = [0; N];
        for (to, from) in bytes.iter_mut().rev().zip(count.to_le_bytes()) {
            *to = from;
        }
        Ok(bytes)
    }
}

impl Timer for MemoryPorts {
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.timer.now.get())
    }

    async fn pause(&self, _: u32) {
        self.timer.pass(self.timer.a_pause.get());
    }
}

impl Background for MemoryPorts {
    fn in_background(&self, task: impl Future<Output = ()> + 'static) {
        if !self.background.is_dropped.get() {
            pollster::block_on(task);
        }
    }
}

impl Log for MemoryPorts {
    fn identify(&self, _: &str) {}

    fn write(&self, line: &Line<'_>) {
        let line = Identified {
            line,
            request_id: None,
        };
        let written = serde_json::to_value(line).expect("a line is JSON");
        self.log.0.borrow_mut().push(written);
    }
}
