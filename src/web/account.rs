//! The account endpoints: a group for each access policy, a function for each endpoint.
//!
//! The order of each (contract, section 1): authentication, then the body's fields, then the
//! use-case, then the answer. Cross-site check, media type and size are done before.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::{Response, StatusCode};
use serde::Serialize;

use super::body::Body;
use super::cookies::CookieStyle;
use super::endpoint::{
    Endpoint, ForAnyone, ForOwner, ForReader, ForRefreshHolder, ForSessionHolder,
};
use super::form;
use super::member::for_member;
use super::problem::{Code, Refusal};
use crate::app::authenticate::{
    self, Owner, PresentedTokens, Reader, RefreshHolder, SessionHolder,
};
use crate::app::change_password::change_password;
use crate::app::issue::TokenPair;
use crate::app::log_in::{LogIn, log_in};
use crate::app::log_out::log_out;
use crate::app::refresh::refresh;
use crate::app::register::register;
use crate::app::{AppError, Ctx};
use crate::domain::session::Device;
use crate::domain::throttle::ClientPrefix;
use crate::domain::user::User;
use crate::ports::Ports;

/// The two-letter code of the country a request came from, as the network's edge knows it; a
/// request extension.
#[derive(Clone, Debug)]
pub struct Country(pub String);

/// What an endpoint may look at.
pub struct Call<'a> {
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// The request's country, if known.
    pub country: Option<&'a Country>,
    /// Where it came from, as coarse as the throttle sees it.
    pub client: ClientPrefix,
    /// What stands in the path for `{id}`.
    pub id: Option<&'a str>,
    /// The query, not read yet.
    pub query: Option<&'a str>,
    /// The form of its cookies.
    pub cookies: CookieStyle<'a>,
    /// Its body, within the bound.
    pub body: Body,
}

pub(super) type Answer = Result<Response<Vec<u8>>, Refusal>;

/// Applies the endpoint's access policy and lets its handler answer.
///
/// # Errors
///
/// A [`Refusal`].
pub async fn answer<P: Ports>(ctx: &Ctx<'_, P>, endpoint: Endpoint, call: Call<'_>) -> Answer {
    let presented = call.cookies.read(call.headers)?;
    match endpoint {
        Endpoint::Anyone(endpoint) => for_anyone(ctx, endpoint, (&call, &presented)).await,
        Endpoint::RefreshHolder(endpoint) => {
            let holder = authenticate::refresh_holder(ctx, &presented).await?;
            for_refresh_holder(ctx, endpoint, (&call, holder)).await
        }
        Endpoint::SessionHolder(endpoint) => {
            let holder =
                authenticate::session_holder(ctx, &presented).map_err(|error| Refusal {
                    // Cookies that name no session, or two, are of no use to anybody.
                    delete_cookies: error == AppError::InvalidToken,
                    ..error.into()
                })?;
            for_session_holder(ctx, endpoint, (&call, holder)).await
        }
        Endpoint::Reader(endpoint) => {
            let reader = authenticate::reader(ctx, &presented).await?;
            for_reader(endpoint, &reader)
        }
        Endpoint::Member(endpoint) => {
            let member = authenticate::member(ctx, &presented).await?;
            for_member(ctx, endpoint, (&call, member)).await
        }
        Endpoint::Owner(endpoint) => {
            let owner = authenticate::owner(ctx, &presented).await?;
            for_owner(ctx, endpoint, (&call, owner)).await
        }
    }
}

async fn for_anyone<P: Ports>(
    ctx: &Ctx<'_, P>,
    endpoint: ForAnyone,
    (call, presented): (&Call<'_>, &PresentedTokens),
) -> Answer {
    match endpoint {
        ForAnyone::Health => json(StatusCode::OK, &HealthBody { status: "ok" }),
        ForAnyone::Register => {
            let command = form::register(&call.body.fields()?, &ctx.config().passwords)?;
            let user = register(ctx, command).await?;
            json(StatusCode::CREATED, &UserBody::from(user))
        }
        ForAnyone::LogIn => {
            let credentials = form::log_in(&call.body.fields()?)?;
            let user_agent = call
                .headers
                .get(USER_AGENT)
                .map(|value| String::from_utf8_lossy(value.as_bytes()));
            let command = LogIn {
                email: credentials.email,
                password: credentials.password,
                device: Device::new(
                    user_agent.as_deref(),
                    call.country.map(|country| country.0.as_str()),
                ),
                client: call.client,
                carried: authenticate::carried(ctx, presented),
            };
            let pair = log_in(ctx, command).await?;
            Ok(with_cookies(ctx, call, &pair))
        }
    }
}

async fn for_refresh_holder<P: Ports>(
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

async fn for_session_holder<P: Ports>(
    ctx: &Ctx<'_, P>,
    endpoint: ForSessionHolder,
    (call, holder): (&Call<'_>, SessionHolder),
) -> Answer {
    match endpoint {
        ForSessionHolder::LogOut => {
            log_out(ctx, holder).await?;
            Ok(without_cookies(call))
        }
    }
}

fn for_reader(endpoint: ForReader, reader: &Reader) -> Answer {
    match endpoint {
        ForReader::Profile => json(StatusCode::OK, &reader.profile),
    }
}

async fn for_owner<P: Ports>(
    ctx: &Ctx<'_, P>,
    endpoint: ForOwner,
    (call, owner): (&Call<'_>, Owner),
) -> Answer {
    match endpoint {
        ForOwner::ChangePassword => {
            let email = &owner.credentials.user.email;
            let policy = &ctx.config().passwords;
            let change = form::change_password(&call.body.fields()?, policy, email)?;
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

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.as_str().to_owned(),
            name: user.name,
            is_active: user.is_active,
            is_superuser: user.is_superuser,
            role_name: user.role_name,
            role_slug: user.role_slug,
            created_at: user.created_at.to_rfc3339(),
            updated_at: user.updated_at.to_rfc3339(),
        }
    }
}

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let bytes = serde_json::to_vec(body).map_err(|error| Refusal {
        cause: Some(error.to_string()),
        ..Refusal::new(Code::Internal)
    })?;
    let mut response = Response::new(bytes);
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    Ok(response)
}

pub(super) fn no_content() -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn with_cookies<P>(ctx: &Ctx<'_, P>, call: &Call<'_>, pair: &TokenPair) -> Response<Vec<u8>> {
    let mut response = no_content();
    call.cookies.set(response.headers_mut(), pair, ctx.now);
    response
}

pub(super) fn without_cookies(call: &Call<'_>) -> Response<Vec<u8>> {
    let mut response = no_content();
    call.cookies.delete(response.headers_mut());
    response
}
