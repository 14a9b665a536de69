//! The outside world of the native tests: SQLite in D1's place, fakes for what may lose everything.
//! They count what the real ones are billed for.

mod mutants;
pub(crate) mod sqlite;

use core::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::domain::credential::breach::RangePrefix;
use crate::domain::id::{TokenId, UserId};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{
    Background, BreachedPasswords, CachedAccount, Entropy, Identified, Limiter, Line, Log,
    NoEntropy, NoRange, Ports, RateLimiter, RevocationList, Timer, UserCache,
};
use sqlite::Sqlite;

/// KV.
#[derive(Clone, Default)]
pub(crate) struct MemoryKv {
    /// How often a copy was asked for.
    pub(crate) asked: Rc<Cell<u32>>,
    /// Entries of the revocation list and deletions of copies.
    pub(crate) writes: Rc<Cell<u32>>,
    pub(crate) revoked: Rc<RefCell<HashSet<String>>>,
    pub(crate) accounts: Rc<RefCell<HashMap<String, CachedAccount>>>,
}

/// A counter in place of randomness: reproducible, and never twice the same.
#[derive(Default)]
pub(crate) struct CountingEntropy(Cell<u64>);

/// Remembers what it was asked, and refuses when it is told to.
#[derive(Default)]
pub(crate) struct MemoryLimiter {
    pub(crate) seen: RefCell<Vec<(Limiter, String)>>,
    pub(crate) is_full: Cell<bool>,
}

/// Remembers what it was asked, and answers what it is told to.
pub(crate) struct MemoryBreaches {
    pub(crate) seen: RefCell<Vec<String>>,
    pub(crate) answer: RefCell<Result<Vec<u8>, NoRange>>,
}

/// Time passes when the test says so.
#[derive(Default)]
pub(crate) struct NoWaiting {
    pub(crate) now: Cell<i64>,
}

/// Collects the lines.
#[derive(Clone, Default)]
pub(crate) struct MemoryLog(pub(crate) Rc<RefCell<Vec<serde_json::Value>>>);

/// Runs the work at once, or drops it as a cancelled `waitUntil` does.
#[derive(Default)]
pub(crate) struct MemoryBackground {
    pub(crate) is_dropped: Cell<bool>,
}

#[derive(Default)]
pub(crate) struct MemoryPorts {
    pub(crate) store: Sqlite,
    pub(crate) kv: MemoryKv,
    pub(crate) limiter: MemoryLimiter,
    pub(crate) breaches: MemoryBreaches,
    pub(crate) entropy: CountingEntropy,
    pub(crate) timer: NoWaiting,
    pub(crate) log: MemoryLog,
    pub(crate) background: MemoryBackground,
}

impl RevocationList for MemoryKv {
    async fn has_ended(&self, token: TokenId) -> bool {
        self.revoked.borrow().contains(&token.to_string())
    }

    async fn add(&self, token: TokenId, _: Seconds) {
        self.writes.set(self.writes.get() + 1);
        self.revoked.borrow_mut().insert(token.to_string());
    }
}

impl UserCache for MemoryKv {
    async fn find(&self, user: UserId) -> Option<CachedAccount> {
        self.asked.set(self.asked.get() + 1);
        self.accounts.borrow().get(&user.to_string()).cloned()
    }

    async fn keep(&self, account: &CachedAccount) {
        self.accounts
            .borrow_mut()
            .insert(account.user.id.to_string(), account.clone());
    }

    async fn drop_copy(&self, user: UserId) {
        self.writes.set(self.writes.get() + 1);
        self.accounts.borrow_mut().remove(&user.to_string());
    }
}

impl RateLimiter for MemoryLimiter {
    async fn admits(&self, limiter: Limiter, key: &str) -> bool {
        self.seen.borrow_mut().push((limiter, key.to_owned()));
        !self.is_full.get()
    }
}

impl Default for MemoryBreaches {
    fn default() -> Self {
        Self {
            seen: RefCell::default(),
            answer: RefCell::new(Err(NoRange::Unreachable)),
        }
    }
}

impl BreachedPasswords for MemoryBreaches {
    async fn range(&self, prefix: &RangePrefix) -> Result<Vec<u8>, NoRange> {
        self.seen.borrow_mut().push(prefix.as_str().to_owned());
        self.answer.borrow().clone()
    }
}

impl Entropy for CountingEntropy {
    fn bytes<const N: usize>(&self) -> Result<[u8; N], NoEntropy> {
        let count = self.0.get() + 1;
        self.0.set(count);
        let mut bytes = [0; N];
        for (to, from) in bytes.iter_mut().rev().zip(count.to_le_bytes()) {
            *to = from;
        }
        Ok(bytes)
    }
}

impl Timer for NoWaiting {
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.now.get())
    }

    async fn pause(&self, _: u32) {}
}

impl Background for MemoryBackground {
    fn run(&self, task: impl Future<Output = ()> + 'static) {
        if !self.is_dropped.get() {
            pollster::block_on(task);
        }
    }
}

impl Log for MemoryLog {
    fn identify(&self, _: &str) {}

    fn line(&self, line: &Line<'_>) {
        let line = Identified {
            line,
            request_id: None,
        };
        let written = serde_json::to_value(line).expect("a line is JSON");
        self.0.borrow_mut().push(written);
    }
}

impl Ports for MemoryPorts {
    type Database = Sqlite;
    type Revocations = MemoryKv;
    type Cache = MemoryKv;
    type Limiter = MemoryLimiter;
    type Breaches = MemoryBreaches;
    type Entropy = CountingEntropy;
    type Timer = NoWaiting;
    type Background = MemoryBackground;
    type Log = MemoryLog;

    fn database(&self) -> &Sqlite {
        &self.store
    }
    fn revocations(&self) -> &MemoryKv {
        &self.kv
    }
    fn cache(&self) -> &MemoryKv {
        &self.kv
    }
    fn limiter(&self) -> &MemoryLimiter {
        &self.limiter
    }
    fn breaches(&self) -> &MemoryBreaches {
        &self.breaches
    }
    fn entropy(&self) -> &CountingEntropy {
        &self.entropy
    }
    fn timer(&self) -> &NoWaiting {
        &self.timer
    }
    fn background(&self) -> &MemoryBackground {
        &self.background
    }
    fn log(&self) -> &MemoryLog {
        &self.log
    }
}
