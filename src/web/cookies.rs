//! The two auth cookies (contract, section 2): how they are called, read, set and deleted.

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

use super::transport::Transport;
use crate::domain::session::token::SignedToken;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::service::config::CookieSettings;
use crate::service::issue::{AccessToken, TokenPair};
use crate::service::presented::PresentedTokens;

const ACCESS: Cookie = Cookie {
    name: "access_token",
    // Lax: a link from elsewhere to a page of the front end finds the person signed in.
    same_site: "Lax",
};
const REFRESH: Cookie = Cookie {
    name: "refresh_token",
    // Strict: only the front end's own scripts refresh.
    same_site: "Strict",
};

struct Cookie {
    name: &'static str,
    same_site: &'static str,
}

/// The form that the cookies take in this deployment and on this transport.
#[derive(Clone, Copy, Debug)]
pub struct CookieStyle<'a> {
    own: Scope<'a>,
    former: &'a [String],
}

/// A place where cookies lie, with the names that they have there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope<'a> {
    /// `__Host-`: this host only, https only, no subdomain can set it.
    Host,
    /// `__Secure-` with a `Domain`: shared with sibling subdomains.
    Domain(&'a str),
    /// `__Secure-` without a `Domain`: never set, but read beside those of a domain.
    SecureHost,
    /// No prefix but the configured one and no `Secure`: plain http on this machine, where not
    /// every client takes `Secure` cookies.
    Local(&'a str),
}

impl<'a> CookieStyle<'a> {
    /// The style for a request.
    #[must_use]
    pub fn of(transport: Transport, settings: &'a CookieSettings) -> Self {
        let own = match (transport, settings.domain.as_deref()) {
            (Transport::Https, Some(domain)) => Scope::Domain(domain),
            (Transport::Https | Transport::PlainHttp, _) => Scope::Host,
            (Transport::LocalHttp, _) => Scope::Local(&settings.local_prefix),
        };
        let former: &[String] = match own {
            // Without a domain on this machine there is no former one either.
            Scope::Local(_) => &[],
            Scope::Host | Scope::Domain(_) | Scope::SecureHost => &settings.former_domains,
        };
        Self { own, former }
    }

    /// Reads the auth cookies. Names are matched exactly; an empty value is no cookie; a value
    /// may be quoted (RFC 6265, section 4.1.1). Nothing here is a reason to refuse: whatever else
    /// the line holds, and however it is written, belongs to somebody else.
    ///
    /// A cookie begins behind a semicolon, or at the start of the line, and nowhere else. What
    /// stands behind a comma is never one of ours. The platform joins two `Cookie` lines with
    /// ", ", but no browser sends two (section 5.4), and HTTP/2 joins with "; ". A sibling
    /// subdomain, on the other hand, can set `theme=1, __Host-access_token=…`: to read on behind
    /// the comma would let that past the prefix, and to refuse it would lock the person out.
    /// For the same reason no quoted string reaches beyond a semicolon.
    #[must_use]
    pub fn read(self, headers: &HeaderMap) -> PresentedTokens {
        let mut presented = PresentedTokens::default();
        for line in headers.get_all(COOKIE) {
            for part in line.as_bytes().split(|byte| *byte == b';') {
                // No token of ours has a comma in it.
                let part = part.split(|byte| *byte == b',').next().unwrap_or_default();
                // Lossy: ours are ASCII, and what is not can be any bytes.
                self.sort(&mut presented, &String::from_utf8_lossy(part));
            }
        }
        presented
    }

    /// Puts an auth cookie's value among the candidates; anything else is left alone.
    fn sort(self, presented: &mut PresentedTokens, part: &str) {
        let part = part.trim_matches([' ', '\t']);
        let Some((name, value)) = part.split_once('=') else {
            return;
        };
        let candidates = match name.strip_prefix(self.own.prefix()) {
            Some(name) if name == ACCESS.name => &mut presented.access,
            Some(name) if name == REFRESH.name => &mut presented.refresh,
            _ => return,
        };
        let quoted = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        candidates.add(quoted.unwrap_or(value));
    }

    /// Sets both cookies, and deletes those that former settings have left behind: an older token
    /// beside the new one would make the next request ambiguous.
    pub fn set(self, headers: &mut HeaderMap, pair: &TokenPair, now: UnixSeconds) {
        for domain in self.former {
            Scope::Domain(domain).delete(headers);
        }
        let access = Value::of(&pair.access.signed, pair.access.expires_at, now);
        let refresh = Value::of(&pair.refresh, pair.refresh_expires_at, now);
        self.own.append(headers, &ACCESS, access);
        self.own.append(headers, &REFRESH, refresh);
    }

    /// Sets the access cookie alone.
    pub fn set_access(self, headers: &mut HeaderMap, token: &AccessToken, now: UnixSeconds) {
        let access = Value::of(&token.signed, token.expires_at, now);
        self.own.append(headers, &ACCESS, access);
    }

    /// Deletes both cookies wherever this configuration knows that they can lie. The own scope
    /// comes last, for jars that know one cookie a name.
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

/// What a cookie is set to, and for how long.
#[derive(Clone, Copy)]
struct Value<'a> {
    text: &'a str,
    max_age: Seconds,
    expires_at: UnixSeconds,
}

impl<'a> Value<'a> {
    /// What deletes a cookie.
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

    /// `Expires` says the same as `Max-Age`, for jars that know the older one alone; Java's takes
    /// a cookie without it for one of RFC 2965, and sends it quoted.
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
