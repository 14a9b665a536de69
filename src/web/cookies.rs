//! The two auth cookies (contract, section 2): how they are called, read, set and deleted.

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

use super::problem::{Code, Refusal};
use super::transport::Transport;
use crate::app::authenticate::PresentedTokens;
use crate::app::issue::TokenPair;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::domain::token::SignedToken;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieStyle<'a> {
    /// `__Host-`: this host only, https only, no subdomain can set it.
    Host,
    /// `__Secure-` with a `Domain`: shared with sibling subdomains.
    Domain(&'a str),
    /// No prefix and no `Secure`: plain http on this machine, where not every client takes
    /// `Secure` cookies.
    Local,
}

impl<'a> CookieStyle<'a> {
    /// The style for a request.
    #[must_use]
    pub const fn of(transport: Transport, cookie_domain: Option<&'a str>) -> Self {
        match (transport, cookie_domain) {
            (Transport::Https, Some(domain)) => Self::Domain(domain),
            (Transport::Https | Transport::PlainHttp, _) => Self::Host,
            (Transport::LocalHttp, _) => Self::Local,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Host => "__Host-",
            Self::Domain(_) => "__Secure-",
            Self::Local => "",
        }
    }

    /// Reads the auth cookies. Names are matched exactly; an empty value is no cookie.
    ///
    /// # Errors
    ///
    /// 400 when an auth cookie stands there twice: a subdomain or a plain-http answer may have
    /// tossed one of them, and neither order nor value says which (RFC 6265, section 8.6).
    ///
    /// 400 as well when one stands behind a comma. The platform joins two `Cookie` lines with
    /// ", ", which no browser sends (section 5.4), and HTTP/2 joins with "; ". But a sibling
    /// subdomain can set `theme=1, __Host-access_token=…`: to read on behind the comma would
    /// let it past the prefix.
    pub fn read(self, headers: &HeaderMap) -> Result<PresentedTokens, Refusal> {
        let mut presented = PresentedTokens::default();
        // Lossy: a cookie of somebody else's may hold any bytes; ours are ASCII.
        let lines: Vec<_> = headers
            .get_all(COOKIE)
            .iter()
            .map(|line| String::from_utf8_lossy(line.as_bytes()))
            .collect();
        for pair in lines.iter().flat_map(|line| line.split(';')) {
            let mut parts = pair.split(", ");
            if let Some((slot, value)) = parts
                .next()
                .and_then(|part| self.slot(&mut presented, part))
                && slot.replace(value.to_owned()).is_some()
            {
                return Err(Refusal::new(Code::MalformedRequest));
            }
            if parts.any(|part| self.slot(&mut PresentedTokens::default(), part).is_some()) {
                return Err(Refusal::new(Code::MalformedRequest));
            }
        }
        let non_empty = |value: &String| !value.is_empty();
        presented.access = presented.access.filter(non_empty);
        presented.refresh = presented.refresh.filter(non_empty);
        Ok(presented)
    }

    /// Where an auth cookie's value goes; `None` for anything else.
    fn slot<'p, 'v>(
        self,
        presented: &'p mut PresentedTokens,
        part: &'v str,
    ) -> Option<(&'p mut Option<String>, &'v str)> {
        let (name, value) = part.trim_matches([' ', '\t']).split_once('=')?;
        let name = name.strip_prefix(self.prefix())?;
        if name == ACCESS.name {
            Some((&mut presented.access, value))
        } else if name == REFRESH.name {
            Some((&mut presented.refresh, value))
        } else {
            None
        }
    }

    /// Sets both cookies.
    pub fn set(self, headers: &mut HeaderMap, pair: &TokenPair, now: UnixSeconds) {
        let access_left = pair.access_expires_at.left_from(now);
        let refresh_left = pair.refresh_expires_at.left_from(now);
        self.append(headers, &ACCESS, pair.access.expose(), access_left);
        self.append(headers, &REFRESH, pair.refresh.expose(), refresh_left);
    }

    /// Sets the access cookie alone.
    pub fn set_access(
        self,
        headers: &mut HeaderMap,
        (token, expires_at): &(SignedToken, UnixSeconds),
        now: UnixSeconds,
    ) {
        self.append(headers, &ACCESS, token.expose(), expires_at.left_from(now));
    }

    /// Deletes both cookies.
    pub fn delete(self, headers: &mut HeaderMap) {
        self.append(headers, &ACCESS, "", Seconds::new(0));
        self.append(headers, &REFRESH, "", Seconds::new(0));
    }

    fn append(self, headers: &mut HeaderMap, cookie: &Cookie, value: &str, max_age: Seconds) {
        let (domain, secure) = match self {
            Self::Host => (String::new(), " Secure;"),
            Self::Domain(domain) => (format!(" Domain={domain};"), " Secure;"),
            Self::Local => (String::new(), ""),
        };
        let line = format!(
            "{}{}={value};{domain} Path=/;{secure} HttpOnly; SameSite={}; Max-Age={}",
            self.prefix(),
            cookie.name,
            cookie.same_site,
            max_age.get(),
        );
        // Tokens and domains are visible ASCII, so the line is a header value.
        if let Ok(mut line) = HeaderValue::from_str(&line) {
            line.set_sensitive(true);
            headers.append(SET_COOKIE, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

    use super::CookieStyle;

    fn read(style: CookieStyle<'_>, lines: &[&str]) -> Option<(Option<String>, Option<String>)> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let presented = style.read(&headers).ok()?;
        Some((presented.access, presented.refresh))
    }

    #[test]
    fn names_are_matched_exactly() {
        let both = Some((Some("a".to_owned()), Some("r".to_owned())));
        let none = Some((None, None));
        let host = CookieStyle::Host;
        assert_eq!(
            read(
                host,
                &["x=1; __Host-access_token=a; __Host-refresh_token=r"]
            ),
            both
        );
        assert_eq!(
            read(host, &["__Host-access_token=a;__Host-refresh_token=r"]),
            both
        );
        assert_eq!(
            read(
                host,
                &["theirs=\u{fc}; __Host-access_token=a; __Host-refresh_token=r"]
            ),
            both
        );
        for line in [
            "__host-access_token=a",
            "access_token=a",
            "__Secure-access_token=a",
            "__Host-access_token =a",
            "__Host-access_tokenx=a",
            "__Host-access_token",
            "__Host-access_token=",
        ] {
            assert_eq!(read(host, &[line]), none, "{line}");
        }
        assert_eq!(
            read(CookieStyle::Local, &["access_token=a; refresh_token=r"]),
            both
        );
        assert_eq!(read(CookieStyle::Local, &["__Host-access_token=a"]), none);
    }

    #[test]
    fn an_auth_cookie_twice_is_refused() {
        for lines in [
            &["__Host-access_token=a; __Host-access_token=a"][..],
            &["__Host-access_token=a, __Host-access_token=b"],
            &["__Host-access_token=a", "__Host-access_token=b"],
            &["__Host-refresh_token=; __Host-refresh_token=b"],
            &["__Host-access_token=a, __Host-refresh_token=r"],
            &["theme=1, __Host-access_token=a"],
            &["theme=1, x=2, __Host-access_token=a; __Host-refresh_token=r"],
        ] {
            assert_eq!(read(CookieStyle::Host, lines), None, "{lines:?}");
        }
        assert!(read(CookieStyle::Host, &["other=1; other=2, other=3"]).is_some());
    }

    #[test]
    fn deleting_repeats_the_attributes() {
        let lines = |style: CookieStyle<'_>| {
            let mut headers = HeaderMap::new();
            style.delete(&mut headers);
            headers
                .get_all(SET_COOKIE)
                .iter()
                .map(|line| line.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            lines(CookieStyle::Host),
            [
                "__Host-access_token=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0",
                "__Host-refresh_token=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0",
            ]
        );
        assert_eq!(
            lines(CookieStyle::Domain("example.org")),
            [
                "__Secure-access_token=; Domain=example.org; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0",
                "__Secure-refresh_token=; Domain=example.org; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0",
            ]
        );
        assert_eq!(
            lines(CookieStyle::Local),
            [
                "access_token=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0",
                "refresh_token=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
            ]
        );
    }
}
