//! Requests and responses, between `worker`'s types and `http`'s.

use core::pin::pin;
use core::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderValue, Method, Uri};
use worker::{Delay, Headers, Request, Response, ResponseBuilder};

use crate::web::REQUEST_HEADERS;
use crate::web::body::{ReadError, RequestBody};
use crate::web::call::Country;

/// How long a client may take to send a body of 8 KiB.
const BODY_TIMEOUT: Duration = Duration::from_secs(3);
/// A header whose value `http` does not take. It is there, and it is nothing that we accept.
const UNREADABLE: HeaderValue = HeaderValue::from_static("?");
/// A URL that `http` does not take: no path of ours.
const UNREADABLE_URI: &str = "https://unreadable.invalid/unreadable";

/// The body of a request, not read yet.
pub(super) struct WorkerBody(Request);

/// Converts the head; the body stays where it is.
pub(super) fn to_http(request: Request) -> http::Request<WorkerBody> {
    // `worker::Method` would turn unknown methods into GET: the raw word counts.
    let method = Method::from_bytes(request.inner().method().as_bytes()).unwrap_or(Method::TRACE);
    let uri = request
        .inner()
        .url()
        .parse()
        .unwrap_or_else(|_| Uri::from_static(UNREADABLE_URI));
    let headers = headers(request.headers());
    let country = request.cf().and_then(worker::Cf::country).map(Country);
    let mut converted = http::Request::new(WorkerBody(request));
    *converted.method_mut() = method;
    *converted.uri_mut() = uri;
    *converted.headers_mut() = headers;
    if let Some(country) = country {
        converted.extensions_mut().insert(country);
    }
    converted
}

/// Copies the headers that something reads, and no others: each costs a call and a copy.
fn headers(from: &Headers) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(REQUEST_HEADERS.len());
    for name in REQUEST_HEADERS {
        if let Ok(Some(value)) = from.get(name.as_str()) {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap_or(UNREADABLE);
            headers.insert(name, value);
        }
    }
    headers
}

impl RequestBody for WorkerBody {
    async fn read(mut self, limit: usize) -> Result<Vec<u8>, ReadError> {
        if self.0.inner().body().is_none() {
            return Ok(Vec::new());
        }
        let mut stream = self.0.stream().map_err(|_| ReadError::Broken)?;
        let collect = async {
            let mut bytes = Vec::new();
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.map_err(|_| ReadError::Broken)?;
                if bytes.len() + chunk.len() > limit {
                    return Err(ReadError::TooLarge);
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        };
        match select(pin!(collect), Delay::from(BODY_TIMEOUT)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(ReadError::Broken),
        }
    }
}

/// Converts the answer.
pub(super) fn to_worker(response: http::Response<Vec<u8>>) -> worker::Result<Response> {
    let (parts, body) = response.into_parts();
    let headers = Headers::new();
    for (name, value) in &parts.headers {
        // `append`, not `set`: there are two `Set-Cookie` lines.
        headers.append(name.as_str(), value.to_str().unwrap_or_default())?;
    }
    let builder = ResponseBuilder::new()
        .with_status(parts.status.as_u16())
        .with_headers(headers);
    Ok(if body.is_empty() {
        builder.empty()
    } else {
        builder.fixed(body)
    })
}
