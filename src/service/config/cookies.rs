//! The settings of the cookies, and whether a browser accepts them from this issuer.

use super::reader::{Reader, list};
use crate::domain::site::{is_ip_address, is_public_suffix, is_within};
use crate::service::origin::{host_of, is_domain_name, is_local_host};

/// The most domains that `FORMER_COOKIE_DOMAINS` may name. Each costs two header lines at every
/// login, refresh and log-out.
const MAX_FORMER_DOMAINS: usize = 4;
/// The longest `LOCAL_COOKIE_PREFIX`.
const MAX_LOCAL_PREFIX_BYTES: usize = 32;

/// The domains of the auth cookies, and their prefix on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CookieSettings {
    /// `COOKIE_DOMAIN`: the domain that shares the cookies. Without one, only the issuer's host
    /// gets them.
    pub domain: Option<String>,
    /// `FORMER_COOKIE_DOMAINS`: domains that may still have cookies of this service, which are
    /// deleted.
    pub former_domains: Vec<String>,
    /// `LOCAL_COOKIE_PREFIX`: the prefix of the names on `http://localhost`.
    pub local_prefix: String,
}

pub(super) fn read(reader: &mut Reader<'_>, issuer: Option<&str>) -> CookieSettings {
    let domain = reader.text("COOKIE_DOMAIN");
    let former = reader.text("FORMER_COOKIE_DOMAINS").unwrap_or_default();
    let former_domains: Vec<String> = list(&former).map(str::to_owned).collect();
    if let Some(problem) = domain.as_deref().and_then(|domain| fault(domain, issuer)) {
        reader.problem("COOKIE_DOMAIN", problem);
    }
    if let Some(problem) = former_domains
        .iter()
        .find_map(|domain| fault(domain, issuer))
    {
        reader.problem("FORMER_COOKIE_DOMAINS", problem);
    } else if former_domains.len() > MAX_FORMER_DOMAINS {
        reader.problem("FORMER_COOKIE_DOMAINS", "must name 4 domains at most");
    } else if former_domains
        .iter()
        .any(|one| Some(one) == domain.as_ref())
    {
        reader.problem("FORMER_COOKIE_DOMAINS", "must not name COOKIE_DOMAIN");
    }
    let local_prefix = reader.or_default(
        "LOCAL_COOKIE_PREFIX",
        "",
        "must have at most 32 letters, digits, hyphens and underscores, the first one a letter",
        |text| is_local_prefix(text).then(|| text.to_owned()),
    );
    CookieSettings {
        domain,
        former_domains,
        local_prefix: local_prefix.unwrap_or_default(),
    }
}

/// Returns why a browser rejects cookies of this domain from this issuer (RFC 6265, section 5.3,
/// steps 5 and 6). The cookies of an issuer on this machine have no domain, so it is not compared.
fn fault(domain: &str, issuer: Option<&str>) -> Option<&'static str> {
    if !is_domain_name(domain) {
        return Some("must be a domain such as example.org");
    }
    if is_ip_address(domain) {
        return Some("must not be an IP address: browsers refuse it");
    }
    if is_public_suffix(domain) {
        return Some("is a public suffix: browsers refuse cookies for it");
    }
    let host = issuer.map(host_of).filter(|host| !is_local_host(host))?;
    (!is_within(host, domain))
        .then_some("must be ISSUER's host or a domain above it: browsers refuse any other")
}

/// Returns whether a text is empty, or a prefix without a meaning for browsers: those with a
/// meaning begin with `__`.
fn is_local_prefix(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() <= MAX_LOCAL_PREFIX_BYTES
        && text.bytes().all(is_word)
        && text
            .bytes()
            .next()
            .is_none_or(|first| first.is_ascii_alphabetic())
}
