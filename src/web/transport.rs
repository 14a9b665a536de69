//! The transport of a request: https, plain http on this machine, or plain http elsewhere.

use http::Uri;

use crate::service::origin::is_local_host;

/// The transport of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `https://…`.
    Https,
    /// `http://localhost`, `http://127.0.0.1` or `http://[::1]`: development.
    LocalHttp,
    /// `http://…` on any other host: refused.
    PlainHttp,
}

impl Transport {
    /// Returns the transport of a request's absolute URI.
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

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::Transport;

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
}
