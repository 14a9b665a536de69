//! Who sends a request, before anything is verified: the client that is connected to the edge, or
//! the visitor whom a trusted front end names.

use http::header::HeaderName;
use http::request::Parts;

use crate::domain::throttle::ClientPrefix;
use crate::service::Service;
use crate::web::request::Country;

/// The client's address, from the network's edge. Clients can write `X-Forwarded-For` and its
/// like themselves, so no such header counts.
pub const CF_CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");
/// A trusted front end's key (`TRUSTED_FRONT_END_KEY`): with it, and only with it, the headers of
/// [`VISITOR_HEADERS`] count.
pub const FRONT_END_KEY: HeaderName = HeaderName::from_static("x-front-end-key");
const VISITOR_ADDRESS: HeaderName = HeaderName::from_static("x-visitor-address");
const VISITOR_COUNTRY: HeaderName = HeaderName::from_static("x-visitor-country");

/// What a front end says about its visitor. The platform copies these only beside
/// [`FRONT_END_KEY`].
pub const VISITOR_HEADERS: [HeaderName; 2] = [VISITOR_ADDRESS, VISITOR_COUNTRY];

/// Where a request comes from.
pub(crate) struct Sender<'a> {
    /// The address, as a text.
    pub(crate) address: Option<&'a str>,
    /// The country's two letters.
    pub(crate) country: Option<String>,
}

impl<'a> Sender<'a> {
    /// The visitor whom a trusted front end names, otherwise whoever is connected to the edge. A
    /// front end that names no address asks for itself; its own country is not the visitor's.
    pub(crate) fn of(parts: &'a Parts, service: Option<&Service>) -> Self {
        let text = |name| parts.headers.get(name)?.to_str().ok();
        let key = parts.headers.get(FRONT_END_KEY);
        let is_trusted = key
            .zip(service)
            .is_some_and(|(key, service)| service.config.front_ends.contain(key.as_bytes()));
        let visitor = text(VISITOR_ADDRESS).filter(|_| is_trusted);
        if let Some(address) = visitor.filter(|address| ClientPrefix::is_address(address)) {
            return Self {
                address: Some(address),
                country: text(VISITOR_COUNTRY).filter(is_country).map(str::to_owned),
            };
        }
        let country = parts.extensions.get::<Country>();
        Self {
            address: text(CF_CONNECTING_IP),
            country: country.map(|country| country.0.clone()),
        }
    }
}

/// Two capital letters, as in ISO 3166-1.
fn is_country(code: &&str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
