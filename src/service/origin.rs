//! Origins and domain names in settings. Each has only one accepted spelling, so that they can be
//! compared byte for byte.

use core::str::FromStr;

use crate::domain::site::site;

/// Returns whether a text is a serialized origin (RFC 6454, section 6.2): https, or http on this
/// machine, in lower case, without a path.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    let (is_https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return false,
    };
    // The colons inside the brackets of an IPv6 address belong to the host.
    let (host, port) = match rest
        .rsplit_once(':')
        .filter(|(_, port)| !port.ends_with(']'))
    {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let default_port = if is_https { "443" } else { "80" };
    port.is_none_or(|port| port != default_port && is_port(port))
        && (is_local_host(host) || (is_https && is_domain_name(host)))
}

/// Returns whether a host is this machine, under a name that browsers trust over plain http.
#[must_use]
pub fn is_local_host(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// Returns the host of an origin, without scheme and port.
#[must_use]
pub fn host_of(origin: &str) -> &str {
    let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => rest,
    }
}

/// Returns whether browsers treat two origins as one site: same scheme and same registrable domain,
/// whatever the ports. (HTML Standard: "schemelessly same site", and the same scheme.)
#[must_use]
pub fn is_same_site(one: &str, other: &str) -> bool {
    let scheme = |origin: &str| origin.starts_with("https:");
    scheme(one) == scheme(other) && site(host_of(one)) == site(host_of(other))
}

/// Returns whether a text is a port as browsers write it: a number from 1, without leading zeros.
fn is_port(text: &str) -> bool {
    u16::from_str(text).is_ok_and(|port| port > 0 && port.to_string() == text)
}

/// Returns whether a text is a domain name in lower case, with one label or more (RFC 1035, section
/// 2.3.1).
#[must_use]
pub fn is_domain_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        })
}

#[cfg(test)]
mod tests {
    use super::{host_of, is_origin, is_same_site};

    #[test]
    fn a_site_is_scheme_and_registered_domain() {
        for (one, other, expected) in [
            ("https://app.example.org", "https://auth.example.org", true),
            ("https://app.example.org:8443", "https://example.org", true),
            ("http://localhost:5173", "http://localhost:8787", true),
            ("http://localhost:5173", "http://127.0.0.1:8787", false),
            ("http://[::1]:5173", "http://127.0.0.1:8787", false),
            ("http://[::1]:5173", "http://[::1]", true),
            ("http://localhost:5173", "https://localhost:8787", false),
            ("https://app.example.com", "https://auth.example.org", false),
            ("https://a.co.uk", "https://b.co.uk", false),
            ("https://a.workers.dev", "https://b.workers.dev", false),
        ] {
            assert_eq!(is_same_site(one, other), expected, "{one} {other}");
        }
        assert_eq!(host_of("http://[::1]:8080"), "[::1]");
        assert_eq!(host_of("http://[::1]"), "[::1]");
        assert_eq!(host_of("https://a.org:8443"), "a.org");
    }

    #[test]
    fn an_origin_has_one_spelling() {
        for text in [
            "https://a.org",
            "https://a.org:8443",
            "http://localhost:8787",
            "http://127.0.0.1",
            "http://[::1]",
            "http://[::1]:8080",
            "http://localhost:443",
        ] {
            assert!(is_origin(text), "{text}");
        }
        for text in [
            "https://A.org",
            "https://a.org/",
            "https://a.org:",
            "https://a.org:+80",
            "https://a.org:443",
            "https://a.org:0443",
            "https://a.org:0",
            "http://localhost:80",
            "http://[::1]:80",
            "https://a.org:99999",
            "https://user@a.org",
            "https://*.a.org",
            "http://a.org",
            "ftp://a.org",
            "https://",
            "http://[::1]x",
        ] {
            assert!(!is_origin(text), "{text}");
        }
    }
}
