//! What operators and other services ask: `GET /ready` and the key set.

use http::{Method, Request};
use serde_json::json;

use super::{Answer, BASE, Client, World};

fn get(world: &World, path: &str) -> Answer {
    world.call(&mut Client::default(), (Method::GET, path), None)
}

/// The events that the log was told, with the values of this name.
fn told(world: &World, event: &str, name: &str) -> Vec<serde_json::Value> {
    let log = world.ports.log.0.borrow();
    let lines = log.iter().filter(|line| line["event"] == event);
    lines.map(|line| line[name].clone()).collect()
}

#[test]
fn a_deployment_that_has_everything_is_ready() {
    let world = World::new(&[]);
    let answer = get(&world, "/ready");
    assert_eq!(
        (answer.status, answer.body.clone()),
        (200, json!({"status": "ok"}))
    );
    assert_eq!(world.round_trips(), 1);
    assert_eq!(
        world.ports.limiter.seen.borrow().len(),
        1,
        "counted by client"
    );
}

#[test]
fn a_stranger_learns_that_it_is_not_ready_and_the_log_learns_why() {
    type Change = fn(&World);
    let changes: [(Change, &str, &str, serde_json::Value); 4] = [
        (
            |world| world.ports.store.is_down.set(true),
            "ready.failure",
            "ready.part",
            json!("database"),
        ),
        (
            |world| world.ports.kv.is_down.set(true),
            "ready.failure",
            "ready.part",
            json!("kv"),
        ),
        (
            |world| world.sql("DELETE FROM schema_migrations WHERE name LIKE '0003%'"),
            "database.migrations_missing",
            "migrations",
            json!(["0003_audit_log"]),
        ),
        (
            |world| world.sql("DROP TABLE schema_migrations"),
            "database.migrations_missing",
            "migrations",
            json!([
                "0001_accounts_and_sessions",
                "0002_attempts",
                "0003_audit_log",
                "0004_mail"
            ]),
        ),
    ];
    for (change, event, name, value) in changes {
        let world = World::new(&[]);
        change(&world);
        let answer = get(&world, "/ready");
        assert_eq!((answer.status, answer.code()), (503, "unavailable"));
        assert!(answer.header("retry-after").is_some());
        assert_eq!(
            answer.body["detail"],
            "The service is temporarily unavailable; try again"
        );
        assert_eq!(told(&world, event, name), [value]);
    }
}

#[test]
fn a_database_that_is_newer_is_ready() {
    let world = World::new(&[]);
    world.sql("INSERT INTO schema_migrations (name) VALUES ('0099_of_a_later_version')");
    assert_eq!(get(&world, "/ready").status, 200);
}

#[test]
fn a_request_that_needs_a_missing_migration_is_unavailable_and_says_which() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    world.sql(
        "ALTER TABLE sessions RENAME TO sessions_of_old;
         DELETE FROM schema_migrations WHERE name LIKE '0001%'",
    );
    for _ in 0..3 {
        let answer = world.call(
            &mut client.clone(),
            (Method::GET, "/api/account/sessions"),
            None,
        );
        assert_eq!((answer.status, answer.code()), (503, "unavailable"));
    }
    let missing = told(&world, "database.migrations_missing", "migrations");
    assert_eq!(
        missing,
        [json!(["0001_accounts_and_sessions"])],
        "once an isolate"
    );
}

#[test]
fn the_known_migrations_are_the_files() {
    assert_eq!(
        crate::testing::sqlite::migration_names(),
        crate::store::schema::MIGRATIONS
    );
    let applied = World::new(&[])
        .ports
        .store
        .query("SELECT name FROM schema_migrations ORDER BY name");
    assert_eq!(applied.concat(), crate::store::schema::MIGRATIONS);
}

#[test]
fn the_key_set_is_public_and_the_same_for_everyone() {
    let world = World::new(&[("ALLOWED_ORIGINS", "https://app.example.org")]);
    let with = |name: &str, value: &str| {
        let request = Request::get(format!("{BASE}/.well-known/jwks.json")).header(name, value);
        let mut answer = world.send(request.body(Vec::new()).unwrap());
        answer.headers.remove("x-request-id");
        answer
    };
    let plain = with("accept", "*/*");
    assert_eq!(plain.status, 200);
    assert_eq!(plain.header("cache-control"), Some("public, max-age=600"));
    assert_eq!(plain.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        plain.header("cross-origin-resource-policy"),
        Some("cross-origin")
    );
    assert_eq!(plain.header("vary"), None);
    let keys = plain.body["keys"].as_array().unwrap();
    for key in keys {
        let mut members: Vec<&String> = key.as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
    }
    for (name, value) in [
        ("origin", "https://app.example.org"),
        ("origin", "https://evil.example"),
        ("cookie", "__Host-access_token=x"),
    ] {
        let other = with(name, value);
        assert_eq!(
            (&other.headers, &other.body),
            (&plain.headers, &plain.body),
            "{value}"
        );
    }
    assert_eq!(world.round_trips(), 0);
    // Nothing else may be kept.
    assert_eq!(
        get(&world, "/health").header("cache-control"),
        Some("no-store")
    );
}
