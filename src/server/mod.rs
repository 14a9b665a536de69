//! The wire format, on the `http` crate's types: [`handle`] is the whole service.

pub mod cross_site;
pub mod sender;

#[cfg(test)]
mod tests;

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN};
use http::{Method, Request, Response, StatusCode, header, request};
use uuid::{Builder, Uuid};

use crate::api::endpoint::{Endpoint, Handler, Lookup, Route, find};
use crate::domain::audit::AuditEvent;
use crate::domain::throttle::ClientPrefix;
use crate::domain::time::UnixSeconds;
use crate::ports::{Log, LogValue, Ports};
use crate::service::caller::Caller;
use crate::service::config::Hsts;
use crate::service::refusals::request_refused;
use crate::service::{AppError, Ctx, Service, limits};
use crate::web::apart::apart;
use crate::web::body::{Body, RequestBody};
use crate::web::call::Call;
use crate::web::cookies::CookieStyle;
use crate::web::headers::{HeaderContext, X_REQUEST_ID};
use crate::web::problem::{Code, MISCONFIGURED_RETRY_SECONDS, ProblemContext, Refusal};
use crate::web::transport::{Transport, https_required, misfit};
use cross_site::{SEC_FETCH_SITE, allowed_origin, may_proceed};
use sender::{CF_CONNECTING_IP, FRONT_END_KEY, Sender};

/// The request headers that anything here reads, whatever the method.
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
/// Those that say what a body is: no endpoint reads the body of a safe method.
const BODY_HEADERS: [HeaderName; 3] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
];

/// Every request header that anything here reads: the platform copies these and no others, but for
/// those of [`sender::VISITOR_HEADERS`].
pub fn request_headers(method: &Method) -> impl Iterator<Item = HeaderName> {
    let of_body = (!method.is_safe()).then_some(BODY_HEADERS);
    REQUEST_HEADERS
        .into_iter()
        .chain(of_body.into_iter().flatten())
}

/// Answers a request. The body is read only when the request has got that far.
pub async fn handle<P: Ports, B: RequestBody>(
    request: Request<B>,
    service: &Service,
    ports: &P,
    now: UnixSeconds,
) -> Response<Vec<u8>> {
    let (head, body) = request.into_parts();
    let exchange = Exchange::new(head, Some(service), ports);
    let ctx = Ctx {
        service,
        ports,
        now,
        caller: &exchange.caller,
    };
    let (route, answer) = match exchange.admit(service) {
        Err(refusal) => {
            if refusal.code == Code::CrossOrigin {
                request_refused(&ctx, AuditEvent::CrossSiteRefused);
            }
            (None, Err(refusal))
        }
        Ok(Admitted::Preflight(methods)) => (None, Ok(preflight(&methods))),
        Ok(Admitted::Route(route, id)) => {
            let answer = match route.handler {
                Handler::Constant(constant) => crate::api::account::constant(constant),
                // A new isolate compiles what follows for the first request that needs it.
                Handler::Judged(endpoint) => {
                    let answer = exchange.answer(&ctx, (route, endpoint, id), body);
                    apart(answer).await
                }
            };
            (Some(route), answer)
        }
    };
    exchange.finish(ports, (Some(service), route), answer)
}

/// Answers a request when the settings, the secrets or the bindings are wrong: each with 503.
pub fn refuse_misconfigured<B>(request: Request<B>, ports: &impl Ports) -> Response<Vec<u8>> {
    let (head, _) = request.into_parts();
    let refusal = Refusal::retry_after(Code::Misconfigured, MISCONFIGURED_RETRY_SECONDS, None);
    Exchange::new(head, None, ports).finish(ports, (None, None), Err(refusal))
}

/// A request, without its body, and what follows from its head alone.
struct Exchange {
    caller: Caller,
    /// The id that the client gave the request, for the log alone.
    client_id: Option<String>,
    transport: Transport,
    parts: request::Parts,
}

enum Admitted<'a> {
    /// An endpoint, and what stands in the path for `{id}`.
    Route(&'static Route, Option<&'a str>),
    /// A CORS preflight for these methods.
    Preflight(String),
}

impl Exchange {
    fn new(parts: request::Parts, service: Option<&Service>, ports: &impl Ports) -> Self {
        // Without entropy the request will fail; its id need not be unique.
        let bytes = ports.random_bytes().unwrap_or_default();
        let request_id = in_usual_form(Builder::from_random_bytes(bytes).into_uuid());
        ports.identify(&request_id);
        let Sender { address, country } = Sender::of(&parts, service);
        Self {
            caller: Caller::new(request_id, ClientPrefix::parse(address), country),
            client_id: client_id(&parts),
            transport: Transport::of(&parts.uri),
            parts,
        }
    }

    /// Refuses what can be refused by the head of the request.
    fn admit(&self, service: &Service) -> Result<Admitted<'_>, Refusal> {
        if self.transport == Transport::PlainHttp {
            return Err(Refusal {
                detail: Some(https_required(&self.parts.uri)),
                ..Refusal::new(Code::HttpsRequired)
            });
        }
        if let Some(cause) = misfit(&self.parts.uri, &service.config) {
            return Err(AppError::Misconfigured(cause.to_owned()).into());
        }
        let method = &self.parts.method;
        let (route, id) = match find(method, self.parts.uri.path()) {
            Lookup::Found(route, id) => (route, id),
            Lookup::NotFound => return Err(Refusal::new(Code::NotFound)),
            Lookup::WrongMethod(allowed) => {
                let methods = allowed
                    .iter()
                    .map(|method| method.as_str())
                    .collect::<Vec<_>>()
                    .join(", ");
                let is_preflight = *method == Method::OPTIONS
                    && self
                        .parts
                        .headers
                        .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
                    && self.allowed_origin(service).is_some();
                return if is_preflight {
                    Ok(Admitted::Preflight(methods))
                } else {
                    Err(Refusal::method_not_allowed(&methods))
                };
            }
        };
        let allowed = &service.config.allowed_origins;
        if !may_proceed(method, &self.parts.headers, (&self.parts.uri, allowed)) {
            return Err(Refusal::new(Code::CrossOrigin));
        }
        Ok(Admitted::Route(route, id))
    }

    async fn answer<P: Ports>(
        &self,
        ctx: &Ctx<'_, P>,
        (route, endpoint, id): (&Route, Endpoint, Option<&str>),
        body: impl RequestBody,
    ) -> Result<Response<Vec<u8>>, Refusal> {
        if let (Endpoint::Anyone(_), Some(limited)) = (endpoint, route.limited()) {
            apart(limits::by_client(ctx, limited)).await?;
        }
        let incoming = crate::web::body::admit(&self.parts.headers, body, route.body)?;
        let call = Call {
            headers: &self.parts.headers,
            id,
            query: self.parts.uri.query(),
            cookies: self.cookies(ctx.service),
            limited: route.limited(),
            body: Body::Nothing,
        };
        crate::api::dispatch::answer(ctx, endpoint, call, incoming).await
    }

    /// Turns a refusal into its document, adds the headers of every answer, and logs.
    fn finish(
        &self,
        log: &impl Log,
        (service, route): (Option<&Service>, Option<&Route>),
        answer: Result<Response<Vec<u8>>, Refusal>,
    ) -> Response<Vec<u8>> {
        let operation = route.map(|route| route.operation);
        let mut response = answer.unwrap_or_else(|refusal| {
            log_cause(log, &refusal);
            let context = ProblemContext {
                issuer: service.map(|service| service.config.issuance.issuer.as_str()),
                request_id: &self.caller.request_id,
                is_token_endpoint: matches!(operation, Some("AccountLogin" | "RefreshAccessToken")),
            };
            let mut response = crate::web::problem::to_response(&refusal, context);
            if let (true, Some(service)) = (refusal.delete_cookies, service) {
                self.cookies(service).delete(response.headers_mut());
            }
            response
        });
        let context = HeaderContext {
            uri: &self.parts.uri,
            // Nobody knows what a service wants that is not set up.
            hsts: service.map_or(Hsts::Off, |service| service.config.hsts),
            allowed_origin: service.and_then(|service| self.allowed_origin(service)),
            varies_by_origin: service
                .is_some_and(|service| !service.config.allowed_origins.is_empty()),
            request_id: &self.caller.request_id,
        };
        crate::web::headers::add(response.headers_mut(), context);
        let user = self.caller.user().map(|user| user.to_string());
        log.info(
            "http.request",
            &[
                ("http.method", self.parts.method.as_str().into()),
                ("http.operation", operation.into()),
                (
                    "http.status",
                    LogValue::Number(response.status().as_u16().into()),
                ),
                ("user.id", user.as_deref().into()),
                ("client.request_id", self.client_id.as_deref().into()),
            ],
        );
        if self.parts.method == Method::HEAD {
            crate::web::headers::leave_body_out(&mut response);
        }
        response
    }

    fn cookies<'a>(&self, service: &'a Service) -> CookieStyle<'a> {
        CookieStyle::of(self.transport, &service.config.cookies)
    }

    fn allowed_origin<'a>(&self, service: &'a Service) -> Option<&'a str> {
        let origin = self.parts.headers.get(ORIGIN)?;
        allowed_origin(origin, &service.config.allowed_origins).map(String::as_str)
    }
}

fn log_cause(log: &impl Log, refusal: &Refusal) {
    if let Some(cause) = &refusal.cause {
        log.error(
            "http.failure",
            &[
                ("error.code", refusal.code.as_str().into()),
                ("error.cause", cause.as_str().into()),
            ],
        );
    }
}

fn preflight(methods: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    crate::web::headers::add_preflight(response.headers_mut(), methods);
    response
}

/// The id that the client gave the request, when it is a UUID in its usual form.
///
/// It is never the request's id here: whoever sends somebody else's could file what happens to
/// accounts, and every line of the log, under that request.
fn client_id(parts: &request::Parts) -> Option<String> {
    let text = parts.headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let is_usual = text.len() == uuid::fmt::Hyphenated::LENGTH;
    let id = Uuid::try_parse(text).ok().filter(|_| is_usual)?;
    Some(in_usual_form(id))
}

fn in_usual_form(id: Uuid) -> String {
    id.as_hyphenated().to_string()
}
