//! Converts requests and responses between `worker`'s types and `http`'s.

use core::pin::pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use js_sys::Reflect;
use worker::{Delay, Env, Headers, Request, Response, ResponseBuilder};

use super::whole_reader::WholeReader;
use crate::server::request_headers;
use crate::server::sender::{FRONT_END_KEY, VISITOR_HEADERS};
use crate::web::body::{ReadError, RequestBody};
use crate::web::request::{Country, Internal};

/// How long a client may take to send a body of 8 KiB.
const BODY_TIMEOUT: Duration = Duration::from_secs(3);
/// Replaces a byte that `http` accepts in no header. No accepted value contains it.
const UNREADABLE: u8 = b'?';
/// Replaces a URL that `http` does not accept. No endpoint has this path.
const UNREADABLE_URI: &str = "https://unreadable.invalid/unreadable";

/// A symbol in `env`, put there by the entrypoints for service bindings (`entry.mjs`). No setting can
/// be one: a var is a text or JSON.
const INTERNAL: &str = "LATCHKEY_INTERNAL";

/// The body of a request, not read yet.
pub(super) struct WorkerBody(Request);

/// Converts the head. The body remains unread.
pub(super) fn to_http(request: Request, env: &Env) -> http::Request<WorkerBody> {
    // `worker::Method` would turn unknown methods into GET, so the raw method is used.
    let method = Method::from_bytes(request.inner().method().as_bytes()).unwrap_or(Method::TRACE);
    let uri = request
        .inner()
        .url()
        .parse()
        .unwrap_or_else(|_| Uri::from_static(UNREADABLE_URI));
    let headers = headers(request.headers(), &method);
    let country = request.cf().and_then(worker::Cf::country).map(Country);
    let mut converted = http::Request::new(WorkerBody(request));
    *converted.method_mut() = method;
    *converted.uri_mut() = uri;
    *converted.headers_mut() = headers;
    if let Some(country) = country {
        converted.extensions_mut().insert(country);
    }
    let mark = Reflect::get(env.as_ref(), &INTERNAL.into());
    if mark.is_ok_and(|mark| mark.is_symbol()) {
        converted.extensions_mut().insert(Internal);
    }
    converted
}

/// Copies only the headers that are used: each costs a call and a copy.
fn headers(from: &Headers, method: &Method) -> HeaderMap {
    let names = request_headers(method);
    let mut headers = HeaderMap::with_capacity(names.size_hint().0);
    let copy = |headers: &mut HeaderMap, name: HeaderName| {
        if let Ok(Some(value)) = from.get(name.as_str()) {
            headers.insert(name, header_value(&value));
        }
    };
    for name in names {
        copy(&mut headers, name);
    }
    if headers.contains_key(FRONT_END_KEY) {
        for name in VISITOR_HEADERS {
            copy(&mut headers, name);
        }
    }
    headers
}

/// Returns a header's value with each control character replaced. One odd byte in a cookie of
/// another application must not hide the other cookies.
fn header_value(value: &str) -> HeaderValue {
    HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| {
        let bytes: Vec<u8> = value
            .bytes()
            .map(|byte| {
                if byte == b'\t' || !byte.is_ascii_control() {
                    byte
                } else {
                    UNREADABLE
                }
            })
            .collect();
        HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static("?"))
    })
}

impl RequestBody for WorkerBody {
    async fn read(self, limit: usize) -> Result<Vec<u8>, ReadError> {
        let Some(stream) = self.0.inner().body() else {
            return Ok(Vec::new());
        };
        let reader = WholeReader::of(&stream).map_err(|_| ReadError::Broken)?;
        let outcome = match select(pin!(reader.read(limit)), Delay::from(BODY_TIMEOUT)).await {
            Either::Left((Ok(bytes), _)) if bytes.len() > limit => Err(ReadError::TooLarge),
            Either::Left((Ok(bytes), _)) => Ok(bytes),
            Either::Left((Err(_), _)) => Err(ReadError::Broken),
            Either::Right(_) => Err(ReadError::TooSlow),
        };
        if outcome.is_err() {
            // The rest is not needed, and a pending read ends.
            reader.cancel();
        }
        outcome
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
