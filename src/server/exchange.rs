//! A request and its answer, with what follows from the head alone: the request's id, its sender
//! and its transport, the headers of every answer, and the log line.

use http::header::ORIGIN;
use http::request::Parts;
use http::{Method, Response};
use uuid::{Builder, Uuid};

use super::cross_site::allowed_origin;
use super::sender::Sender;
use crate::api::Endpoint;
use crate::domain::throttle::ClientPrefix;
use crate::ports::{Log, LogValue, Ports};
use crate::service::Service;
use crate::service::caller::Caller;
use crate::service::config::Hsts;
use crate::web::cookies::CookieStyle;
use crate::web::headers::{self, HeaderContext, X_REQUEST_ID};
use crate::web::problem::{self, ProblemContext, Refusal};
use crate::web::request::Internal;
use crate::web::route::Route;
use crate::web::router::leads_to;
use crate::web::transport::Transport;

/// A request that is being answered.
pub(super) struct Exchange<'a> {
    pub(super) caller: Caller,
    /// The route of the endpoint, once it is known.
    pub(super) route: Option<&'static Route>,
    head: &'a Parts,
    /// `None` when the settings are wrong.
    service: Option<&'a Service>,
    /// The id that the client gave the request, for the log only.
    client_id: Option<String>,
    transport: Transport,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(head: &'a Parts, service: Option<&'a Service>, ports: &impl Ports) -> Self {
        // Without entropy the request fails anyway, so its id need not be unique.
        let bytes = ports.random_bytes().unwrap_or_default();
        let request_id = in_usual_form(Builder::from_random_bytes(bytes).into_uuid());
        ports.identify(&request_id);
        let sender = Sender::of(head, service);
        let client = ClientPrefix::parse(sender.address);
        let mut caller = Caller::new(request_id, client, sender.country);
        caller.is_trusted = sender.is_trusted;
        caller.is_internal = head.extensions.get::<Internal>().is_some();
        Self {
            caller,
            route: None,
            head,
            service,
            client_id: client_id(head),
            transport: Transport::of(&head.uri),
        }
    }

    /// Returns the form of the auth cookies.
    pub(super) fn cookies<'s>(&self, service: &'s Service) -> CookieStyle<'s> {
        CookieStyle::of(self.transport, &service.config.cookies)
    }

    /// Writes a refusal as a problem, adds the headers of every answer, and logs the request.
    pub(super) fn finish(
        &self,
        log: &impl Log,
        answer: Result<Response<Vec<u8>>, Refusal>,
    ) -> Response<Vec<u8>> {
        let mut response = answer.unwrap_or_else(|refusal| self.refuse(log, &refusal));
        let allowed_origin = self
            .service
            .and_then(|service| self.allowed_origin(service));
        let context = HeaderContext {
            uri: &self.head.uri,
            // A misconfigured service has no HSTS setting.
            hsts: self
                .service
                .map_or(Hsts::Off, |service| service.config.hsts),
            allowed_origin,
            varies_by_origin: self
                .service
                .is_some_and(|service| !service.config.allowed_origins.is_empty()),
            request_id: &self.caller.request_id,
        };
        headers::add(response.headers_mut(), context);
        self.log(log, response.status().as_u16());
        if self.head.method == Method::HEAD {
            headers::leave_body_out(&mut response);
        }
        response
    }

    fn refuse(&self, log: &impl Log, refusal: &Refusal) -> Response<Vec<u8>> {
        if let Some(cause) = &refusal.cause {
            log.error(
                "http.failure",
                &[
                    ("error.code", refusal.code.as_str().into()),
                    ("error.cause", cause.as_str().into()),
                ],
            );
        }
        let context = ProblemContext {
            issuer: self
                .service
                .map(|service| service.config.issuance.issuer.as_str()),
            request_id: &self.caller.request_id,
            is_token_endpoint: self.route.is_some_and(|route| route.is_token_endpoint),
        };
        let mut response = problem::to_response(refusal, context);
        if let (true, Some(service)) = (refusal.delete_cookies, self.service) {
            self.cookies(service).delete(response.headers_mut());
        }
        response
    }

    fn log(&self, log: &impl Log, status: u16) {
        let user = self.caller.user().map(|user| user.to_string());
        log.info(
            "http.request",
            &[
                ("http.method", self.head.method.as_str().into()),
                (
                    "http.operation",
                    self.route.map(|route| route.operation).into(),
                ),
                ("http.status", LogValue::Number(status.into())),
                ("user.id", user.as_deref().into()),
                ("client.request_id", self.client_id.as_deref().into()),
            ],
        );
    }

    fn allowed_origin(&self, service: &'a Service) -> Option<&'a str> {
        let origin = self.head.headers.get(ORIGIN)?;
        let path = self.head.uri.path();
        // By path: a method that does not exist there gets no CORS headers either.
        if Endpoint::offered(&service.config)
            .any(|(_, route)| !route.has_cors && leads_to(route.path, path))
        {
            return None;
        }
        allowed_origin(origin, &service.config.allowed_origins).map(String::as_str)
    }
}

/// Returns the id that the client gave the request, if it is a UUID in its usual form.
///
/// It never becomes the request's own id: a client could then file events and log lines under the
/// id of another client's request.
fn client_id(head: &Parts) -> Option<String> {
    let text = head.headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let is_usual = text.len() == uuid::fmt::Hyphenated::LENGTH;
    let id = Uuid::try_parse(text).ok().filter(|_| is_usual)?;
    Some(in_usual_form(id))
}

fn in_usual_form(id: Uuid) -> String {
    id.as_hyphenated().to_string()
}
