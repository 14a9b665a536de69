//! One request from its head to its log line: [`handle`] is the whole service. It knows no
//! endpoint.

mod admit;
pub mod cross_site;
mod exchange;
pub mod sender;

#[cfg(test)]
mod tests;

use std::rc::Rc;

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN};
use http::{Method, Request, Response, StatusCode, header};

use crate::domain::audit::AuditEvent;
use crate::domain::time::UnixSeconds;
use crate::ports::Ports;
use crate::service::readiness::explain_failure;
use crate::service::refusals::request_refused;
use crate::service::{Ctx, Service};
use crate::web::body::RequestBody;
use crate::web::headers::{self, X_REQUEST_ID};
use crate::web::problem::{Code, MISCONFIGURED_RETRY_SECONDS, Refusal};
use crate::web::request::Head;
use admit::{Admitted, admit};
use cross_site::SEC_FETCH_SITE;
use exchange::Exchange;
use sender::{CF_CONNECTING_IP, FRONT_END_KEY};

/// The request headers that are read for every method.
const REQUEST_HEADERS: [HeaderName; 8] = [
    ACCESS_CONTROL_REQUEST_METHOD,
    CF_CONNECTING_IP,
    FRONT_END_KEY,
    header::COOKIE,
    ORIGIN,
    SEC_FETCH_SITE,
    header::USER_AGENT,
    X_REQUEST_ID,
];
/// The headers that describe a body, and the language of a mail that it may cause. No endpoint reads
/// the body of a safe method.
const BODY_HEADERS: [HeaderName; 4] = [
    header::ACCEPT_LANGUAGE,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
];

/// Returns every request header that is read. The platform copies only these, and those of
/// [`sender::VISITOR_HEADERS`].
pub fn request_headers(method: &Method) -> impl Iterator<Item = HeaderName> {
    let of_body = (!method.is_safe()).then_some(BODY_HEADERS);
    REQUEST_HEADERS
        .into_iter()
        .chain(of_body.into_iter().flatten())
}

/// Answers a request. The body is read only when the checks before it have passed.
pub async fn handle<P: Ports, B: RequestBody>(
    request: Request<B>,
    service: &Rc<Service>,
    ports: &P,
    now: UnixSeconds,
) -> Response<Vec<u8>> {
    let (head, body) = request.into_parts();
    let mut exchange = Exchange::new(&head, Some(service), ports);
    let ctx = Ctx {
        service,
        ports,
        now,
        caller: &exchange.caller,
    };
    let answer = match admit(&head, service) {
        Err(refusal) => {
            if refusal.code == Code::CrossOrigin {
                request_refused(&ctx, AuditEvent::CrossSiteRefused);
            }
            Err(refusal)
        }
        Ok(Admitted::Preflight(methods)) => Ok(preflight(&methods)),
        Ok(Admitted::Endpoint(endpoint, segments)) => {
            exchange.route = Some(endpoint.route());
            let cookies = exchange.cookies(service);
            let head = Head {
                headers: &head.headers,
                segments,
                query: head.uri.query(),
                cookies,
            };
            let answer = endpoint.answer(&ctx, head, body).await;
            if let Err(Refusal {
                cause: Some(cause), ..
            }) = &answer
            {
                explain_failure(&ctx, cause);
            }
            answer.map(|reply| reply.into_response(cookies, now))
        }
    };
    exchange.finish(ports, answer)
}

/// Answers every request with 503, because the settings, the secrets or the bindings are wrong.
pub fn refuse_misconfigured<B>(request: Request<B>, ports: &impl Ports) -> Response<Vec<u8>> {
    let (head, _) = request.into_parts();
    let refusal = Refusal::retry_after(Code::Misconfigured, MISCONFIGURED_RETRY_SECONDS, None);
    Exchange::new(&head, None, ports).finish(ports, Err(refusal))
}

fn preflight(methods: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    headers::add_preflight(response.headers_mut(), methods);
    response
}
