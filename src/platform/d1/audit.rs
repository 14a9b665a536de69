//! The audit log on D1. What changes something is recorded by a statement of its own, which
//! stands before the change in the same batch and has the same condition: it finds a row
//! exactly if the change is going to happen, and a repetition of the batch finds none.

use serde::Deserialize;

use super::{Database, Param, Statement, damaged, rows};
use crate::domain::audit::{AuditCursor, AuditEntry, AuditEvent, Trace, bucket};
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::UnixSeconds;
use crate::ports::{AuditLog, Refused, StoreError};

/// An audit row for each row of `$rest`, with `$user`, `$session` and `$reason` from there. The
/// first five parameters are those of [`record`]; those of `$rest` begin with `?6`.
macro_rules! audit_rows {
    ($user:literal, $session:literal, $reason:literal, $rest:expr) => {
        concat!(
            "INSERT INTO audit_log (event, at, last_at, country, client, request_id, user_id, session_id, reason)
             SELECT ?1, ?2, ?2, ?3, ?4, ?5, ",
            $user,
            ", ",
            $session,
            ", ",
            $reason,
            " ",
            $rest
        )
    };
}
pub(super) use audit_rows;

/// The statement of an [`audit_rows`] text.
pub(super) fn record<'a>(
    sql: &'static str,
    (event, trace): (AuditEvent, &'a Trace),
    rest: impl IntoIterator<Item = Param<'a>>,
) -> Statement<'a> {
    let mut params = vec![
        Param::Text(event.as_str()),
        Param::Int(trace.at.get()),
        Param::optional(trace.country.as_deref()),
        Param::Text(trace.client.as_str()),
        Param::Text(&trace.request_id),
    ];
    params.extend(rest);
    Statement { sql, params }
}

const ADD: &str = "
    INSERT INTO audit_log (
               event, at, last_at, country, client, request_id, user_id, count, bucket)
    VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (bucket) WHERE bucket IS NOT NULL DO UPDATE
       SET last_at = max(last_at, excluded.last_at),
           country = excluded.country,
           client = excluded.client,
           request_id = excluded.request_id,
           count = count + excluded.count";

const EVENTS: &str = "
    SELECT event,
           session_id,
           reason,
           at,
           last_at,
           count,
           country,
           request_id
      FROM audit_log
     WHERE user_id = ?1
       AND at <= ?2
     ORDER BY at DESC, id DESC
     LIMIT ?4 OFFSET ?3";

#[derive(Deserialize)]
struct EventRow {
    event: String,
    session_id: Option<String>,
    reason: Option<String>,
    at: i64,
    last_at: i64,
    count: u32,
    country: Option<String>,
    request_id: String,
}

impl EventRow {
    fn into_entry(self) -> Result<AuditEntry, StoreError> {
        let session = self.session_id.as_deref().map(SessionId::parse);
        Ok(AuditEntry {
            event: AuditEvent::parse(&self.event)
                .ok_or_else(|| damaged("audit_log.event", "is not known"))?,
            session: session
                .transpose()
                .map_err(|_| damaged("audit_log.session_id", "is not an id"))?,
            reason: self.reason,
            at: UnixSeconds::new(self.at),
            last_at: UnixSeconds::new(self.last_at),
            count: self.count,
            country: self.country,
            request_id: self.request_id,
        })
    }
}

impl AuditLog for Database {
    async fn add(&self, refused: &Refused) -> Result<(), StoreError> {
        let Refused { event, trace, .. } = refused;
        let user = refused.user.map(|user| user.to_string());
        let bucket = bucket(*event, refused.user, trace.at);
        let add = record(
            ADD,
            (*event, trace),
            [
                Param::optional(user.as_deref()),
                Param::Int(i64::from(refused.count)),
                Param::Text(&bucket),
            ],
        );
        self.once(&add).await
    }

    async fn events(
        &self,
        user: UserId,
        cursor: AuditCursor,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let user = user.to_string();
        let events = Statement {
            sql: EVENTS,
            params: vec![
                Param::Text(&user),
                Param::Int(cursor.at.get()),
                Param::Int(i64::from(cursor.given)),
                Param::Int(i64::from(limit)),
            ],
        };
        let [events] = self.batch([events]).await?;
        rows::<EventRow>(&events)?
            .into_iter()
            .map(EventRow::into_entry)
            .collect()
    }
}
