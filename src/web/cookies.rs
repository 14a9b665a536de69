//! The two auth cookies, and that of a browser that has asked to log in by mail (docs/http.md,
//! section 2): how they are named, read, set and deleted.

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

use super::transport::Transport;
use crate::domain::credential::mailed_login::BrowserSecret;
use crate::domain::session::token::SignedToken;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::service::config::CookieSettings;
use crate::service::issue::{AccessToken, TokenPair};
use crate::service::presented::PresentedTokens;

const ACCESS: Cookie = Cookie {
    name: "access_token",
    // Lax: after a link from another site to a page of the front end, the user is signed in.
    same_site: "Lax",
};
const REFRESH: Cookie = Cookie {
    name: "refresh_token",
    // Strict: only the front end's own scripts refresh.
    same_site: "Strict",
};
const LOGIN_REQUEST: Cookie = Cookie {
    name: "login_request",
    // Strict: only the front end's own scripts log in.
    same_site: "Strict",
};

struct Cookie {
    name: &'static str,
    same_site: &'static str,
}

/// The form of the cookies in this deployment and on this transport.
#[derive(Clone, Copy, Debug)]
pub struct CookieStyle<'a> {
    own: Scope<'a>,
    former: &'a [String],
}

/// A scope of cookies, which determines their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope<'a> {
    /// `__Host-`: this host only, https only, and no subdomain can set it.
    Host,
    /// `__Secure-` with a `Domain`: shared with sibling subdomains.
    Domain(&'a str),
    /// `__Secure-` without a `Domain`: never set, but read together with those of a domain.
    SecureHost,
    /// Only the configured prefix and no `Secure`, for plain http on this machine, where some
    /// clients reject `Secure` cookies.
    Local(&'a str),
}

impl<'a> CookieStyle<'a> {
    /// Returns the style for a request on this transport.
    #[must_use]
    pub fn of(transport: Transport, settings: &'a CookieSettings) -> Self {
        let own = match (transport, settings.domain.as_deref()) {
            (Transport::Https, Some(domain)) => Scope::Domain(domain),
            (Transport::Https | Transport::PlainHttp, _) => Scope::Host,
            (Transport::LocalHttp, _) => Scope::Local(&settings.local_prefix),
        };
        let former: &[String] = match own {
            // A cookie on this machine has no domain, and no former one.
            Scope::Local(_) => &[],
            Scope::Host | Scope::Domain(_) | Scope::SecureHost => &settings.former_domains,
        };
        Self { own, former }
    }

    /// Reads the auth cookies. Names are compared exactly, an empty value is ignored, and a value
    /// may be quoted (RFC 6265, section 4.1.1). No cookie header is refused: everything else in it,
    /// in whatever form, belongs to other applications.
    ///
    /// A cookie begins after a semicolon or at the start of the line, and nowhere else. Text after
    /// a comma is never an auth cookie. The platform joins two `Cookie` lines with ", ", but no
    /// browser sends two (section 5.4), and HTTP/2 joins with "; ". A sibling subdomain, however,
    /// can set `theme=1, __Host-access_token=…`. Reading on after the comma would bypass the
    /// prefix, and refusing the line would lock the user out. For the same reason a quoted string
    /// ends at a semicolon.
    #[must_use]
    pub fn read(self, headers: &HeaderMap) -> PresentedTokens {
        let mut presented = PresentedTokens::default();
        for line in headers.get_all(COOKIE) {
            for part in line.as_bytes().split(|byte| *byte == b';') {
                // No token of this service contains a comma.
                let part = part.split(|byte| *byte == b',').next().unwrap_or_default();
                // Lossy: auth cookies are ASCII, and other cookies may contain any bytes.
                self.sort(&mut presented, &String::from_utf8_lossy(part));
            }
        }
        presented
    }

    /// Adds the value of an auth cookie to the candidates, and ignores other cookies.
    fn sort(self, presented: &mut PresentedTokens, part: &str) {
        let part = part.trim_matches([' ', '\t']);
        let Some((name, value)) = part.split_once('=') else {
            return;
        };
        let in_requests = name.strip_prefix(self.of_requests().prefix());
        let candidates = match name.strip_prefix(self.own.prefix()) {
            Some(name) if name == ACCESS.name => &mut presented.access,
            Some(name) if name == REFRESH.name => &mut presented.refresh,
            _ if in_requests == Some(LOGIN_REQUEST.name) => &mut presented.login_request,
            _ => return,
        };
        let quoted = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        candidates.add(quoted.unwrap_or(value));
    }

    /// Sets both cookies, and deletes those of former settings: an older token beside the new one
    /// would make the next request ambiguous.
    pub fn set(self, headers: &mut HeaderMap, pair: &TokenPair, now: UnixSeconds) {
        for domain in self.former {
            Scope::Domain(domain).delete(headers);
        }
        let access = Value::of(&pair.access.signed, pair.access.expires_at, now);
        let refresh = Value::of(&pair.refresh, pair.refresh_expires_at, now);
        self.own.append(headers, &ACCESS, access);
        self.own.append(headers, &REFRESH, refresh);
    }

    /// Sets the cookie of a browser that has asked to log in by mail.
    pub fn set_login_request(
        self,
        headers: &mut HeaderMap,
        browser: &BrowserSecret,
        expires_at: UnixSeconds,
        now: UnixSeconds,
    ) {
        let text = browser.expose();
        let value = Value {
            text: &text,
            max_age: expires_at.left_from(now),
            expires_at,
        };
        self.of_requests().append(headers, &LOGIN_REQUEST, value);
    }

    /// Deletes the cookie of a browser that has logged in by mail.
    pub fn delete_login_request(self, headers: &mut HeaderMap) {
        self.of_requests()
            .append(headers, &LOGIN_REQUEST, Value::NONE);
    }

    /// Returns the scope of the cookie of a request to log in by mail. No other host needs it, and with
    /// a `Domain` a sibling subdomain could plant its own request.
    const fn of_requests(self) -> Scope<'a> {
        match self.own {
            Scope::Local(prefix) => Scope::Local(prefix),
            Scope::Host | Scope::Domain(_) | Scope::SecureHost => Scope::Host,
        }
    }

    /// Sets only the access cookie.
    pub fn set_access(self, headers: &mut HeaderMap, token: &AccessToken, now: UnixSeconds) {
        let access = Value::of(&token.signed, token.expires_at, now);
        self.own.append(headers, &ACCESS, access);
    }

    /// Deletes both cookies in every scope that this configuration knows. The own scope comes last,
    /// for cookie jars that store one cookie per name.
    pub fn delete(self, headers: &mut HeaderMap) {
        for domain in self.former {
            Scope::Domain(domain).delete(headers);
        }
        if let Scope::Domain(_) = self.own {
            Scope::Host.delete(headers);
            Scope::SecureHost.delete(headers);
        }
        self.own.delete(headers);
    }
}

/// A cookie's new value and its lifetime.
#[derive(Clone, Copy)]
struct Value<'a> {
    text: &'a str,
    max_age: Seconds,
    expires_at: UnixSeconds,
}

impl<'a> Value<'a> {
    /// The value that deletes a cookie.
    const NONE: Value<'static> = Value {
        text: "",
        max_age: Seconds::new(0),
        expires_at: UnixSeconds::new(0),
    };

    fn of(token: &'a SignedToken, expires_at: UnixSeconds, now: UnixSeconds) -> Self {
        Self {
            text: token.expose(),
            max_age: expires_at.left_from(now),
            expires_at,
        }
    }
}

impl Scope<'_> {
    const fn prefix(&self) -> &str {
        match self {
            Self::Host => "__Host-",
            Self::Domain(_) | Self::SecureHost => "__Secure-",
            Self::Local(prefix) => prefix,
        }
    }

    fn delete(self, headers: &mut HeaderMap) {
        self.append(headers, &ACCESS, Value::NONE);
        self.append(headers, &REFRESH, Value::NONE);
    }

    /// Appends a `Set-Cookie` line. `Expires` repeats `Max-Age` for cookie jars that support only
    /// the older attribute; Java's treats a cookie without it as one of RFC 2965, and sends it
    /// quoted.
    fn append(self, headers: &mut HeaderMap, cookie: &Cookie, value: Value<'_>) {
        let (domain, secure) = match self {
            Self::Host | Self::SecureHost => (String::new(), " Secure;"),
            Self::Domain(domain) => (format!(" Domain={domain};"), " Secure;"),
            Self::Local(_) => (String::new(), ""),
        };
        let line = format!(
            "{}{}={};{domain} Path=/;{secure} HttpOnly; SameSite={}; Max-Age={}; Expires={}",
            self.prefix(),
            cookie.name,
            value.text,
            cookie.same_site,
            value.max_age.get(),
            value.expires_at.to_http_date(),
        );
        // Tokens and domains are visible ASCII, so the line is a header value.
        if let Ok(mut line) = HeaderValue::from_str(&line) {
            line.set_sensitive(true);
            headers.append(SET_COOKIE, line);
        }
    }
}

#[cfg(test)]
mod tests;
