//! People, and tries of their passwords.

use super::MemoryStore;
use crate::domain::audit::AuditEvent;
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::EndReason;
use crate::domain::time::UnixSeconds;
use crate::domain::user::{User, UserName};
use crate::ports::{
    Account, Attempt, Attempted, Credentials, LoginAttempt, NewUser, PasswordReplacement,
    PasswordVersion, Registration, RevokedToken, StoreError, Throttled, UserStore,
};

impl UserStore for MemoryStore {
    async fn register(&self, user: &NewUser) -> Result<Registration, StoreError> {
        self.round_trip()?;
        if user.role.as_str() != "application-access" {
            return Ok(Registration::NoSuchRole);
        }
        let tables = &mut *self.tables.borrow_mut();
        let users = &mut tables.users;
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
            created_at: user.trace.at,
            updated_at: user.trace.at,
        };
        users.push(Credentials {
            user: row.clone(),
            hash: user.hash.clone(),
            version: PasswordVersion(1),
        });
        tables.record((AuditEvent::Registered, user.id, None), &user.trace);
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
        Ok(match pause {
            None => Attempted::Admitted(found),
            Some(pause) => Attempted::Throttled(Throttled {
                pause,
                user: found.map(|found| found.user.id),
            }),
        })
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
            let user = Some(user);
            return Ok(Attempted::Throttled(Throttled { pause, user }));
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
            .live(change.user, change.trace.at)
            .any(|live| live.id == change.session);
        let Some(entry) = tables
            .user(change.user)
            .filter(|entry| is_live && entry.version == change.verified)
        else {
            return Ok(None);
        };
        entry.hash = change.new.clone();
        entry.version.0 += 1;
        entry.user.updated_at = change.trace.at;
        for key in [&change.attempts.pair, &change.attempts.account] {
            tables.attempts.remove(key.as_str());
        }
        let user = change.user;
        let event = (AuditEvent::PasswordChanged, user, Some(change.session));
        tables.record(event, &change.trace);
        Ok(Some(tables.end(
            (&change.trace, EndReason::PasswordChanged),
            |session| session.user == user,
        )))
    }
}
