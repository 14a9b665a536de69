//! The inventory of routes, `docs/routes.json`, on which the tests, the benchmarks and the
//! documents rely. With `UPDATE_INVENTORY=1` this test writes the file, otherwise it compares it
//! with the table.

use std::path::Path;
use std::{env, fs};

use latchkey::api::Endpoint;
use latchkey::ports::Limiter;
use latchkey::service::policy::{Counted, Proof};
use latchkey::web::body::BodyKind;
use latchkey::web::problem::Code;
use serde_json::{Value, json};

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
        "body": match route.body {
            BodyKind::Nothing => Value::Null,
            BodyKind::Json => json!(["application/json"]),
            BodyKind::JsonOrForm => json!([
                "application/json",
                "application/x-www-form-urlencoded",
                "multipart/form-data",
            ]),
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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/routes.json");
    let text = serde_json::to_string_pretty(&inventory()).unwrap() + "\n";
    if env::var_os("UPDATE_INVENTORY").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "docs/routes.json is out of date: run UPDATE_INVENTORY=1 cargo test --test inventory"
    );
}
