//! The audit log.

use super::{AuditRow, MemoryStore};
use crate::domain::audit::{AuditCursor, AuditEntry, bucket};
use crate::domain::id::UserId;
use crate::ports::{AuditLog, Refused, StoreError};

impl AuditLog for MemoryStore {
    async fn add(&self, refused: &Refused) -> Result<(), StoreError> {
        self.writes_behind.set(self.writes_behind.get() + 1);
        let audit = &mut self.tables.borrow_mut().audit;
        let Refused { event, trace, .. } = refused;
        let bucket = Some(bucket(*event, refused.user, trace.at));
        if let Some(row) = audit.iter_mut().find(|row| row.bucket == bucket) {
            row.entry.count += refused.count;
            row.entry.last_at = trace.at;
            return Ok(());
        }
        audit.push(AuditRow {
            user: refused.user,
            entry: AuditEntry {
                event: *event,
                session: None,
                reason: None,
                at: trace.at,
                last_at: trace.at,
                count: refused.count,
                country: trace.country.clone(),
                request_id: trace.request_id.clone(),
            },
            bucket,
        });
        Ok(())
    }

    async fn events(
        &self,
        user: UserId,
        cursor: AuditCursor,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.round_trip()?;
        let tables = self.tables.borrow();
        let mut events: Vec<AuditEntry> = tables
            .audit
            .iter()
            .rev()
            .filter(|row| row.user == Some(user) && row.entry.at <= cursor.at)
            .map(|row| row.entry.clone())
            .collect();
        events.sort_by_key(|entry| core::cmp::Reverse(entry.at));
        let given = cursor.given as usize;
        Ok(events
            .into_iter()
            .skip(given)
            .take(limit as usize)
            .collect())
    }
}
