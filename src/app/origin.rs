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
    // The colons inside the brackets of an IPv6 address belong to the host.
    let (host, port) = match rest
        .rsplit_once(':')
        .filter(|(_, port)| !port.ends_with(']'))
    {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let default_port = if is_https { "443" } else { "80" };
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    port.is_none_or(|port| port != default_port && is_port(port))
        && (is_local || (is_https && is_domain_name(host)))
}

/// Whether a text is a port as a browser writes it: a number from 1, without leading zeros.
fn is_port(text: &str) -> bool {
    u16::from_str(text).is_ok_and(|port| port > 0 && port.to_string() == text)
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
