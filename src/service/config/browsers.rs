//! The settings for browsers and front ends: other origins, and https.

use super::reader::{Reader, list};
use crate::service::front_end::FrontEndKeys;
use crate::service::origin::{host_of, is_local_host, is_origin, is_same_site};

/// The hosts that browsers must visit over https only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hsts {
    /// None: the zone, or the owner of the host's other paths, sends the header.
    Off,
    /// The host of the request.
    Host,
    /// The host of the request and all subdomains.
    Subdomains,
}

/// Whether the service has a page at `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomePage {
    /// The path is unknown, as others are.
    Off,
    /// For whoever opens the service's address.
    On,
}

/// The settings for browsers and front ends.
pub(super) struct BrowserSettings {
    /// `ALLOWED_ORIGINS`.
    pub(super) origins: Vec<String>,
    /// `HSTS`.
    pub(super) hsts: Hsts,
    /// `TRUSTED_FRONT_END_KEY`.
    pub(super) front_ends: FrontEndKeys,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<BrowserSettings> {
    let origins = reader.or_default(
        "ALLOWED_ORIGINS",
        "",
        "must be origins such as https://app.example.org, separated by commas",
        read_origins,
    );
    let hsts = reader.or_default("HSTS", "host", "must be off, host or subdomains", read_hsts);
    let front_ends = reader.or_default(
        "TRUSTED_FRONT_END_KEY",
        "",
        "must have 32 to 256 visible ASCII characters; 4 keys at most, separated by commas",
        FrontEndKeys::parse,
    );
    Some(BrowserSettings {
        origins: origins?,
        hsts: hsts?,
        front_ends: front_ends?,
    })
}

/// `HOME_PAGE`: by default, only a service on this machine has one.
pub(super) fn read_home_page(reader: &mut Reader<'_>, issuer: Option<&str>) -> Option<HomePage> {
    let is_here = issuer.is_some_and(|issuer| is_local_host(host_of(issuer)));
    let default = if is_here { "on" } else { "off" };
    reader.or_default(
        "HOME_PAGE",
        default,
        "must be on or off",
        |text| match text {
            "on" => Some(HomePage::On),
            "off" => Some(HomePage::Off),
            _ => None,
        },
    )
}

/// `UPSTREAMS`: names that an identity token may have as its `aud`. Those of the other kinds of
/// token are not among them.
pub(super) fn read_upstreams(
    reader: &mut Reader<'_>,
    taken: [Option<&str>; 2],
) -> Option<Vec<String>> {
    let upstreams = reader.or_default(
        "UPSTREAMS",
        "",
        "must be names of 1 to 200 visible ASCII characters, separated by commas",
        |text| {
            let names: Vec<String> = list(text).map(str::to_owned).collect();
            let is_name = |name: &String| {
                name.len() <= 200 && name.bytes().all(|byte| byte.is_ascii_graphic())
            };
            names.iter().all(is_name).then_some(names)
        },
    )?;
    if upstreams.iter().any(|name| taken.contains(&Some(name))) {
        reader.problem("UPSTREAMS", "must not name AUDIENCE or ISSUER");
    }
    Some(upstreams)
}

fn read_origins(text: &str) -> Option<Vec<String>> {
    let origins: Vec<String> = list(text).map(str::to_owned).collect();
    origins
        .iter()
        .all(|origin| is_origin(origin))
        .then_some(origins)
}

/// Returns one warning for each origin whose requests never include the cookies, because all auth
/// cookies are `SameSite`. The warning names the origin, which is not secret.
pub(super) fn useless_origins(issuer: &str, origins: &[String]) -> Vec<String> {
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

fn read_hsts(text: &str) -> Option<Hsts> {
    match text {
        "off" => Some(Hsts::Off),
        "host" => Some(Hsts::Host),
        "subdomains" => Some(Hsts::Subdomains),
        _ => None,
    }
}
