//! Which requests another site may make a browser send (docs/http.md, section 6).

use http::header::{HeaderName, HeaderValue, ORIGIN};
use http::request::Parts;
use http::{Method, Uri};

/// The relation between the initiator of a request and this service, according to the browser
/// (Fetch Metadata).
pub const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Returns whether a request may proceed: the rule of Go's `net/http.CrossOriginProtection`.
///
/// An unsafe method passes when the browser states that the request comes from the service's own
/// page, or directly from the user. Otherwise its origin must be allowed. Browsers older than Fetch
/// Metadata send an `Origin` with every unsafe method. A client that sends neither is not a browser
/// and has no ambient cookies.
#[must_use]
pub fn may_proceed(head: &Parts, allowed: &[String]) -> bool {
    if matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    let origin = head.headers.get(ORIGIN);
    let is_allowed = |origin: &HeaderValue| allowed_origin(origin, allowed).is_some();
    match head.headers.get(&SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
        Some(b"same-origin" | b"none") => true,
        Some(_) => origin.is_some_and(is_allowed),
        None => origin.is_none_or(|origin| is_own(origin, &head.uri) || is_allowed(origin)),
    }
}

/// Returns the entry of the allow-list that equals an `Origin` header, byte for byte.
#[must_use]
pub fn allowed_origin<'a>(origin: &HeaderValue, allowed: &'a [String]) -> Option<&'a String> {
    allowed
        .iter()
        .find(|entry| entry.as_bytes() == origin.as_bytes())
}

fn is_own(origin: &HeaderValue, own: &Uri) -> bool {
    match (own.scheme_str(), own.authority()) {
        (Some(scheme), Some(authority)) => {
            origin.as_bytes() == format!("{scheme}://{authority}").as_bytes()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use http::header::ORIGIN;
    use http::{Method, Request};

    use super::{SEC_FETCH_SITE, may_proceed};

    fn passes(method: &Method, site: Option<&str>, origin: Option<&str>) -> bool {
        let mut request = Request::builder()
            .method(method)
            .uri("https://auth.example.org/api/account/login");
        if let Some(site) = site {
            request = request.header(SEC_FETCH_SITE, site);
        }
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        may_proceed(&head, &["https://app.example.org".to_owned()])
    }

    /// The cases of Go's `TestCrossOriginProtectionSecFetchSite` and `…TrustedOriginBypass`, and
    /// further ones.
    #[test]
    fn the_table_of_sites_and_origins() {
        let own = Some("https://auth.example.org");
        let app = Some("https://app.example.org");
        let evil = Some("https://attacker.example");
        for (site, origin, expected) in [
            (Some("same-origin"), None, true),
            (Some("none"), None, true),
            (Some("same-origin"), evil, true),
            (Some("cross-site"), None, false),
            (Some("same-site"), None, false),
            (Some("cross-site"), own, false),
            (Some("cross-site"), evil, false),
            (Some("cross-site"), app, true),
            (Some("same-site"), app, true),
            (Some("same-site"), evil, false),
            (Some("Same-Origin"), None, false),
            (Some(""), None, false),
            (Some("bogus"), app, true),
            (None, None, true),
            (None, own, true),
            (None, app, true),
            (None, evil, false),
            (None, Some("null"), false),
            (Some("cross-site"), Some("null"), false),
            (None, Some("http://auth.example.org"), false),
            (None, Some("https://auth.example.org:8443"), false),
            (None, Some("https://auth.example.org/"), false),
            (None, Some("https://AUTH.example.org"), false),
            (None, Some("https://auth.example.org.evil.example"), false),
            (None, Some("https://evil-app.example.org"), false),
            (None, Some(""), false),
        ] {
            assert_eq!(
                passes(&Method::POST, site, origin),
                expected,
                "{site:?} {origin:?}"
            );
        }
    }

    #[test]
    fn safe_methods_pass_and_unknown_ones_do_not() {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(passes(&method, Some("cross-site"), None));
        }
        for name in ["PUT", "PATCH", "DELETE", "TRACE", "FOO"] {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            assert!(!passes(&method, Some("cross-site"), None), "{name}");
        }
    }
}
