//! The sender of a request, before anything is verified: the client that is connected to the edge,
//! or the visitor that a trusted front end names.

use http::header::HeaderName;
use http::request::Parts;

use crate::domain::throttle::ClientPrefix;
use crate::service::Service;
use crate::web::request::Country;

/// The client's address, from the network's edge. `X-Forwarded-For` and similar headers are
/// ignored, because clients can set them.
pub const CF_CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");
/// A trusted front end's key (`TRUSTED_FRONT_END_KEY`). [`VISITOR_HEADERS`] are ignored without it.
pub const FRONT_END_KEY: HeaderName = HeaderName::from_static("x-front-end-key");
const VISITOR_ADDRESS: HeaderName = HeaderName::from_static("x-visitor-address");
const VISITOR_COUNTRY: HeaderName = HeaderName::from_static("x-visitor-country");

/// The headers in which a front end describes its visitor. The platform copies them only together
/// with [`FRONT_END_KEY`].
pub const VISITOR_HEADERS: [HeaderName; 2] = [VISITOR_ADDRESS, VISITOR_COUNTRY];

/// The origin of a request.
pub(crate) struct Sender<'a> {
    /// The address, as a text.
    pub(crate) address: Option<&'a str>,
    /// The two-letter code of the country.
    pub(crate) country: Option<String>,
    /// Whether the request has a trusted front end's key and names no visitor: a server of the
    /// operator's asks for itself.
    pub(crate) is_trusted: bool,
}

impl<'a> Sender<'a> {
    /// Returns the visitor that a trusted front end names, otherwise the client that is connected
    /// to the edge. A front end that names no address is itself the sender. Its own country is not
    /// used for a visitor.
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
                is_trusted: false,
            };
        }
        let country = parts.extensions.get::<Country>();
        Self {
            address: text(CF_CONNECTING_IP),
            country: country.map(|country| country.0.clone()),
            is_trusted: is_trusted && visitor.is_none(),
        }
    }
}

/// Returns whether the code is two capital letters, as in ISO 3166-1.
fn is_country(code: &&str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
