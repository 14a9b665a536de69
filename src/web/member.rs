//! The endpoints of a signed-in person whom the database has just confirmed: the display
//! name, and the devices where the person is logged in.

use http::StatusCode;
use serde::Serialize;

use super::call::{Answer, Call, json, no_content, without_cookies};
use super::endpoint::ForMember;
use super::fields::Fields;
use super::form::{self, Page};
use crate::app::authenticate::Member;
use crate::app::end_sessions::{Ended, Scope, end_sessions};
use crate::app::rename::rename;
use crate::app::{AppError, Ctx};
use crate::domain::audit::{AuditEntry, AuditEvent};
use crate::domain::device;
use crate::domain::id::SessionId;
use crate::domain::session::Session;
use crate::ports::{AuditLog, Ports, SessionStore};

/// Answers for a member.
pub(super) async fn for_member<P: Ports>(
    ctx: &Ctx<'_, P>,
    endpoint: ForMember,
    (call, member): (&Call<'_>, Member),
) -> Answer {
    match endpoint {
        ForMember::Rename => {
            let name = form::rename(&call.body.fields()?)?;
            let renamed = rename(ctx, member, name).await?;
            let mut response = json(StatusCode::OK, &renamed.profile)?;
            if let Some(access) = &renamed.access {
                call.cookies
                    .set_access(response.headers_mut(), access, ctx.now);
            }
            Ok(response)
        }
        ForMember::ListSessions => {
            let sessions = ctx.ports.sessions().list(member.user.id, ctx.now).await;
            let current = member.claims.session;
            let bodies: Vec<SessionBody> = sessions
                .map_err(AppError::from)?
                .into_iter()
                .map(|session| SessionBody::of(session, current))
                .collect();
            json(StatusCode::OK, &bodies)
        }
        ForMember::ListActivity => {
            let Page { cursor, limit } = form::page(&Fields::from_query(call.query)?)?;
            // One more than was asked for tells whether there is a next page.
            let events = ctx.ports.audit();
            let mut entries = events
                .events(member.user.id, cursor, limit.saturating_add(1))
                .await
                .map_err(AppError::from)?;
            let has_more = entries.len() > limit as usize;
            entries.truncate(limit as usize);
            let next_cursor = has_more.then(|| cursor.behind(&entries).to_string());
            let events = entries.into_iter().map(EventBody::from).collect();
            json(
                StatusCode::OK,
                &ActivityBody {
                    events,
                    next_cursor,
                },
            )
        }
        ForMember::EndSessions => {
            let scope = form::end_sessions(&Fields::from_query(call.query)?)?;
            end(ctx, call, (&member, scope)).await
        }
        ForMember::EndSession => {
            let id = call.id.and_then(|id| SessionId::parse(id).ok());
            let id = id.ok_or(AppError::NotFound)?;
            end(ctx, call, (&member, Scope::One(id))).await
        }
    }
}

async fn end<P: Ports>(
    ctx: &Ctx<'_, P>,
    call: &Call<'_>,
    (member, scope): (&Member, Scope),
) -> Answer {
    Ok(match end_sessions(ctx, member, scope).await? {
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
    country: Option<String>,
    request_id: String,
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
            country: entry.country,
            request_id: entry.request_id,
        }
    }
}
