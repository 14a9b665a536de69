//! How a request came: over https, over plain http on this machine, or over plain http.

use http::Uri;

use crate::domain::site::is_within;
use crate::service::config::Config;
use crate::service::origin::is_local_host;

/// The longest host that a refusal names: as long as a domain name can be.
const MAX_HOST_BYTES: usize = 253;

/// The transport of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `https://…`
    Https,
    /// `http://localhost`, `http://127.0.0.1` or `http://[::1]`: development.
    LocalHttp,
    /// `http://…` on any other host: refused.
    PlainHttp,
}

impl Transport {
    /// The transport of a request's absolute URI.
    #[must_use]
    pub fn of(uri: &Uri) -> Self {
        if uri.scheme_str() == Some("https") {
            return Self::Https;
        }
        if uri.host().is_some_and(is_local_host) {
            Self::LocalHttp
        } else {
            Self::PlainHttp
        }
    }
}

/// Why a request that came over https cannot be served with these settings: browsers would drop
/// the cookies, or the tokens would name an issuer that nobody reaches. The text is for the log.
#[must_use]
pub fn misfit(uri: &Uri, config: &Config) -> Option<&'static str> {
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

/// What a refusal of plain http says: which host was seen, if it is one. Nothing but letters,
/// digits, dots, hyphens and an IPv6 address's brackets and colons of it is repeated.
#[must_use]
pub fn https_required(uri: &Uri) -> String {
    let is_host = |host: &&str| {
        let is_plain = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
        };
        (1..=MAX_HOST_BYTES).contains(&host.len()) && host.bytes().all(is_plain)
    };
    let rule = "This service answers over https only, or over http on localhost";
    match uri.host().filter(is_host) {
        Some(host) => format!("{rule}; this request came over http for the host {host}"),
        None => rule.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::{Transport, https_required, misfit};
    use crate::service::config::tests::configure;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (uri, transport) in [
            ("https://auth.example.org/", Transport::Https),
            ("https://localhost:8787/", Transport::Https),
            ("http://localhost:8787/", Transport::LocalHttp),
            ("http://127.0.0.1/", Transport::LocalHttp),
            ("http://[::1]:9000/", Transport::LocalHttp),
            ("http://auth.example.org/", Transport::PlainHttp),
            ("http://localhost.example.org/", Transport::PlainHttp),
            ("http://127.0.0.2/", Transport::PlainHttp),
            ("/health", Transport::PlainHttp),
        ] {
            assert_eq!(Transport::of(&Uri::from_static(uri)), transport, "{uri}");
        }
    }

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
