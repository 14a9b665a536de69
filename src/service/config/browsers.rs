//! The settings of what browsers are told: other origins, and https.

use super::cookies::list;
use crate::service::origin::{is_origin, is_same_site};

/// For whom browsers are told to come over https alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hsts {
    /// Nobody: the zone, or whoever has the rest of the host, says it.
    Off,
    /// The host of the request.
    Host,
    /// The host and everything below it.
    Subdomains,
}

pub(crate) fn read_origins(text: &str) -> Option<Vec<String>> {
    let origins: Vec<String> = list(text).map(str::to_owned).collect();
    origins
        .iter()
        .all(|origin| is_origin(origin))
        .then_some(origins)
}

/// The origins whose requests never carry the cookies, one warning each: all of ours are
/// `SameSite`. The origin is named; it is no secret.
pub(crate) fn useless_origins(issuer: &str, origins: &[String]) -> Vec<String> {
    origins
        .iter()
        .filter(|origin| !is_same_site(origin, issuer))
        .map(|origin| {
            format!(
                "ALLOWED_ORIGINS: {origin} is of another site than ISSUER, so browsers send none \
                 of the cookies with its requests"
            )
        })
        .collect()
}

pub(crate) fn read_hsts(text: &str) -> Option<Hsts> {
    match text {
        "off" => Some(Hsts::Off),
        "host" => Some(Hsts::Host),
        "subdomains" => Some(Hsts::Subdomains),
        _ => None,
    }
}
