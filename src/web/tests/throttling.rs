//! Slowing down whoever guesses.

use http::{Method, Request};
use serde_json::json;

use super::{Answer, BASE, Client, PASSWORD, World};
use crate::app::hash_queue::MAX_WAITING;
use crate::domain::throttle::FREE_FAILURES;
use crate::domain::time::UnixSeconds;
use crate::ports::Limiter;

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
    // From elsewhere the account's owner gets in.
    let answer = try_from(&world, "192.0.2.2", ("ada@example.org", PASSWORD));
    assert_eq!(answer.status, 204);
    world.pass(1);
    let answer = try_from(&world, "192.0.2.1", ("ada@example.org", PASSWORD));
    assert_eq!(answer.status, 204);
    // A success has set the counters back.
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
        // What breaks a rule is no try.
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
    // Logins have counters of their own.
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
    // Nor do tries with a token that has been revoked.
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
fn the_platforms_limiters_count_by_route_and_client_before_anything_is_read() {
    let world = World::new(&[]);
    world.ports.limiter.is_full.set(true);
    let answer = try_from(&world, "2001:db8:1:2:3::4", ("x", "y"));
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("60"))
    );
    let other = try_from(&world, "2001:DB8:1:2::", ("x", "y"));
    assert_eq!(other.status, 429);
    assert_eq!(world.refresh(&mut Client::default()).status, 429);
    assert_eq!(world.profile(&Client::default()).status, 401);
    assert_eq!(world.round_trips(), 0);
    let seen = world.ports.limiter.seen.borrow();
    let limiters: Vec<Limiter> = seen.iter().map(|(limiter, _)| *limiter).collect();
    assert_eq!(limiters, [Limiter::Login, Limiter::Login, Limiter::Refresh]);
    assert_eq!(seen[0].1, seen[1].1);
    assert!(!seen[0].1.contains("2001"));
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
