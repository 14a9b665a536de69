//! In-memory ports for native tests: the same contracts as `platform`, decided by the state
//! machine of `domain::session` instead of SQL. They count what the real ones are billed for.

mod audit;
mod sessions;
mod users;

use core::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::domain::audit::{AuditEntry, AuditEvent, Trace};
use crate::domain::breach::RangePrefix;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::session::{EndReason, Session};
use crate::domain::throttle::{Attempts, Pace, ThrottleKey};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{
    Attempt, Background, BreachedPasswords, CachedAccount, Credentials, Entropy, Identified,
    Limiter, Line, Log, NoEntropy, NoRange, Ports, RateLimiter, RevocationList, RevokedToken,
    StoreError, Timer, UserCache,
};

/// The tables.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) users: Vec<Credentials>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) attempts: HashMap<String, Attempts>,
    pub(crate) audit: Vec<AuditRow>,
}

/// A row of the audit log; refusals share one by their bucket.
pub(crate) struct AuditRow {
    pub(crate) user: Option<UserId>,
    pub(crate) entry: AuditEntry,
    bucket: Option<String>,
}

/// The database, with the number of round trips, and a fault to be injected.
#[derive(Clone, Default)]
pub(crate) struct MemoryStore {
    pub(crate) tables: Rc<RefCell<Tables>>,
    pub(crate) round_trips: Rc<Cell<u32>>,
    /// Writes that no request waits for.
    pub(crate) writes_behind: Rc<Cell<u32>>,
    pub(crate) is_down: Rc<Cell<bool>>,
}

/// KV.
#[derive(Clone, Default)]
pub(crate) struct MemoryKv {
    /// How often a copy was asked for.
    pub(crate) asked: Rc<Cell<u32>>,
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
    pub(crate) store: MemoryStore,
    pub(crate) kv: MemoryKv,
    pub(crate) limiter: MemoryLimiter,
    pub(crate) breaches: MemoryBreaches,
    pub(crate) entropy: CountingEntropy,
    pub(crate) timer: NoWaiting,
    pub(crate) log: MemoryLog,
    pub(crate) background: MemoryBackground,
}

impl MemoryStore {
    fn round_trip(&self) -> Result<(), StoreError> {
        self.round_trips.set(self.round_trips.get() + 1);
        if self.is_down.get() {
            return Err(StoreError::Unavailable {
                cause: "injected".to_owned(),
            });
        }
        Ok(())
    }
}

impl Tables {
    fn user(&mut self, id: UserId) -> Option<&mut Credentials> {
        self.users.iter_mut().find(|entry| entry.user.id == id)
    }

    fn attempts(&self, key: &ThrottleKey) -> Attempts {
        let found = self.attempts.get(key.as_str());
        found.copied().unwrap_or(Attempts::NONE)
    }

    /// How long to wait, if the attempt is not let through.
    fn count(&mut self, attempt: &Attempt, is_known_device: bool) -> Option<Seconds> {
        let Attempt { keys, now, .. } = attempt;
        let pair = self.attempts(&keys.pair);
        let account = self.attempts(&keys.account);
        let waived = Attempts {
            blocked_until: UnixSeconds::new(0),
            ..account
        };
        let judged = if is_known_device { waived } else { account };
        let counted = (
            pair.count(Pace::Doubling, *now),
            judged.count(Pace::OneAMinute, *now),
        );
        let (Some(new_pair), Some(new_account)) = counted else {
            let pauses = [pair, judged].map(|counter| counter.blocked_until.left_from(*now));
            return pauses.into_iter().max();
        };
        for (key, counter) in [(&keys.pair, new_pair), (&keys.account, new_account)] {
            self.attempts.insert(key.as_str().to_owned(), counter);
        }
        None
    }

    fn live(&self, user: UserId, now: UnixSeconds) -> impl Iterator<Item = &Session> {
        self.sessions
            .iter()
            .filter(move |session| session.user == user && session.is_live(now))
    }

    fn record(
        &mut self,
        (event, user, session): (AuditEvent, UserId, Option<SessionId>),
        trace: &Trace,
    ) {
        self.audit.push(AuditRow {
            user: Some(user),
            entry: AuditEntry {
                event,
                session,
                reason: None,
                at: trace.at,
                last_at: trace.at,
                count: 1,
                country: trace.country.clone(),
                request_id: trace.request_id.clone(),
            },
            bucket: None,
        });
    }

    fn end(
        &mut self,
        (trace, reason): (&Trace, EndReason),
        chosen: impl Fn(&Session) -> bool,
    ) -> Vec<RevokedToken> {
        let mut revoked = Vec::new();
        let mut recorded = Vec::new();
        let now = trace.at;
        for session in &mut self.sessions {
            if session.is_live(now) && chosen(session) {
                recorded.push((session.user, session.id));
                session.ended = Some((now, reason));
                let previous = session.generation.previous.map(|(id, _)| id);
                for id in [Some(session.generation.current), previous]
                    .into_iter()
                    .flatten()
                {
                    revoked.push(RevokedToken {
                        id,
                        expires_at: session.idle_expires_at,
                    });
                }
            }
        }
        let event = match reason {
            EndReason::Logout => AuditEvent::LoggedOut,
            EndReason::Reuse => AuditEvent::RefreshReused,
            // Recorded once, for all of them.
            EndReason::PasswordChanged => return revoked,
            EndReason::Replaced | EndReason::Evicted | EndReason::Revoked => {
                AuditEvent::SessionEnded
            }
        };
        for (user, session) in recorded {
            self.record((event, user, Some(session)), trace);
            if let (AuditEvent::SessionEnded, Some(row)) = (event, self.audit.last_mut()) {
                row.entry.reason = Some(reason.as_str().to_owned());
            }
        }
        revoked
    }
}

impl RevocationList for MemoryKv {
    async fn has_ended(&self, token: TokenId) -> bool {
        self.revoked.borrow().contains(&token.to_string())
    }

    async fn add(&self, token: RevokedToken, _: UnixSeconds) {
        self.revoked.borrow_mut().insert(token.id.to_string());
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
    type Users = MemoryStore;
    type Sessions = MemoryStore;
    type Audit = MemoryStore;
    type Revocations = MemoryKv;
    type Cache = MemoryKv;
    type Limiter = MemoryLimiter;
    type Breaches = MemoryBreaches;
    type Entropy = CountingEntropy;
    type Timer = NoWaiting;
    type Background = MemoryBackground;
    type Log = MemoryLog;

    fn users(&self) -> &MemoryStore {
        &self.store
    }
    fn sessions(&self) -> &MemoryStore {
        &self.store
    }
    fn audit(&self) -> &MemoryStore {
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
