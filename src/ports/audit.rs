//! The audit log.

use super::StoreError;
use crate::domain::audit::{AuditCursor, AuditEntry, AuditEvent, Trace};
use crate::domain::id::UserId;

/// Refusals, to be added up in the audit log.
#[derive(Debug)]
pub struct Refused {
    /// What was refused.
    pub event: AuditEvent,
    /// Whose account it was about, if that is known.
    pub user: Option<UserId>,
    /// How many of them.
    pub count: u32,
    /// When and from where the last one came.
    pub trace: Trace,
}

/// The audit log, in D1.
pub trait AuditLog {
    /// Adds to the row that refusals of one kind about one user share for an hour. One round
    /// trip, which is not repeated: what is lost is not counted, and nothing is counted twice.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn add(&self, refused: &Refused) -> Result<(), StoreError>;

    /// At most `limit` events of the user's, the newest first, from `cursor` on. One round
    /// trip.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    async fn events(
        &self,
        user: UserId,
        cursor: AuditCursor,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;
}
