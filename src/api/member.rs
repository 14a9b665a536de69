//! The endpoints of a signed-in person whom the database has just confirmed: the display
//! name, and the devices where the person is logged in.

use http::StatusCode;
use serde::Serialize;

use super::endpoint::ForMember;
use super::form;
use crate::api::account::rename::rename;
use crate::api::sessions::end_sessions::{Ended, end_sessions};
use crate::domain::audit::{AuditEntry, AuditEvent};
use crate::domain::id::SessionId;
use crate::domain::session::Session;
use crate::domain::session::device;
use crate::ports::Ports;
use crate::service::policy::{self, AccessHolder};
use crate::service::{AppError, Ctx};
use crate::store::audit::{self, Page};
use crate::store::sessions::{self, Which};
use crate::web::call::{Answer, Call, json, no_content, without_cookies};
use crate::web::fields::Fields;
use crate::web::problem::Refusal;

/// Answers for the holder of an access token. The statements hold the session live.
pub(crate) async fn for_member<P: Ports>(
    ctx: &Ctx<'_, P>,
    endpoint: ForMember,
    (call, holder): (&Call<'_>, AccessHolder),
) -> Answer {
    match endpoint {
        ForMember::Rename => {
            let name = call.body.fields().and_then(|fields| form::rename(&fields));
            let name = judged(ctx, &holder, name).await?;
            let renamed = rename(ctx, holder, name).await?;
            let mut response = json(StatusCode::OK, &renamed.profile)?;
            if let Some(access) = &renamed.access {
                call.cookies
                    .set_access(response.headers_mut(), access, ctx.now);
            }
            Ok(response)
        }
        ForMember::ListSessions => list_sessions(ctx, &holder).await,
        ForMember::ListActivity => {
            let page = Fields::from_query(call.query).and_then(|query| form::page(&query));
            let page = judged(ctx, &holder, page).await?;
            list_activity(ctx, &holder, page).await
        }
        ForMember::EndSessions => {
            let which = Fields::from_query(call.query).and_then(|query| form::end_sessions(&query));
            let which = judged(ctx, &holder, which).await?;
            end(ctx, call, (&holder, which)).await
        }
        ForMember::EndSession => {
            let id = call.id.and_then(|id| SessionId::parse(id).ok());
            let id = id.ok_or_else(|| Refusal::from(AppError::NotFound));
            let id = judged(ctx, &holder, id).await?;
            end(ctx, call, (&holder, Which::One(id))).await
        }
    }
}

/// What is wrong with a request is told to the holder of a live session alone; a request in order
/// leaves that to its statement.
async fn judged<P: Ports, T>(
    ctx: &Ctx<'_, P>,
    holder: &AccessHolder,
    outcome: Result<T, Refusal>,
) -> Result<T, Refusal> {
    if outcome.is_err() {
        policy::confirm(ctx, holder).await?;
    }
    outcome
}

async fn list_sessions<P: Ports>(ctx: &Ctx<'_, P>, holder: &AccessHolder) -> Answer {
    let caller = holder.caller();
    let sessions = sessions::list(ctx.ports, caller, ctx.now)
        .await
        .map_err(AppError::from)?
        .ok_or(AppError::InvalidToken)?;
    let bodies: Vec<SessionBody> = sessions
        .into_iter()
        .map(|session| SessionBody::of(session, caller.session))
        .collect();
    json(StatusCode::OK, &bodies)
}

async fn list_activity<P: Ports>(ctx: &Ctx<'_, P>, holder: &AccessHolder, page: Page) -> Answer {
    // One more than was asked for tells whether there is a next page.
    let asked = Page {
        limit: page.limit.saturating_add(1),
        ..page
    };
    let mut entries = audit::events(ctx.ports, holder.caller(), asked, ctx.now)
        .await
        .map_err(AppError::from)?
        .ok_or(AppError::InvalidToken)?;
    let has_more = entries.len() > page.limit as usize;
    entries.truncate(page.limit as usize);
    let next_cursor = has_more.then(|| page.cursor.behind(&entries).to_string());
    let events = entries.into_iter().map(EventBody::from).collect();
    json(
        StatusCode::OK,
        &ActivityBody {
            events,
            next_cursor,
        },
    )
}

async fn end<P: Ports>(
    ctx: &Ctx<'_, P>,
    call: &Call<'_>,
    (holder, which): (&AccessHolder, Which),
) -> Answer {
    Ok(match end_sessions(ctx, holder.caller(), which).await? {
        Ended::CurrentToo => without_cookies(call),
        Ended::NotCurrent => no_content(),
    })
}

/// A device where the person is logged in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionBody {
    id: SessionId,
    current: bool,
    created_at: String,
    last_used_at: String,
    expires_at: String,
    device: String,
    user_agent: Option<String>,
    country: Option<String>,
}

impl SessionBody {
    fn of(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            current: session.id == current,
            created_at: session.created_at.to_rfc3339(),
            last_used_at: session.last_used_at.to_rfc3339(),
            expires_at: session.idle_expires_at.to_rfc3339(),
            device: device::label(session.device.user_agent.as_deref()),
            user_agent: session.device.user_agent,
            country: session.device.country,
        }
    }
}

/// What happened to the person's account, newest first.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActivityBody {
    events: Vec<EventBody>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventBody {
    event: AuditEvent,
    at: String,
    last_at: String,
    count: u32,
    session_id: Option<SessionId>,
    reason: Option<String>,
    actor: String,
    country: Option<String>,
    request_id: Option<String>,
}

impl From<AuditEntry> for EventBody {
    fn from(entry: AuditEntry) -> Self {
        Self {
            event: entry.event,
            at: entry.at.to_rfc3339(),
            last_at: entry.last_at.to_rfc3339(),
            count: entry.count,
            session_id: entry.session,
            reason: entry.reason,
            actor: entry.actor,
            country: entry.country,
            request_id: entry.request_id,
        }
    }
}
