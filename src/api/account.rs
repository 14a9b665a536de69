//! Registering, logging in and out, refreshing, the profile, the password: a function for each
//! access policy, an arm for each endpoint. Each reads the body's fields, runs the use-case,
//! and answers.

pub mod change_password;
pub mod log_in;
pub mod log_out;
pub mod refresh;
pub mod register;
pub mod rename;

use http::StatusCode;
use http::header::USER_AGENT;
use serde::Serialize;

use super::endpoint::{
    Constant, ForAnyone, ForOwner, ForReader, ForRefreshHolder, ForSessionHolder,
};
use super::form;
use crate::api::account::change_password::change_password;
use crate::api::account::log_in::{LogIn, log_in};
use crate::api::account::log_out::log_out;
use crate::api::account::refresh::refresh;
use crate::api::account::register::register;
use crate::domain::session::Device;
use crate::ports::Ports;
use crate::service::Ctx;
use crate::service::breach_check::refuse_breached;
use crate::service::candidates::PresentedTokens;
use crate::service::policy::{self, AccessHolder, Owner, Reader, RefreshHolder, SessionHolder};
use crate::store::users::Registered;
use crate::web::apart::apart;
use crate::web::call::{Answer, Call, json, with_cookies, without_cookies};
use crate::web::problem::Refusal;

pub(crate) fn constant(endpoint: Constant) -> Answer {
    match endpoint {
        Constant::Health => json(StatusCode::OK, &HealthBody { status: "ok" }),
    }
}

pub(crate) async fn for_anyone<P: Ports>(
    ctx: &Ctx<'_, P>,
    endpoint: ForAnyone,
    (call, presented): (&Call<'_>, &PresentedTokens),
) -> Answer {
    match endpoint {
        ForAnyone::Register => {
            let command = form::register(&call.body.fields()?, &ctx.config().passwords)?;
            let user = apart(register(ctx, command)).await?;
            json(StatusCode::CREATED, &UserBody::from(user))
        }
        ForAnyone::LogIn => {
            let credentials = form::log_in(&call.body.fields_among(&form::LOGIN_FIELDS)?)?;
            let user_agent = call
                .headers
                .get(USER_AGENT)
                .map(|value| String::from_utf8_lossy(value.as_bytes()));
            let command = LogIn {
                email: credentials.email,
                password: credentials.password,
                device: Device::new(user_agent.as_deref(), ctx.caller.country.as_deref()),
                carried: policy::carried_sessions(ctx, presented),
            };
            let pair = apart(log_in(ctx, command)).await?;
            Ok(with_cookies(ctx, call, &pair))
        }
    }
}

pub(crate) async fn for_refresh_holder<P: Ports>(
    ctx: &Ctx<'_, P>,
    endpoint: ForRefreshHolder,
    (call, holder): (&Call<'_>, RefreshHolder),
) -> Answer {
    match endpoint {
        ForRefreshHolder::Refresh => {
            let pair = refresh(ctx, holder).await?;
            Ok(with_cookies(ctx, call, &pair))
        }
    }
}

pub(crate) async fn for_session_holder<P: Ports>(
    ctx: &Ctx<'_, P>,
    endpoint: ForSessionHolder,
    (call, holder): (&Call<'_>, Option<SessionHolder>),
) -> Answer {
    match endpoint {
        ForSessionHolder::LogOut => {
            if let Some(holder) = holder {
                log_out(ctx, holder).await?;
            }
            Ok(without_cookies(call))
        }
    }
}

pub(crate) fn for_reader(endpoint: ForReader, reader: &Reader) -> Answer {
    match endpoint {
        ForReader::Profile => json(StatusCode::OK, &reader.profile),
    }
}

/// Whether the body keeps the rules that do not depend on who the owner is. The last of them may
/// cost a subrequest, hence the holder of a token: nobody else is worth one.
pub(crate) async fn check_body<P: Ports>(
    ctx: &Ctx<'_, P>,
    endpoint: ForOwner,
    (call, _): (&Call<'_>, &AccessHolder),
) -> Result<(), Refusal> {
    match endpoint {
        ForOwner::ChangePassword => {
            let policy = &ctx.service.config.passwords;
            let change = form::change_password(&call.body.fields()?, policy, None)?;
            Ok(refuse_breached(ctx, "newPassword", &change.new).await?)
        }
    }
}

pub(crate) async fn for_owner<P: Ports>(
    ctx: &Ctx<'_, P>,
    endpoint: ForOwner,
    (call, owner): (&Call<'_>, Owner<'_>),
) -> Answer {
    match endpoint {
        ForOwner::ChangePassword => {
            let email = &owner.holder.email;
            let policy = &ctx.config().passwords;
            let change = form::change_password(&call.body.fields()?, policy, Some(email))?;
            change_password(ctx, owner, change).await?;
            Ok(without_cookies(call))
        }
    }
}

#[derive(Serialize)]
struct HealthBody {
    status: &'static str,
}

/// The contract's `User`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserBody {
    id: String,
    name: Option<String>,
    email: String,
    is_active: bool,
    is_superuser: bool,
    role_name: String,
    role_slug: String,
    created_at: String,
    updated_at: String,
}

impl From<Registered> for UserBody {
    fn from(Registered { user, role_name }: Registered) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.as_str().to_owned(),
            name: user.name,
            is_active: user.is_active,
            is_superuser: user.is_superuser,
            role_name,
            role_slug: user.role_slug,
            created_at: user.created_at.to_rfc3339(),
            updated_at: user.updated_at.to_rfc3339(),
        }
    }
}
