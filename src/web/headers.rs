//! The headers of every answer, and CORS (docs/http.md, section 6).

use http::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};

use http::Uri;

use super::transport::Transport;
use crate::domain::time::Seconds;
use crate::service::config::Hsts;
use crate::service::origin::is_local_host;

/// The client's id in a request, and the service's id of the request in every answer.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The caller's identity, as a token that an upstream verifies.
pub const X_AUTH_IDENTITY: HeaderName = HeaderName::from_static("x-auth-identity");
/// The caller's id, for an upstream that trusts its proxy.
pub const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");
/// The slug of the caller's role, for an upstream that trusts its proxy.
pub const X_USER_ROLE: HeaderName = HeaderName::from_static("x-user-role");
/// The id of the caller's session, for an upstream that trusts its proxy.
pub const X_SESSION_ID: HeaderName = HeaderName::from_static("x-session-id");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// No answer is a page: no script, no frame, no form, no base.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);
/// Two years, as the HSTS preload list recommends (ASVS 5.0, 3.4.1, requires one).
const HSTS_HOST: HeaderValue = HeaderValue::from_static("max-age=63072000");
/// For a deployment that controls the whole zone.
const HSTS_SUBDOMAINS: HeaderValue =
    HeaderValue::from_static("max-age=63072000; includeSubDomains");
/// The headers that scripts of an allowed origin may send: those of the service's own requests, and
/// those that common clients, monitoring and tracing add to every request of a page. Only the first
/// two have a meaning here. A browser does not send a request with a header that is not listed, and
/// `*` has no effect on requests with cookies (Fetch standard, section 3.2.3).
const PREFLIGHT_HEADERS: HeaderValue = HeaderValue::from_static(concat!(
    "Content-Type, X-Request-Id, ",
    // Clients and frameworks.
    "Accept, Accept-Language, Authorization, Cache-Control, Expires, If-Modified-Since, ",
    "If-None-Match, Pragma, X-Client-Version, X-Correlation-Id, X-CSRF-Token, ",
    "X-Requested-With, X-XSRF-Token, ",
    // W3C Trace Context and Baggage, B3, Jaeger.
    "traceparent, tracestate, baggage, b3, X-B3-TraceId, X-B3-SpanId, X-B3-ParentSpanId, ",
    "X-B3-Sampled, X-B3-Flags, uber-trace-id, ",
    // Sentry, Datadog, New Relic, Elastic, Application Insights, Instana, Dynatrace,
    // AppDynamics.
    "sentry-trace, X-Datadog-Trace-Id, X-Datadog-Parent-Id, X-Datadog-Origin, ",
    "X-Datadog-Sampling-Priority, X-Datadog-Tags, newrelic, elastic-apm-traceparent, ",
    "Request-Id, Request-Context, X-Instana-T, X-Instana-S, X-Instana-L, X-dtC, ADRUM, ",
    // X-Ray, Google Cloud, Honeycomb, PostHog, LogRocket, Highlight.
    "X-Amzn-Trace-Id, X-Cloud-Trace-Context, X-Honeycomb-Trace, X-PostHog-Session-Id, ",
    "X-PostHog-Window-Id, X-PostHog-Distinct-Id, X-LogRocket-URL, X-Highlight-Request",
));
/// How long a browser may cache a preflight, in seconds.
const PREFLIGHT_MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// What the headers depend on.
#[derive(Clone, Copy, Debug)]
pub struct HeaderContext<'a> {
    /// The URI of the request.
    pub uri: &'a Uri,
    /// The hosts that a browser must visit over https only.
    pub hsts: Hsts,
    /// The allowed origin that the request came from, if any.
    pub allowed_origin: Option<&'a str>,
    /// Whether the answer depends on the origin.
    pub varies_by_origin: bool,
    /// The request's id.
    pub request_id: &'a str,
}

/// Adds the headers of every answer.
pub fn add(headers: &mut HeaderMap, context: HeaderContext<'_>) {
    let is_shared = headers.contains_key(CACHE_CONTROL);
    if !is_shared {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    if let Some(hsts) = strict_transport_security(context.hsts, context.uri) {
        headers.insert(STRICT_TRANSPORT_SECURITY, hsts);
    }
    if let Ok(id) = HeaderValue::from_str(context.request_id) {
        headers.insert(X_REQUEST_ID, id);
    }
    if is_shared {
        return;
    }
    if context.varies_by_origin {
        headers.insert(VARY, HeaderValue::from_static("Origin"));
    }
    let resource_policy = match context.allowed_origin.map(HeaderValue::from_str) {
        Some(Ok(origin)) => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
            headers.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("X-Request-Id, Retry-After"),
            );
            "same-site"
        }
        _ => "same-origin",
    };
    headers.insert(
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static(resource_policy),
    );
}

/// Adds what an answer has that is the same for everyone: caches keep it for this long, and pages of
/// any origin read it.
pub fn add_shared(headers: &mut HeaderMap, span: Seconds) {
    if let Ok(cache) = HeaderValue::from_str(&format!("public, max-age={}", span.get())) {
        headers.insert(CACHE_CONTROL, cache);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static("cross-origin"),
    );
}

/// Returns the HSTS header. None on this machine: the next program on the same port may use plain
/// http.
fn strict_transport_security(hsts: Hsts, uri: &Uri) -> Option<HeaderValue> {
    if Transport::of(uri) != Transport::Https || uri.host().is_none_or(is_local_host) {
        return None;
    }
    match hsts {
        Hsts::Off => None,
        Hsts::Host => Some(HSTS_HOST),
        Hsts::Subdomains => Some(HSTS_SUBDOMAINS),
    }
}

/// Adds the headers of a preflight's answer; `add` adds the others.
pub fn add_preflight(headers: &mut HeaderMap, methods: &str) {
    if let Ok(methods) = HeaderValue::from_str(methods) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, PREFLIGHT_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE);
}

/// Turns the answer to a GET into that to a HEAD: the same headers, without the body (RFC 9110,
/// section 9.3.2).
pub fn leave_body_out(response: &mut Response<Vec<u8>>) {
    let bytes = core::mem::take(response.body_mut()).len();
    if bytes > 0 {
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    }
}
