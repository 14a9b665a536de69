//! `Housekeeping` on D1: bounded deletions, each by an index.

use super::{Database, Param, Statement, changes};
use crate::domain::throttle::ATTEMPTS_KEPT;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{Housekeeping, StoreError};

/// Sessions that were over before their last token expired: after the absolute end, and one
/// idle time after they were ended, no token of theirs is accepted for anything.
/// (A limit for each half: the union is built before its own limit counts.)
const REMOVE_DEAD_SESSIONS: &str = "
    DELETE FROM sessions
     WHERE rowid IN (SELECT rowid
                       FROM (SELECT rowid
                               FROM sessions
                              WHERE absolute_expires_at <= ?1
                              LIMIT ?3)
                      UNION
                     SELECT rowid
                       FROM (SELECT rowid
                               FROM sessions
                              WHERE ended_at IS NOT NULL
                                AND ended_at <= ?1 - ?2
                              LIMIT ?3)
                      LIMIT ?3)";

const REMOVE_OLD_ATTEMPTS: &str = "
    DELETE FROM login_attempts
     WHERE key IN (SELECT key
                     FROM login_attempts
                    WHERE updated_at <= ?1
                    LIMIT ?2)";

/// The oldest rows come first, as they were written: a step looks at these and no others.
const REMOVE_OLD_EVENTS: &str = "
    DELETE FROM audit_log
     WHERE id IN (SELECT id
                    FROM (SELECT id, last_at
                            FROM audit_log
                           ORDER BY id
                           LIMIT ?2)
                   WHERE last_at < ?1)";

impl Housekeeping for Database {
    async fn remove_dead_sessions(
        &self,
        idle: Seconds,
        limit: u32,
        now: UnixSeconds,
    ) -> Result<usize, StoreError> {
        let remove = Statement {
            sql: REMOVE_DEAD_SESSIONS,
            params: vec![
                Param::Int(now.get()),
                Param::Int(i64::from(idle.get())),
                Param::Int(i64::from(limit)),
            ],
        };
        let [removed] = self.batch([remove]).await?;
        changes(&removed)
    }

    async fn remove_old_attempts(&self, limit: u32, now: UnixSeconds) -> Result<usize, StoreError> {
        let before = now.since(UnixSeconds::new(i64::from(ATTEMPTS_KEPT.get())));
        let remove = Statement {
            sql: REMOVE_OLD_ATTEMPTS,
            params: vec![Param::Int(before), Param::Int(i64::from(limit))],
        };
        let [removed] = self.batch([remove]).await?;
        changes(&removed)
    }

    async fn remove_old_events(
        &self,
        limit: u32,
        before: UnixSeconds,
    ) -> Result<usize, StoreError> {
        let remove = Statement {
            sql: REMOVE_OLD_EVENTS,
            params: vec![Param::Int(before.get()), Param::Int(i64::from(limit))],
        };
        let [removed] = self.batch([remove]).await?;
        changes(&removed)
    }
}
