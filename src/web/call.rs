//! What an endpoint is given, and the answers it gives.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use super::body::Body;
use super::cookies::CookieStyle;
use super::problem::{Code, Refusal};
use crate::service::Ctx;
use crate::service::issue::TokenPair;
use crate::service::limits::Limited;

/// The two-letter code of the country a request came from, as the network's edge knows it; a
/// request extension.
#[derive(Clone, Debug)]
pub struct Country(pub String);

/// What an endpoint may look at.
pub struct Call<'a> {
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// What stands in the path for `{id}`.
    pub id: Option<&'a str>,
    /// The query, not read yet.
    pub query: Option<&'a str>,
    /// The form of its cookies.
    pub cookies: CookieStyle<'a>,
    /// What the platform's limiters count, once a token has shown the session.
    pub limited: Option<Limited>,
    /// Its body, within the bound; nothing until the caller is known.
    pub body: Body,
}

impl Call<'_> {
    /// With the body that has been read.
    #[must_use]
    pub fn with(self, body: Body) -> Self {
        Self { body, ..self }
    }
}

/// A response, or why there is none.
pub(crate) type Answer = Result<Response<Vec<u8>>, Refusal>;

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
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

pub(crate) fn no_content() -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

pub(crate) fn with_cookies<P>(
    ctx: &Ctx<'_, P>,
    call: &Call<'_>,
    pair: &TokenPair,
) -> Response<Vec<u8>> {
    let mut response = no_content();
    call.cookies.set(response.headers_mut(), pair, ctx.now);
    response
}

pub(crate) fn without_cookies(call: &Call<'_>) -> Response<Vec<u8>> {
    let mut response = no_content();
    call.cookies.delete(response.headers_mut());
    response
}
