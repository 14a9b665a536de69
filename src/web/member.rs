//! The endpoints of a signed-in person whom the database has just confirmed: the display
//! name, and the devices where the person is logged in.

use http::StatusCode;
use serde::Serialize;

use super::call::{Answer, Call, json, no_content, without_cookies};
use super::endpoint::ForMember;
use super::fields::Fields;
use super::form;
use crate::app::authenticate::Member;
use crate::app::end_sessions::{Ended, Scope, end_sessions};
use crate::app::rename::rename;
use crate::app::{AppError, Ctx};
use crate::domain::device;
use crate::domain::id::SessionId;
use crate::domain::session::Session;
use crate::ports::{Ports, SessionStore};

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
