//! The OpenAPI document, `docs/openapi.json`: put together from the routes, the policies, the
//! problems and the endpoints' own parts (`Documented`).
//!
//! Statuses, headers, cookies and examples are those of answers that the service's own code makes
//! here, so nothing of them is written twice.

mod answers;
mod headers;
mod problems;
pub(crate) mod requests;

use std::collections::BTreeMap;

use latchkey::api::Endpoint;
use latchkey::service::policy::Proof;
use latchkey::web::cookies::CookieStyle;
use latchkey::web::documented::Sample;
use latchkey::web::reply::Reply;
use latchkey::web::transport::Transport;
use serde_json::{Map, Value, json};

const DESCRIPTION: &str = "Cookie auth at the edge: registers users, logs them in, and keeps, rotates and ends their sessions.

A refusal is an RFC 9457 problem document; `code` is its stable part.
Every path that answers GET answers HEAD with the same status and headers.
An unknown path is a `404 not_found`, a wrong method a `405 method_not_allowed` with `Allow`; both have the form of the other problems.
On `http://localhost` the cookies have no prefix, and with `COOKIE_DOMAIN` the prefix is `__Secure-`.";

/// Returns the document.
pub(crate) fn document() -> Value {
    let sample = Sample::new().unwrap();
    let mut components = problems::schemas();
    let mut shared = Map::new();
    let mut paths: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
    for endpoint in Endpoint::all() {
        let route = endpoint.route();
        components.extend(endpoint.part().returns.components);
        let method = route.method.as_str().to_lowercase();
        let path = paths.entry(route.path).or_default();
        path.insert(method, operation(endpoint, &sample, &mut shared));
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Latchkey",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "Where this document is served."}],
        "tags": [
            {"name": "Account", "description": "The caller's own account."},
            {"name": "Sessions", "description": "The caller's sessions."},
            {"name": "Operations", "description": "What operators and other services ask."},
            {"name": "Recovery", "description": "The ways back into an account, by a link in a mail."},
        ],
        "paths": paths,
        "components": {
            "schemas": components,
            "headers": headers::components(),
            "responses": shared,
            "securitySchemes": security_schemes(&sample),
        },
    })
}

fn operation(endpoint: Endpoint, sample: &Sample, shared: &mut Map<String, Value>) -> Value {
    let (route, part) = (endpoint.route(), endpoint.part());
    let documented = answers::Documented {
        endpoint,
        part: &part,
        sample,
    };
    let mut operation = json!({
        "operationId": route.operation,
        "tags": [tag(endpoint)],
        "summary": part.summary,
        "security": security(endpoint.policy().proof),
        "responses": answers::responses(documented, shared),
    });
    let parameters = requests::parameters(route, &part);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = requests::body(route, &part) {
        operation["requestBody"] = body;
    }
    operation
}

const fn tag(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Account(_) => "Account",
        Endpoint::Sessions(_) => "Sessions",
        Endpoint::Operations(_) => "Operations",
        Endpoint::Recovery(_) => "Recovery",
    }
}

/// Any one of these is enough.
fn security(proof: Proof) -> Value {
    match proof {
        Proof::Nothing => json!([]),
        Proof::Access => json!([{"accessCookie": []}]),
        Proof::Refresh => json!([{"refreshCookie": []}]),
        Proof::Either => json!([{"accessCookie": []}, {"refreshCookie": []}]),
    }
}

/// The cookies of an answer that sets both, the access cookie first.
fn security_schemes(sample: &Sample) -> Value {
    let style = CookieStyle::of(Transport::Https, &sample.service.config.cookies);
    let reply = Reply::no_content().set_cookies(sample.pair().map_err(|_| "no tokens").unwrap());
    let response = reply.into_response(style, sample.now);
    let mut names = response
        .headers()
        .get_all("set-cookie")
        .into_iter()
        .map(|line| line.to_str().unwrap().split('=').next().unwrap());
    let scheme = |name: Option<&str>, description: &str| json!({"type": "apiKey", "in": "cookie", "name": name.unwrap(), "description": description});
    let schemes = json!({
        "accessCookie": scheme(names.next(), "The access token: proves who is calling for some minutes."),
        "refreshCookie": scheme(names.next(), "The refresh token: trades for the next pair of tokens, once."),
    });
    assert_eq!(names.next(), None, "a third auth cookie");
    schemes
}
