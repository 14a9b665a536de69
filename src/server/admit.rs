//! Checks that need only the head of a request, before the endpoint.

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{Method, Uri, request};

use super::cross_site::{allowed_origin, may_proceed};
use crate::api::Endpoint;
use crate::domain::site::is_within;
use crate::service::config::Config;
use crate::service::{Service, ServiceError};
use crate::web::problem::{Code, Refusal};
use crate::web::router::{Lookup, Segments, find, leads_to};
use crate::web::transport::Transport;

/// The longest host that a refusal repeats: the maximum length of a domain name.
const MAX_HOST_BYTES: usize = 253;

/// How an admitted request continues.
pub(super) enum Admitted<'a> {
    /// An endpoint, and the segments of the path that match the names in its pattern.
    Endpoint(Endpoint, Segments<'a>),
    /// A CORS preflight for these methods.
    Preflight(String),
}

/// Checks transport, settings, path, method and origin, in this order.
///
/// # Errors
///
/// Refuses with 403, 404, 405, or 503 when the settings do not fit the request.
pub(super) fn admit<'a>(
    head: &'a request::Parts,
    service: &Service,
) -> Result<Admitted<'a>, Refusal> {
    if Transport::of(&head.uri) == Transport::PlainHttp {
        return Err(Refusal {
            detail: Some(https_required(&head.uri)),
            ..Refusal::new(Code::HttpsRequired)
        });
    }
    if let Some(cause) = misfit(&head.uri, &service.config) {
        return Err(ServiceError::Misconfigured(cause.to_owned()).into());
    }
    let (endpoint, segments) = match find(
        Endpoint::offered(&service.config),
        &head.method,
        head.uri.path(),
    ) {
        Lookup::Found(endpoint, segments) => (endpoint, segments),
        Lookup::NotFound => return Err(Refusal::new(Code::NotFound)),
        Lookup::WrongMethod(allowed) => {
            let methods = allowed.join(", ");
            return if is_preflight(head, service) {
                Ok(Admitted::Preflight(methods))
            } else {
                Err(Refusal::method_not_allowed(&methods))
            };
        }
    };
    let allowed = &service.config.allowed_origins;
    if !may_proceed(head, allowed) {
        return Err(Refusal::new(Code::CrossOrigin));
    }
    Ok(Admitted::Endpoint(endpoint, segments))
}

/// Returns whether the request is a preflight from an allowed origin (Fetch standard, section
/// 3.2.2).
fn is_preflight(head: &request::Parts, service: &Service) -> bool {
    let origin = head.headers.get(ORIGIN);
    let path = head.uri.path();
    head.method == Method::OPTIONS
        && Endpoint::offered(&service.config)
            .any(|(_, route)| route.has_cors && leads_to(route.path, path))
        && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && origin
            .is_some_and(|origin| allowed_origin(origin, &service.config.allowed_origins).is_some())
}

/// Returns why a request over https cannot be served with these settings: browsers would reject the
/// cookies, or the tokens would name an unreachable issuer. The text is for the log.
#[must_use]
fn misfit(uri: &Uri, config: &Config) -> Option<&'static str> {
    if Transport::of(uri) != Transport::Https {
        return None;
    }
    if !config.issuance.issuer.starts_with("https:") {
        return Some("ISSUER: begins with http://, and the request came over https");
    }
    let domain = config.cookies.domain.as_deref()?;
    let is_inside = uri.host().is_some_and(|host| is_within(host, domain));
    (!is_inside).then_some("COOKIE_DOMAIN: does not contain the host of the request")
}

/// Returns the detail of a refusal of plain http, which repeats the host of the request. It does so
/// only if the host consists of letters, digits, dots, hyphens, and the brackets and colons of an
/// IPv6 address.
#[must_use]
fn https_required(uri: &Uri) -> String {
    let is_host = |host: &&str| {
        let is_plain = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
        };
        (1..=MAX_HOST_BYTES).contains(&host.len()) && host.bytes().all(is_plain)
    };
    let rule = "This service requires https, except for http on localhost";
    match uri.host().filter(is_host) {
        Some(host) => format!("{rule}; this request used http for the host {host}"),
        None => rule.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::{https_required, misfit};
    use crate::service::config::tests::configure;

    #[test]
    fn a_refusal_names_a_host_and_nothing_else_of_the_request() {
        for (uri, names) in [
            ("http://192.168.1.20:5173/api?x=1", Some(" 192.168.1.20")),
            ("http://auth.example.org/", Some(" auth.example.org")),
            ("http://[fe80::1]:80/", Some(" [fe80::1]")),
            (
                "http://user:zqx@auth.example.org/",
                Some(" auth.example.org"),
            ),
            ("http://a_b.example/", None),
            ("http://a$(b)!.example/", None),
            ("/health", None),
        ] {
            let text = https_required(&Uri::from_static(uri));
            match names {
                Some(host) => assert!(text.ends_with(host), "{text}"),
                None => assert!(text.ends_with("localhost"), "{text}"),
            }
        }
        let long = format!("http://{}/", "a.".repeat(200));
        assert!(https_required(&long.parse().unwrap()).ends_with("localhost"));
    }

    #[test]
    fn https_host_and_settings_fit_together() {
        let domain = ("COOKIE_DOMAIN", "example.org");
        let local = ("ISSUER", "http://localhost:8787");
        for (settings, uri, fits) in [
            (&[][..], "https://auth.example.org/", true),
            (&[], "https://app.example.com/", true),
            (&[], "http://localhost:8787/", true),
            (&[local], "http://localhost:8787/", true),
            (&[local, domain], "http://localhost:8787/", true),
            (&[local], "https://localhost:8787/", false),
            (&[local], "https://auth.example.org/", false),
            (&[domain], "https://auth.example.org/", true),
            (&[domain], "https://example.org:8443/", true),
            (&[domain], "https://latchkey.acme.workers.dev/", false),
            (&[domain], "https://auth.notexample.org/", false),
        ] {
            let config = configure(settings).map_err(drop).unwrap().config;
            let misfit = misfit(&Uri::from_static(uri), &config);
            assert_eq!(misfit.is_none(), fits, "{settings:?} {uri}");
        }
    }
}
