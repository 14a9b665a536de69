//! Who is calling, for proxies and for other Workers: `GET /api/account/verify` and
//! `GET /api/account/identity`.

use base64ct::{Base64UrlUnpadded, Encoding};
use http::{Method, Request};
use serde_json::{Value, json};

use super::{Answer, BASE, Client, World};
use crate::web::request::Internal;

const UPSTREAMS: (&str, &str) = ("UPSTREAMS", "wiki, https://intranet.example.org");

fn get(world: &World, client: &Client, path: &str) -> Answer {
    world.call(&mut client.clone(), (Method::GET, path), None)
}

fn verify(world: &World, client: &Client, query: &str) -> Answer {
    get(world, client, &format!("/api/account/verify{query}"))
}

fn identity(world: &World, client: &Client, query: &str) -> Answer {
    get(world, client, &format!("/api/account/identity{query}"))
}

/// The part of a token at this place, as JSON.
fn part(token: &str, place: usize) -> Value {
    let text = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(text).unwrap()).unwrap()
}

#[test]
fn nobody_without_a_live_session_is_verified() {
    let world = World::new(&[UPSTREAMS]);
    for path in [
        "/api/account/verify",
        "/api/account/verify?aud=wiki",
        "/api/account/identity",
    ] {
        let answer = get(&world, &Client::default(), path);
        assert_eq!((answer.status, answer.code()), (401, "not_authenticated"));
        assert!(answer.header("x-user-id").is_none());
    }
    let mut client = world.person("ada@example.org");
    let stolen = client.clone();
    world.log_out(&mut client);
    for path in ["/api/account/verify?aud=wiki", "/api/account/identity"] {
        let answer = get(&world, &stolen, path);
        assert_eq!((answer.status, answer.code()), (401, "invalid_token"));
        assert!(answer.header("x-auth-identity").is_none());
        assert!(answer.cookies().is_empty());
    }
}

#[test]
fn a_proxy_learns_who_is_calling() {
    let world = World::new(&[UPSTREAMS]);
    let client = world.person("ada@example.org");
    let id = world.value("SELECT id FROM users");
    let answer = verify(&world, &client, "");
    assert_eq!((answer.status, answer.bytes), (204, 0));
    assert_eq!(answer.header("x-user-id"), Some(id.as_str()));
    assert_eq!(answer.header("x-user-role"), Some("application-access"));
    assert_eq!(
        answer.header("x-session-id"),
        Some(client.session().as_str())
    );
    assert_eq!(answer.header("x-auth-identity"), None);
    assert!(answer.cookies().is_empty());
}

#[test]
fn an_identity_token_is_for_one_upstream_and_thirty_seconds() {
    let world = World::new(&[UPSTREAMS]);
    let client = world.person("ada@example.org");
    for upstream in ["wiki", "https://intranet.example.org"] {
        let answer = verify(&world, &client, &format!("?aud={upstream}"));
        let token = answer.header("x-auth-identity").unwrap();
        let now = world.now.get();
        assert_eq!(part(token, 0)["typ"], "identity+jwt");
        assert_eq!(part(token, 0)["alg"], "EdDSA");
        assert_eq!(
            part(token, 1),
            json!({
                "iss": BASE, "aud": upstream, "sub": world.value("SELECT id FROM users"),
                "sid": client.session(), "role": "application-access", "iat": now, "exp": now + 30,
            })
        );
        // It is not an access token, whatever its signature.
        let thief = Client {
            access: Some(token.to_owned()),
            refresh: None,
            ..Client::default()
        };
        assert_eq!(world.profile(&thief).code(), "invalid_token");
    }
}

#[test]
fn an_upstream_that_is_not_listed_gets_no_token() {
    let world = World::new(&[UPSTREAMS]);
    let client = world.person("ada@example.org");
    for query in ["?aud=Wiki", "?aud=wiki2", "?aud=other"] {
        let answer = verify(&world, &client, query);
        assert_eq!((answer.status, answer.code()), (422, "validation_failed"));
        assert_eq!(answer.body["errors"][0]["field"], "aud");
    }
    assert_eq!(verify(&world, &client, "?aud=wiki&aud=wiki").status, 400);
    let none = World::new(&[]);
    let client = none.person("ada@example.org");
    assert_eq!(verify(&none, &client, "?aud=wiki").status, 422);
}

#[test]
fn no_page_reads_what_a_proxy_is_told() {
    let world = World::new(&[UPSTREAMS, ("ALLOWED_ORIGINS", "https://app.example.org")]);
    let client = world.person("ada@example.org");
    let request = |method: Method, path: &str| {
        Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"))
            .header("origin", "https://app.example.org")
            .header("access-control-request-method", "GET")
            .header("cookie", client.cookie_line().unwrap())
            .body(Vec::new())
            .unwrap()
    };
    let answer = world.send(request(Method::GET, "/api/account/verify"));
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let preflight = world.send(request(Method::OPTIONS, "/api/account/verify"));
    assert_eq!(preflight.status, 405);
    assert_eq!(preflight.header("access-control-allow-origin"), None);
    let profile = world.send(request(Method::GET, "/api/account/profile"));
    assert!(profile.header("access-control-allow-origin").is_some());
}

#[test]
fn an_identity_says_how_old_it_is() {
    let world = World::new(&[("ISOLATE_CACHE_TTL_SECONDS", "60")]);
    let client = world.person("ada@example.org");
    world.pass(1);
    let read_at = world.now.get();
    let fresh = identity(&world, &client, "?maxStaleSeconds=60");
    assert_eq!(fresh.body["user"]["email"], "ada@example.org");
    assert_eq!(fresh.body["session"]["id"], client.session());
    world.round_trips();
    world.pass(20);
    // A copy will do, and its age is told.
    let copy = identity(&world, &client, "");
    assert_eq!(copy.body["readAt"], fresh.body["readAt"]);
    let copy = identity(&world, &client, "?maxStaleSeconds=21");
    assert_eq!((copy.status, world.round_trips()), (200, 0));
    // A copy that is too old for this caller does not count, in memory or in KV.
    for (stale, trips) in [("20", 1), ("0", 1), ("60", 0)] {
        let answer = identity(&world, &client, &format!("?maxStaleSeconds={stale}"));
        assert_ne!(answer.body["readAt"], fresh.body["readAt"], "{stale}");
        assert_eq!(world.round_trips(), trips, "{stale}");
    }
    assert!(world.now.get() > read_at);
}

#[test]
fn asking_the_database_sees_the_end_of_a_session_at_once() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    assert_eq!(identity(&world, &client, "").status, 200);
    world.sql("UPDATE sessions SET ended_at = 1, end_reason = 'revoked'");
    assert_eq!(identity(&world, &client, "").status, 200, "a copy");
    assert_eq!(
        identity(&world, &client, "?maxStaleSeconds=0").code(),
        "invalid_token"
    );
}

#[test]
fn asking_for_fresh_knowledge_writes_nothing_to_kv() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    world.ports.kv.accounts.borrow_mut().clear();
    for stale in ["0", "1", "59"] {
        identity(&world, &client, &format!("?maxStaleSeconds={stale}"));
        world.pass(60);
        assert!(world.ports.kv.accounts.borrow().is_empty(), "{stale}");
    }
    for query in ["", "?maxStaleSeconds=60", "?maxStaleSeconds=300"] {
        world.ports.kv.accounts.borrow_mut().clear();
        world.pass(60);
        identity(&world, &client, query);
        assert_eq!(world.ports.kv.accounts.borrow().len(), 1, "{query}");
    }
}

#[test]
fn a_faulty_question_is_counted_before_the_database_is_asked() {
    let world = World::new(&[UPSTREAMS]);
    let client = world.person("ada@example.org");
    world.round_trips();
    for path in [
        "/api/account/identity?maxStaleSeconds=x",
        "/api/account/identity?x=1",
        "/api/account/verify?aud=nope",
        "/api/account/activity?limit=x",
    ] {
        world.ports.limiter.is_full.set(false);
        assert_eq!(get(&world, &client, path).status, 422, "{path}");
        assert_eq!(world.round_trips(), 1, "{path}");
        world.ports.limiter.is_full.set(true);
        assert_eq!(get(&world, &client, path).status, 429, "{path}");
        assert_eq!(world.round_trips(), 0, "{path}");
    }
}

#[test]
fn an_identity_token_does_not_outlive_the_bound_of_the_copy() {
    let world = World::new(&[UPSTREAMS, ("ISOLATE_CACHE_TTL_SECONDS", "60")]);
    let client = world.person("ada@example.org");
    for (pass, lifetime) in [(1, 30), (20, 30), (15, 25), (20, 5)] {
        world.pass(pass);
        let answer = verify(&world, &client, "?aud=wiki");
        let claims = part(answer.header("x-auth-identity").unwrap(), 1);
        let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(lives, lifetime, "after {pass} s more");
    }
}

#[test]
fn an_upstream_is_neither_the_audience_nor_the_issuer() {
    for name in ["app", BASE] {
        let settings = [("AUDIENCE", "app"), ("UPSTREAMS", name)];
        let problems = crate::service::config::tests::configure(&settings);
        assert!(
            problems.is_err_and(|list| list[0].starts_with("UPSTREAMS: ")),
            "{name}"
        );
    }
}

#[test]
fn a_role_that_no_header_can_hold_is_a_failure_and_not_an_empty_header() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    world.sql(
        "PRAGMA ignore_check_constraints = ON;
         INSERT INTO roles (slug, name, created_at) VALUES ('r\u{e9}dacteur', 'x', 1);
         UPDATE users SET role_slug = 'r\u{e9}dacteur'",
    );
    let answer = verify(&world, &client, "");
    assert_eq!((answer.status, answer.code()), (500, "internal"));
    assert_eq!(answer.header("x-user-role"), None);
}

#[test]
fn what_is_not_a_number_of_seconds_is_reported() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    for query in [
        "?maxStaleSeconds=301",
        "?maxStaleSeconds=-1",
        "?maxStaleSeconds=01",
        "?x=1",
    ] {
        assert_eq!(identity(&world, &client, query).status, 422, "{query}");
    }
}

#[test]
fn a_binding_of_the_account_is_not_counted_by_the_limiters() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    world.ports.limiter.seen.borrow_mut().clear();
    let request = || {
        Request::get(format!("{BASE}/api/account/identity?maxStaleSeconds=0"))
            .header("cookie", client.cookie_line().unwrap())
    };
    let internal = request().extension(Internal).body(Vec::new()).unwrap();
    world.ports.limiter.is_full.set(true);
    assert_eq!(world.send(internal).status, 200);
    assert!(world.ports.limiter.seen.borrow().is_empty());
    let outside = world.send(request().body(Vec::new()).unwrap());
    assert_eq!(outside.status, 429);
}
