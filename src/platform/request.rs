//! Requests and responses, between `worker`'s types and `http`'s.

use core::pin::pin;
use core::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use worker::{Delay, Headers, Request, Response, ResponseBuilder};

use crate::web::REQUEST_HEADERS;
use crate::web::body::{ReadError, RequestBody};
use crate::web::call::Country;
use crate::web::sender::{FRONT_END_KEY, VISITOR_HEADERS};

/// How long a client may take to send a body of 8 KiB.
const BODY_TIMEOUT: Duration = Duration::from_secs(3);
/// What stands for a byte that `http` takes in no header: nothing that we accept has it in it.
const UNREADABLE: u8 = b'?';
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
    let mut copy = |names: &[HeaderName]| {
        for name in names {
            if let Ok(Some(value)) = from.get(name.as_str()) {
                headers.insert(name, header_value(&value));
            }
        }
        headers.contains_key(FRONT_END_KEY)
    };
    if copy(&REQUEST_HEADERS) {
        copy(&VISITOR_HEADERS);
    }
    headers
}

/// A header's value. One odd byte in somebody else's cookie must not hide the others: control
/// characters are replaced one by one.
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
