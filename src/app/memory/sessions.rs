//! Sessions: the state machine of `domain::session` decides.

use super::MemoryStore;
use crate::domain::audit::{AuditEvent, Trace};
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::{EndReason, MAX_LIVE_SESSIONS, Presented, Session};
use crate::domain::time::UnixSeconds;
use crate::ports::{
    Login, RevokedToken, RotatedSession, Rotation, RotationRequest, SessionStore, StoreError,
};

impl SessionStore for MemoryStore {
    async fn begin(&self, login: &Login) -> Result<Option<Vec<RevokedToken>>, StoreError> {
        self.round_trip()?;
        let mut tables = self.tables.borrow_mut();
        let Login { session, trace, .. } = login;
        let Some(entry) = tables
            .user(session.user)
            .filter(|entry| entry.user.is_active && entry.version == login.verified)
        else {
            return Ok(None);
        };
        let mut upgraded = false;
        if let Some(rehash) = login
            .rehash
            .as_ref()
            .filter(|rehash| rehash.from == entry.hash)
        {
            entry.hash = rehash.to.clone();
            upgraded = true;
        }
        tables.record(
            (AuditEvent::LoggedIn, session.user, Some(session.id)),
            trace,
        );
        if upgraded {
            let event = (AuditEvent::HashUpgraded, session.user, Some(session.id));
            tables.record(event, trace);
        }
        for key in [&login.attempts.pair, &login.attempts.account] {
            tables.attempts.remove(key.as_str());
        }
        let mut ended = tables.end((trace, EndReason::Replaced), |other| {
            login.carried.contains(&Some(other.id))
        });
        tables.sessions.push(session.clone());
        let mut live: Vec<_> = tables
            .live(session.user, trace.at)
            .filter(|other| other.id != session.id)
            .map(|other| (other.last_used_at, other.id))
            .collect();
        // Stable: of equals the later one stays in front after the reversal.
        live.reverse();
        live.sort_by_key(|(last_used_at, _)| core::cmp::Reverse(*last_used_at));
        let evicted: Vec<_> = live.into_iter().skip(MAX_LIVE_SESSIONS - 1).collect();
        ended.extend(tables.end((trace, EndReason::Evicted), |other| {
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
            refresh_id: session.generation.current,
            issued_at: session.current_issued_at(),
            expires_at: session.idle_expires_at,
            role,
        };
        match session.judge(request.presented, request.grace, request.trace.at) {
            Presented::Current => {
                session.rotate(request.successor, request.idle, request.trace.at);
                Ok(Rotation::Rotated(outcome(session)))
            }
            Presented::WithinGrace => Ok(Rotation::Rotated(outcome(session))),
            Presented::Superseded => {
                let id = session.id;
                Ok(Rotation::Reused(
                    tables.end((&request.trace, EndReason::Reuse), |other| other.id == id),
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
        trace: &Trace,
    ) -> Result<Vec<RevokedToken>, StoreError> {
        self.round_trip()?;
        let mut tables = self.tables.borrow_mut();
        Ok(tables.end((trace, EndReason::Revoked), |session| {
            session.user == user && Some(session.id) != except
        }))
    }

    async fn end(
        &self,
        session: SessionId,
        user: UserId,
        reason: EndReason,
        trace: &Trace,
    ) -> Result<Vec<RevokedToken>, StoreError> {
        self.round_trip()?;
        Ok(self.tables.borrow_mut().end((trace, reason), |other| {
            other.id == session && other.user == user
        }))
    }
}
