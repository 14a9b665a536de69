//! The audit log. Refusals are summed here, and a user's events are read here. The triggers of
//! `migrations/0003` and `migrations/0004` record what changes an account.

use super::row::{self, Row};
use super::{damaged, result};
use crate::domain::audit::{AuditCursor, AuditEntry, AuditEvent, Trace, bucket};
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::SessionKey;
use crate::domain::time::UnixSeconds;
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// Refusals to be summed in the audit log.
#[derive(Debug)]
pub struct Refused {
    /// What was refused.
    pub event: AuditEvent,
    /// The user whose account it was about, if known.
    pub user: Option<UserId>,
    /// The number of refusals.
    pub count: u32,
    /// The time and origin of the last one.
    pub trace: Trace,
}

/// Adds refusals to their row. Parameters: ?2 user or the empty text, ?5 event, ?6 how many, ?7
/// bucket.
const ADD: Statement = Statement::new(
    "/* add refusals */
     INSERT INTO audit_log (
                user_id, id, event, at, last_at, count, actor, country, client, request_id, bucket)
     SELECT ?2, coalesce(max(id), 0) + 1, ?5, ?1, ?1, ?6,
            ?4 ->> 'actor', ?4 ->> 'country', ?4 ->> 'client', ?4 ->> 'request', ?7
       FROM audit_log
      WHERE user_id = ?2
         ON CONFLICT (bucket) WHERE bucket IS NOT NULL DO UPDATE
        SET last_at = max(last_at, excluded.last_at),
            country = excluded.country,
            client = excluded.client,
            request_id = excluded.request_id,
            count = count + excluded.count",
);

/// Adds to the row that refusals of one kind about one user share for an hour. One round trip,
/// which is not repeated: a lost one is not counted, and none is counted twice.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer.
pub async fn add(database: &impl Database, refused: &Refused) -> Result<(), StoreError> {
    let user = refused
        .user
        .map(|user| user.to_string())
        .unwrap_or_default();
    let params = [
        refused.trace.at.get().into(),
        user.into(),
        Param::Null,
        refused.trace.to_json(None).into(),
        refused.event.as_str().into(),
        refused.count.into(),
        bucket(refused.event, refused.user, refused.trace.at).into(),
    ];
    database.run_once(&Batch::new(&params, [ADD])).await?;
    Ok(())
}

/// Reads a page of events. Parameters: ?5 where the page begins, ?6 how many.
const EVENTS: Statement = Statement::new(
    "/* list events */
     SELECT id,
            event,
            session_id,
            reason,
            at,
            last_at,
            count,
            actor,
            country,
            request_id
       FROM audit_log
      WHERE user_id = ?2
        AND id < ?5
      ORDER BY id DESC
      LIMIT ?6",
);

const IS_CALLER_LIVE: Statement = Statement::new(concat!(
    "/* is reader live */
     SELECT ",
    caller_is_live!(),
    " AS is_live"
));

/// Returns at most `limit` of the caller's events, the newest first, from `cursor` on. `None` when
/// the caller's session is not live. One round trip.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn events(
    database: &impl Database,
    caller: SessionKey,
    page: Page,
    now: UnixSeconds,
) -> Result<Option<Vec<AuditEntry>>, StoreError> {
    let params = [
        now.get().into(),
        caller.user.to_string().into(),
        caller.id.to_string().into(),
        Param::Null,
        page.cursor.before().into(),
        page.limit.into(),
    ];
    let batch = Batch::new(&params, [IS_CALLER_LIVE, EVENTS]);
    let results = database.run(&batch).await?;
    let is_live = row::first(result(&results, 0)?, |row| row.is("is_live"))?;
    if is_live != Some(true) {
        return Ok(None);
    }
    row::all(result(&results, 1)?, read_entry).map(Some)
}

/// A page of events.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Where the page begins.
    pub cursor: AuditCursor,
    /// The maximum number of events.
    pub limit: u32,
}

fn read_entry(row: &Row<'_>) -> Result<AuditEntry, StoreError> {
    let session = row.optional_text("session_id")?;
    Ok(AuditEntry {
        number: row.int("id")?,
        event: AuditEvent::parse(&row.text("event")?)
            .ok_or_else(|| damaged("audit_log.event", "is not known"))?,
        session: session
            .as_deref()
            .map(SessionId::parse)
            .transpose()
            .map_err(|_| damaged("audit_log.session_id", "is not an id"))?,
        reason: row.optional_text("reason")?,
        at: row.time("at")?,
        last_at: row.time("last_at")?,
        count: u32::try_from(row.int("count")?).unwrap_or(u32::MAX),
        actor: row.text("actor")?,
        country: row.optional_text("country")?,
        request_id: row.optional_text("request_id")?,
    })
}
