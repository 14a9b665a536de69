//! In-memory ports for native tests: the same contracts as `platform`, decided by the state
//! machine of `domain::session` instead of SQL. They count what the real ones are billed for.

use core::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::session::{EndReason, MAX_LIVE_SESSIONS, Presented, Session};
use crate::domain::throttle::{Attempts, Pace, ThrottleKey};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::domain::user::{User, UserName};
use crate::ports::{
    Account, Attempt, Attempted, Background, CachedAccount, Credentials, Entropy, Limiter, Log,
    Login, LoginAttempt, NewUser, NoEntropy, PasswordReplacement, PasswordVersion, Ports,
    RateLimiter, Registration, Revocation, RevocationList, RevokedToken, RotatedSession, Rotation,
    RotationRequest, SessionStore, StoreError, Timer, UserCache, UserStore,
};

/// The tables.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) users: Vec<Credentials>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) attempts: HashMap<String, Attempts>,
}

/// The database, with the number of round trips, and a fault to be injected.
#[derive(Clone, Default)]
pub(crate) struct MemoryStore {
    pub(crate) tables: Rc<RefCell<Tables>>,
    pub(crate) round_trips: Rc<Cell<u32>>,
    pub(crate) is_down: Rc<Cell<bool>>,
}

/// KV.
#[derive(Clone, Default)]
pub(crate) struct MemoryKv {
    pub(crate) revoked: Rc<RefCell<HashMap<String, Revocation>>>,
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

/// Time passes when the test says so.
#[derive(Default)]
pub(crate) struct NoWaiting {
    pub(crate) now: Cell<i64>,
}

/// Collects the lines.
#[derive(Default)]
pub(crate) struct MemoryLog(pub(crate) RefCell<Vec<serde_json::Value>>);

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

    fn end(
        &mut self,
        (now, reason): (UnixSeconds, EndReason),
        chosen: impl Fn(&Session) -> bool,
    ) -> Vec<RevokedToken> {
        let mut revoked = Vec::new();
        for session in &mut self.sessions {
            if session.ended.is_none() && chosen(session) {
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
        revoked
    }
}

impl UserStore for MemoryStore {
    async fn register(&self, user: &NewUser) -> Result<Registration, StoreError> {
        self.round_trip()?;
        if user.role.as_str() != "application-access" {
            return Ok(Registration::NoSuchRole);
        }
        let users = &mut self.tables.borrow_mut().users;
        if let Some(other) = users.iter().find(|other| other.user.email == user.email) {
            return Ok(if other.user.id == user.id {
                Registration::Registered(other.user.clone())
            } else {
                Registration::EmailTaken
            });
        }
        let row = User {
            id: user.id,
            email: user.email.clone(),
            name: user.name.as_ref().map(|name| name.as_str().to_owned()),
            is_active: true,
            is_superuser: false,
            role_slug: user.role.as_str().to_owned(),
            role_name: "Application Access".to_owned(),
            created_at: user.now,
            updated_at: user.now,
        };
        users.push(Credentials {
            user: row.clone(),
            hash: user.hash.clone(),
            version: PasswordVersion(1),
        });
        Ok(Registration::Registered(row))
    }

    async fn attempt(&self, attempt: &LoginAttempt) -> Result<Attempted, StoreError> {
        self.round_trip()?;
        let tables = &mut *self.tables.borrow_mut();
        let found = tables
            .users
            .iter()
            .find(|entry| entry.user.email == attempt.email)
            .cloned();
        let is_known_device = found.as_ref().is_some_and(|found| {
            tables
                .live(found.user.id, attempt.counted.now)
                .any(|session| attempt.carried.contains(&Some(session.id)))
        });
        let pause = tables.count(&attempt.counted, is_known_device);
        Ok(pause.map_or(Attempted::Admitted(found), Attempted::Throttled))
    }

    async fn rename(
        &self,
        user: UserId,
        name: Option<&UserName>,
        now: UnixSeconds,
    ) -> Result<Option<User>, StoreError> {
        self.round_trip()?;
        let mut tables = self.tables.borrow_mut();
        Ok(tables
            .user(user)
            .filter(|entry| entry.user.is_active)
            .map(|entry| {
                entry.user.name = name.map(|name| name.as_str().to_owned());
                entry.user.updated_at = now;
                entry.user.clone()
            }))
    }

    async fn credentials_in(
        &self,
        session: SessionId,
        user: UserId,
        attempt: &Attempt,
    ) -> Result<Attempted, StoreError> {
        self.round_trip()?;
        let tables = &mut *self.tables.borrow_mut();
        let is_live = tables
            .live(user, attempt.now)
            .any(|live| live.id == session);
        if let Some(pause) = is_live.then(|| tables.count(attempt, false)).flatten() {
            return Ok(Attempted::Throttled(pause));
        }
        let found = tables
            .user(user)
            .filter(|entry| is_live && entry.user.is_active);
        Ok(Attempted::Admitted(found.cloned()))
    }

    async fn account(&self, user: UserId, now: UnixSeconds) -> Result<Option<Account>, StoreError> {
        self.round_trip()?;
        let mut tables = self.tables.borrow_mut();
        let live_sessions = tables.live(user, now).map(|session| session.id).collect();
        Ok(tables.user(user).map(|entry| Account {
            user: entry.user.clone(),
            live_sessions,
        }))
    }

    async fn replace_password(
        &self,
        change: &PasswordReplacement,
    ) -> Result<Option<Vec<RevokedToken>>, StoreError> {
        self.round_trip()?;
        let mut tables = self.tables.borrow_mut();
        let is_live = tables
            .live(change.user, change.now)
            .any(|live| live.id == change.session);
        let Some(entry) = tables
            .user(change.user)
            .filter(|entry| is_live && entry.version == change.verified)
        else {
            return Ok(None);
        };
        entry.hash = change.new.clone();
        entry.version.0 += 1;
        entry.user.updated_at = change.now;
        for key in [&change.attempts.pair, &change.attempts.account] {
            tables.attempts.remove(key.as_str());
        }
        let user = change.user;
        Ok(Some(tables.end(
            (change.now, EndReason::PasswordChanged),
            |session| session.user == user,
        )))
    }
}

impl SessionStore for MemoryStore {
    async fn begin(&self, login: &Login) -> Result<Option<Vec<RevokedToken>>, StoreError> {
        self.round_trip()?;
        let mut tables = self.tables.borrow_mut();
        let Login { session, now, .. } = login;
        let Some(entry) = tables
            .user(session.user)
            .filter(|entry| entry.user.is_active && entry.version == login.verified)
        else {
            return Ok(None);
        };
        if let Some(rehash) = login
            .rehash
            .as_ref()
            .filter(|rehash| rehash.from == entry.hash)
        {
            entry.hash = rehash.to.clone();
        }
        for key in [&login.attempts.pair, &login.attempts.account] {
            tables.attempts.remove(key.as_str());
        }
        let mut ended = tables.end((*now, EndReason::Replaced), |other| {
            login.carried.contains(&Some(other.id))
        });
        tables.sessions.push(session.clone());
        let mut live: Vec<_> = tables
            .live(session.user, *now)
            .filter(|other| other.id != session.id)
            .map(|other| (other.last_used_at, other.id))
            .collect();
        // Stable: of equals the later one stays in front after the reversal.
        live.reverse();
        live.sort_by_key(|(last_used_at, _)| core::cmp::Reverse(*last_used_at));
        let evicted: Vec<_> = live.into_iter().skip(MAX_LIVE_SESSIONS - 1).collect();
        ended.extend(tables.end((*now, EndReason::Evicted), |other| {
            evicted.iter().any(|(_, id)| *id == other.id)
        }));
        Ok(Some(ended))
    }

    async fn rotate(&self, request: &RotationRequest) -> Result<Rotation, StoreError> {
        self.round_trip()?;
        let mut tables = self.tables.borrow_mut();
        let Some(role) = tables
            .user(request.user)
            .filter(|entry| entry.user.is_active)
            .map(|entry| entry.user.role_slug.clone())
        else {
            return Ok(Rotation::Dead);
        };
        let Some(session) = tables
            .sessions
            .iter_mut()
            .find(|session| session.id == request.session && session.user == request.user)
        else {
            return Ok(Rotation::Dead);
        };
        let outcome = |session: &Session| RotatedSession {
            generation: session.generation,
            issued_at: session.current_issued_at(),
            expires_at: session.idle_expires_at,
            role,
        };
        match session.judge(request.presented, request.grace, request.now) {
            Presented::Current => {
                session.rotate(request.successor, request.idle, request.now);
                Ok(Rotation::Rotated(outcome(session)))
            }
            Presented::WithinGrace => Ok(Rotation::Replayed(outcome(session))),
            Presented::Superseded => {
                let id = session.id;
                Ok(Rotation::Reused(
                    tables.end((request.now, EndReason::Reuse), |other| other.id == id),
                ))
            }
            Presented::Dead => Ok(Rotation::Dead),
        }
    }

    async fn list(&self, user: UserId, now: UnixSeconds) -> Result<Vec<Session>, StoreError> {
        self.round_trip()?;
        let tables = self.tables.borrow();
        let mut live: Vec<Session> = tables.live(user, now).cloned().collect();
        live.reverse();
        live.sort_by_key(|session| core::cmp::Reverse(session.last_used_at));
        Ok(live)
    }

    async fn end_all(
        &self,
        user: UserId,
        except: Option<SessionId>,
        now: UnixSeconds,
    ) -> Result<Vec<RevokedToken>, StoreError> {
        self.round_trip()?;
        let mut tables = self.tables.borrow_mut();
        Ok(tables.end((now, EndReason::Revoked), |session| {
            session.user == user && Some(session.id) != except
        }))
    }

    async fn end(
        &self,
        session: SessionId,
        user: UserId,
        reason: EndReason,
        now: UnixSeconds,
    ) -> Result<Vec<RevokedToken>, StoreError> {
        self.round_trip()?;
        Ok(self.tables.borrow_mut().end((now, reason), |other| {
            other.id == session && other.user == user
        }))
    }
}

impl RevocationList for MemoryKv {
    async fn find(&self, token: TokenId) -> Option<Revocation> {
        self.revoked.borrow().get(&token.to_string()).copied()
    }

    async fn add(&self, token: RevokedToken, why: Revocation, _: UnixSeconds) {
        self.revoked.borrow_mut().insert(token.id.to_string(), why);
    }
}

impl UserCache for MemoryKv {
    async fn find(&self, user: UserId) -> Option<CachedAccount> {
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

    fn line(&self, line: &serde_json::Value) {
        self.0.borrow_mut().push(line.clone());
    }
}

impl Ports for MemoryPorts {
    type Users = MemoryStore;
    type Sessions = MemoryStore;
    type Revocations = MemoryKv;
    type Cache = MemoryKv;
    type Limiter = MemoryLimiter;
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
    fn revocations(&self) -> &MemoryKv {
        &self.kv
    }
    fn cache(&self) -> &MemoryKv {
        &self.kv
    }
    fn limiter(&self) -> &MemoryLimiter {
        &self.limiter
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
