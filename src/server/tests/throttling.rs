//! Throttling of guesses and floods.

use http::{Method, Request};
use serde_json::json;

use super::{Answer, BASE, Client, PASSWORD, World};
use crate::domain::id::TokenId;
use crate::domain::identity::email::Email;
use crate::domain::throttle::{ClientPrefix, FREE_FAILURES};
use crate::domain::time::UnixSeconds;
use crate::ports::Limiter;
use crate::service::hash_queue::MAX_WAITING;
use crate::store::attempts::{self, Attempt, Attempted, Guesser};

fn try_from(world: &World, address: &str, (email, password): (&str, &str)) -> Answer {
    let body = json!({"username": email, "password": password});
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{BASE}/api/account/login"))
        .header("content-type", "application/json")
        .header("cf-connecting-ip", address);
    world.send(request.body(serde_json::to_vec(&body).unwrap()).unwrap())
}

#[test]
fn an_account_is_slowed_for_one_client_before_a_hash_is_computed() {
    let world = World::new(&[]);
    world.register("ada@example.org");
    for email in ["ada@example.org", "nobody@example.org"] {
        for _ in 0..FREE_FAILURES {
            let answer = try_from(&world, "192.0.2.1", (email, "wrong horse"));
            assert_eq!(answer.code(), "invalid_credentials");
        }
        let hashes = world.service.hasher.computed();
        let answer = try_from(&world, "::ffff:192.0.2.1", (email, PASSWORD));
        assert_eq!((answer.status, answer.code()), (429, "too_many_requests"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(world.service.hasher.computed(), hashes);
    }
    // From another address the account's owner gets in.
    let answer = try_from(&world, "192.0.2.2", ("ada@example.org", PASSWORD));
    assert_eq!(answer.status, 204);
    world.pass(1);
    let answer = try_from(&world, "192.0.2.1", ("ada@example.org", PASSWORD));
    assert_eq!(answer.status, 204);
    // The success has reset the counters.
    for _ in 0..5 {
        let answer = try_from(&world, "192.0.2.1", ("ada@example.org", "wrong horse"));
        assert_eq!(answer.code(), "invalid_credentials");
    }
}

#[test]
fn an_account_takes_a_hundred_failures_from_everywhere_and_a_known_device_passes() {
    let world = World::new(&[]);
    let mut known = world.person("ada@example.org");
    for client in 0..100 {
        let address = format!("192.0.2.{client}");
        let answer = try_from(&world, &address, ("ada@example.org", "wrong horse"));
        assert_eq!(answer.code(), "invalid_credentials");
    }
    let answer = try_from(&world, "198.51.100.1", ("ada@example.org", PASSWORD));
    assert_eq!(answer.code(), "too_many_requests");
    assert_eq!(answer.header("retry-after"), Some("60"));
    let mut stranger = world.person("eve@example.org");
    assert_eq!(
        world.log_in(&mut stranger, "ada@example.org").code(),
        "too_many_requests"
    );
    assert_eq!(world.log_in(&mut known, "ada@example.org").status, 204);
}

#[test]
fn the_current_password_cannot_be_guessed_with_a_stolen_session() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    let change = |current: &str| {
        let body = json!({"currentPassword": current, "newPassword": "battery staple"});
        let route = (Method::PATCH, "/api/account/password");
        world.call(&mut client.clone(), route, Some(body))
    };
    for _ in 0..9 {
        // A request that fails validation is not an attempt.
        assert_eq!(change("battery staple").code(), "validation_failed");
    }
    for _ in 0..FREE_FAILURES {
        assert_eq!(change("wrong horse").code(), "wrong_current_password");
    }
    let hashes = world.service.hasher.computed();
    let answer = change(PASSWORD);
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("1"))
    );
    assert_eq!(world.service.hasher.computed(), hashes);
    world.pass(1);
    world.round_trips();
    assert_eq!(change(PASSWORD).status, 204);
    assert_eq!(world.round_trips(), 2);
    // Logins have separate counters.
    assert_eq!(
        try_from(&world, "192.0.2.1", ("ada@example.org", "battery staple")).status,
        204
    );
}

#[test]
fn what_is_refused_does_not_count_against_the_person() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    for client in 0..100 {
        let address = format!("192.0.2.{client}");
        try_from(&world, &address, ("ada@example.org", "wrong horse"));
    }
    for _ in 0..9 {
        let answer = try_from(&world, "198.51.100.1", ("ada@example.org", PASSWORD));
        assert_eq!(answer.header("retry-after"), Some("60"));
    }
    world.pass(60);
    let answer = try_from(&world, "198.51.100.1", ("ada@example.org", PASSWORD));
    assert_eq!(answer.status, 204);
    // Attempts with a revoked token do not count either.
    world.log_out(&mut client.clone());
    let body = json!({"currentPassword": "wrong horse", "newPassword": "battery staple"});
    let counters = world.value("SELECT count(*) FROM attempts");
    for _ in 0..9 {
        let route = (Method::PATCH, "/api/account/password");
        let answer = world.call(&mut client.clone(), route, Some(body.clone()));
        assert_eq!(answer.code(), "invalid_token");
    }
    assert_eq!(world.value("SELECT count(*) FROM attempts"), counters);
}

#[test]
fn one_try_a_minute_is_left_to_an_account_under_attack() {
    let world = World::new(&[]);
    world.register("ada@example.org");
    for client in 0..100 {
        let address = format!("192.0.2.{client}");
        let answer = try_from(&world, &address, ("ada@example.org", "wrong horse"));
        assert_eq!(answer.status, 401);
    }
    world.pass(60);
    let answer = try_from(&world, "198.51.100.1", ("ada@example.org", PASSWORD));
    assert_eq!(answer.status, 204);
}

#[test]
fn strangers_are_limited_by_client_and_network_before_anything_is_read() {
    let world = World::new(&[]);
    let limiters = |world: &World| -> Vec<Limiter> {
        let seen = world.ports.limiter.seen.borrow();
        seen.iter().map(|(limiter, _)| *limiter).collect()
    };
    try_from(&world, "2001:db8:1:2:3::4", ("x", "y"));
    try_from(&world, "192.0.2.1", ("x", "y"));
    assert_eq!(
        limiters(&world),
        [Limiter::Login, Limiter::Network, Limiter::Login]
    );
    world.ports.limiter.seen.borrow_mut().clear();
    world.ports.limiter.is_full.set(true);
    for address in ["2001:db8:1:2:3::4", "2001:DB8:1:2::"] {
        let answer = try_from(&world, address, ("x", "y"));
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (429, Some("60"))
        );
    }
    assert_eq!(world.round_trips(), 0);
    let seen = world.ports.limiter.seen.borrow();
    assert_eq!(seen[0].1, seen[1].1);
    assert!(!seen[0].1.contains("2001"));
}

/// Every route that reaches the database or KV and requires a session.
const OF_A_SESSION: [(&str, &str); 9] = [
    ("POST", "/api/account/refresh"),
    ("POST", "/api/account/logout"),
    ("PATCH", "/api/account/password"),
    ("GET", "/api/account/profile"),
    ("PATCH", "/api/account/profile"),
    ("GET", "/api/account/sessions"),
    ("DELETE", "/api/account/sessions?scope=all"),
    ("DELETE", "/api/account/sessions/AAAAAAAAAAAAAAAAAAAAAA"),
    ("GET", "/api/account/activity"),
];

fn ask(world: &World, client: &Client, (method, path): (&str, &str)) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let body = (method == Method::PATCH).then(|| json!({}));
    world.call(&mut client.clone(), (method, path), body)
}

/// Users behind one address have separate budgets, and a request without a token has none.
#[test]
fn sessions_are_limited_one_by_one_and_nothing_is_asked_about_anybody_else() {
    let world = World::new(&[]);
    let [ada, bob] = ["ada@example.org", "bob@example.org"].map(|email| world.person(email));
    let forged = Client {
        access: Some("forged".to_owned()),
        refresh: Some("forged".to_owned()),
        ..Client::default()
    };
    for route in OF_A_SESSION {
        world.round_trips();
        world.ports.limiter.seen.borrow_mut().clear();
        world.ports.limiter.is_full.set(true);
        let refused = [&ada, &ada, &bob].map(|client| ask(&world, client, route));
        for answer in &refused {
            assert_eq!(answer.code(), "too_many_requests", "{route:?}");
            assert!(answer.cookies().is_empty(), "{route:?}");
        }
        for nobody in [&Client::default(), &forged] {
            assert_eq!(ask(&world, nobody, route).status, 401, "{route:?}");
        }
        assert_eq!(world.round_trips(), 0, "{route:?}");
        assert_eq!(world.ports.kv.asked.replace(0), 0, "{route:?}");
        let seen = world.ports.limiter.seen.borrow();
        assert_eq!(seen.len(), 3, "{route:?}");
        assert_eq!(seen[0], seen[1], "{route:?}");
        assert_ne!(seen[0], seen[2], "{route:?}");
    }
    world.ports.limiter.is_full.set(false);
    // A profile that the isolate remembers is neither counted nor limited.
    assert_eq!(world.profile(&ada).status, 200);
    world.ports.limiter.is_full.set(true);
    assert_eq!(world.profile(&ada).status, 200);
}

#[test]
fn a_log_out_with_tokens_that_are_over_altogether_asks_nobody() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    world.pass(33 * 86_400);
    world.round_trips();
    world.ports.kv.writes.set(0);
    world.ports.limiter.seen.borrow_mut().clear();
    for _ in 0..300 {
        let answer = world.log_out(&mut client.clone());
        assert_eq!((answer.status, answer.cookies().len()), (204, 2));
    }
    assert_eq!((world.round_trips(), world.ports.kv.writes.get()), (0, 0));
    assert!(world.ports.limiter.seen.borrow().is_empty());
    // The database is asked about an expired token whose session may be live, and nothing is
    // written when no session ends.
    let other = world.person("bob@example.org");
    world.log_out(&mut other.clone());
    world.ports.kv.writes.set(0);
    assert_eq!(world.log_out(&mut other.clone()).status, 204);
    assert_eq!(world.ports.kv.writes.get(), 0);
}

#[test]
fn eight_right_logins_of_one_person_at_once_all_succeed() {
    let world = World::new(&[]);
    world.register("ada@example.org");
    // None of them has succeeded yet when the last one is counted.
    let email = Email::parse("ada@example.org").unwrap();
    for number in 0..7 {
        let attempt = Attempt {
            keys: world
                .service
                .throttle
                .of_login(&email, ClientPrefix::parse(Some("192.0.2.1"))),
            id: TokenId::from_random([number; 16]),
            now: UnixSeconds::new(world.now.get()),
        };
        let guesser = Guesser::default();
        let counted = attempts::log_in(&world.ports.store, &attempt, &email, &guesser);
        assert!(matches!(
            pollster::block_on(counted),
            Ok(Attempted::Admitted(..))
        ));
    }
    let answer = try_from(&world, "192.0.2.1", ("ada@example.org", PASSWORD));
    assert_eq!(answer.status, 204);
}

#[test]
fn an_hour_takes_so_many_registrations_and_no_more() {
    let world = World::new(&[("REGISTRATIONS_PER_HOUR", "3")]);
    for name in ["ada", "bob"] {
        assert_eq!(world.register(&format!("{name}@example.org")).status, 201);
    }
    // A taken address counts as well: it costs the same.
    assert_eq!(world.register("ada@example.org").code(), "email_taken");
    let left = 3_600 - world.now.get() % 3_600;
    let answer = world.register("eve@example.org");
    assert_eq!((answer.status, answer.code()), (429, "too_many_requests"));
    assert_eq!(answer.header("retry-after"), Some(&*left.to_string()));
    assert_eq!(world.value("SELECT count(*) FROM users"), "2");
    assert_eq!(world.register("ada@example.org").code(), "email_taken");
    world.pass(left - 1);
    assert_eq!(world.register("eve@example.org").status, 429);
    world.pass(1);
    assert_eq!(world.register("eve@example.org").status, 201);
}

#[test]
fn too_many_waiting_hashes_are_refused_and_cheap_requests_are_not() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    let now = UnixSeconds::new(world.now.get());
    let tickets: Vec<_> = (0..MAX_WAITING)
        .map(|_| world.service.hash_queue.enter(now).unwrap())
        .collect();
    let answer = world.log_in(&mut Client::default(), "ada@example.org");
    assert_eq!((answer.status, answer.code()), (503, "unavailable"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(world.register("bob@example.org").status, 503);
    assert_eq!(world.profile(&client).status, 200);
    drop(tickets);
    assert_eq!(world.register("bob@example.org").status, 201);
}
