//! Origins and domain names, as settings give them: one spelling each, so that comparing bytes
//! is enough later.

use core::str::FromStr;

/// Whether a text is a serialized origin (RFC 6454, section 6.2): https, or http on this
/// machine, in lower case, without a path.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    let (is_https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return false,
    };
    let (host, port) = match rest.strip_prefix("[::1]") {
        Some(after) => (
            "[::1]",
            after
                .strip_prefix(':')
                .or((after.is_empty()).then_some("0")),
        ),
        None => match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, Some("0")),
        },
    };
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let is_port = port.is_some_and(|port| u16::from_str(port).is_ok() && !port.starts_with('+'));
    is_port && (is_local || (is_https && is_domain_name(host)))
}

/// Whether a text is a domain name in lower case, one label or more (RFC 1035, section 2.3.1).
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
    use super::is_origin;

    #[test]
    fn an_origin_has_one_spelling() {
        for text in [
            "https://a.org",
            "https://a.org:8443",
            "http://localhost:8787",
            "http://127.0.0.1",
            "http://[::1]:80",
        ] {
            assert!(is_origin(text), "{text}");
        }
        for text in [
            "https://A.org",
            "https://a.org/",
            "https://a.org:",
            "https://a.org:+80",
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
