//! The inventory of routes, `docs/routes.json`, on which the tests, the benchmarks and the
//! documents rely, and the OpenAPI document, `docs/openapi.json`. With `UPDATE_INVENTORY=1` these
//! tests write the files, otherwise they compare them with the code.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    clippy::indexing_slicing,
    reason = "a test: whatever is not there fails it"
)]

mod openapi;

use std::path::Path;
use std::{env, fs};

use latchkey::api::Endpoint;
use latchkey::ports::Limiter;
use latchkey::service::Service;
use latchkey::service::policy::{Counted, Proof};
use latchkey::web::documented::{Asked, Field, Part, Sample};
use latchkey::web::problem::Code;
use serde_json::{Map, Value, json};

fn inventory() -> Value {
    let routes: Vec<Value> = Endpoint::all().map(route).collect();
    let problems: Vec<Value> = Code::ALL
        .iter()
        .map(|code| json!({"code": code.as_str(), "status": code.status().as_u16()}))
        .collect();
    json!({"routes": routes, "problems": problems})
}

fn route(endpoint: Endpoint) -> Value {
    let (route, policy) = (endpoint.route(), endpoint.policy());
    let problems: Vec<&str> = route
        .problems(policy)
        .into_iter()
        .map(Code::as_str)
        .collect();
    json!({
        "operation": route.operation,
        "method": route.method.as_str(),
        "path": route.path,
        "body": match openapi::requests::media_types(route.body) {
            [] => Value::Null,
            media_types => json!(media_types),
        },
        "hasQuery": route.has_query,
        "limiter": route.limiter.map(|limiter| match limiter {
            Limiter::Login => "LOGIN_LIMITER",
            Limiter::Register => "REGISTER_LIMITER",
            Limiter::Network => "NETWORK_LIMITER",
            Limiter::Session => "SESSION_LIMITER",
        }),
        "counted": match policy.counted {
            Counted::ByClient => "by client",
            Counted::ByClientOrDevice => "by client, then by the user of a known device",
            Counted::BySession => "by session",
            Counted::BySessionWhenAsked => "by session, when KV or the database is asked",
        },
        "actor": policy.actor,
        "proof": match policy.proof {
            Proof::Nothing => "nothing",
            Proof::Access => "access token",
            Proof::Refresh => "refresh token",
            Proof::Either => "access or refresh token, expired or not",
        },
        "permission": policy.permission,
        "maxAgeSeconds": policy.max_age.map(latchkey::domain::time::Seconds::get),
        "isTokenEndpoint": route.is_token_endpoint,
        "hasCors": route.has_cors,
        "problems": problems,
    })
}

#[test]
fn the_inventory_is_that_of_the_table() {
    assert_kept("docs/routes.json", &inventory());
}

#[test]
fn the_openapi_document_is_that_of_the_code() {
    assert_kept("docs/openapi.json", &openapi::document());
}

/// The file has this content, or is given it.
fn assert_kept(name: &str, content: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let text = serde_json::to_string_pretty(content).unwrap() + "\n";
    if env::var_os("UPDATE_INVENTORY").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "{name} is out of date: run UPDATE_INVENTORY=1 cargo test --test inventory"
    );
}

/// What an endpoint reads according to the document, in its body or in its query.
struct Documented {
    operation: &'static str,
    part: Part,
    is_body: bool,
}

impl Documented {
    fn all() -> impl Iterator<Item = Self> {
        Endpoint::all().flat_map(|endpoint| {
            [true, false].map(|is_body| Self {
                operation: endpoint.route().operation,
                part: endpoint.part(),
                is_body,
            })
        })
    }

    fn fields(&self) -> &[Field] {
        if self.is_body {
            &self.part.body
        } else {
            &self.part.query
        }
    }

    fn example(&self) -> Map<String, Value> {
        let fields = self.fields().iter();
        fields
            .map(|field| (field.name.to_owned(), field.example.clone()))
            .collect()
    }

    /// Whether the endpoint's own parser accepts these fields. A query has no null.
    fn accepts(&self, service: &Service, values: &Map<String, Value>) -> bool {
        let query: Vec<String> = values
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| format!("{name}={}", value.to_string().trim_matches('"')))
            .collect();
        let query = query.join("&");
        let asked = Asked {
            query: (!self.is_body).then_some(query.as_str()),
            json: &Value::from(values.clone()).to_string(),
        };
        (self.part.parse)(service, asked).is_ok()
    }
}

#[test]
fn each_endpoint_reads_exactly_the_documented_fields() {
    let service = Sample::new().unwrap().service;
    for documented in Documented::all().filter(|it| !it.fields().is_empty()) {
        let operation = documented.operation;
        let accepts = |values: &Map<String, Value>| documented.accepts(&service, values);
        let whole = documented.example();
        assert!(accepts(&whole), "{operation} refuses its example");
        for field in documented.fields() {
            let told = format!("{operation}: {}", field.name);
            let mut changed = whole.clone();
            changed.remove(field.name);
            assert_eq!(accepts(&changed), !field.is_required, "{told} left out");
            changed.insert(field.name.to_owned(), Value::Null);
            let takes_null = !field.is_required || field.schema["type"].is_array();
            assert_eq!(accepts(&changed), takes_null, "{told} null");
        }
        let mut more = whole.clone();
        more.insert("unknown".to_owned(), "x".into());
        let ignores = documented.part.ignores_unknown_fields;
        assert_eq!(accepts(&more), ignores, "{operation}: an unknown field");
    }
}
