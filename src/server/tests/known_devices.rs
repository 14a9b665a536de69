//! Logins from known devices, when others have used up what their client may try.

use http::Method;
use serde_json::json;

use super::{Answer, Client, PASSWORD, World};
use crate::ports::Limiter;

fn log_in_as_ada(world: &World, client: &mut Client, password: &str) -> Answer {
    let body = json!({"username": "ada@example.org", "password": password});
    world.call(client, (Method::POST, "/api/account/login"), Some(body))
}

fn keys_of(world: &World, limiter: Limiter) -> Vec<String> {
    let seen = world.ports.limiter.seen.take();
    seen.into_iter()
        .filter(|(asked, _)| *asked == limiter)
        .map(|(_, key)| key)
        .collect()
}

#[test]
fn a_known_device_logs_in_when_its_client_and_network_are_used_up() {
    let world = World::new(&[]);
    let mut known = world.person("ada@example.org");
    world.ports.limiter.clients_are_full.set(true);
    let hashes = world.service.hasher.computed();
    world.round_trips();
    let stranger = world.log_in(&mut Client::default(), "ada@example.org");
    assert_eq!(
        (stranger.status, stranger.header("retry-after")),
        (429, Some("60"))
    );
    assert_eq!(world.round_trips(), 0, "nothing is read for a stranger");
    assert_eq!(world.service.hasher.computed(), hashes);
    // Again and again, with the session that each login begins.
    for _ in 0..3 {
        assert_eq!(world.log_in(&mut known, "ada@example.org").status, 204);
    }
}

#[test]
fn a_request_that_its_client_may_make_uses_no_other_budget() {
    let world = World::new(&[]);
    let mut known = world.person("ada@example.org");
    world.ports.limiter.seen.take();
    assert_eq!(world.log_in(&mut known, "ada@example.org").status, 204);
    let keys = keys_of(&world, Limiter::Login);
    assert_eq!(keys.len(), 1);
    assert!(keys[0].starts_with("AccountLogin:c"), "{keys:?}");
}

/// A login ends the session that it carries: a budget by session would be new with each.
#[test]
fn the_budget_of_a_known_device_is_its_users_and_outlives_the_session() {
    let world = World::new(&[]);
    let (mut first, mut second) = (world.person("ada@example.org"), Client::default());
    assert_eq!(world.log_in(&mut second, "ada@example.org").status, 204);
    let mut bob = world.person("bob@example.org");
    world.ports.limiter.clients_are_full.set(true);
    world.ports.limiter.seen.take();
    for client in [&mut first, &mut second] {
        for _ in 0..2 {
            assert_eq!(world.log_in(client, "ada@example.org").status, 204);
        }
    }
    let of_ada: Vec<String> = keys_of(&world, Limiter::Login)
        .into_iter()
        .filter(|key| !key.contains(":c"))
        .collect();
    assert_eq!(of_ada.len(), 4);
    assert!(of_ada[0].starts_with("AccountLogin:u"), "{of_ada:?}");
    assert!(of_ada.iter().all(|key| *key == of_ada[0]), "{of_ada:?}");
    assert_eq!(world.log_in(&mut bob, "bob@example.org").status, 204);
    assert!(!keys_of(&world, Limiter::Login).contains(&of_ada[0]));
    // It is used up like any other.
    world.ports.limiter.is_full.set(true);
    world.round_trips();
    assert_eq!(world.log_in(&mut first, "ada@example.org").status, 429);
    assert_eq!(world.round_trips(), 0);
}

#[test]
fn no_other_token_gets_a_request_to_a_hash_when_its_client_is_used_up() {
    let world = World::new(&[]);
    let ada = world.person("ada@example.org");
    let bob = world.person("bob@example.org");
    let mut refreshed = ada.clone();
    world.pass(60);
    assert_eq!(world.refresh(&mut refreshed).status, 204);
    let mut ended = Client::default();
    assert_eq!(world.log_in(&mut ended, "ada@example.org").status, 204);
    world.log_out(&mut ended.clone());
    let access_alone = Client {
        refresh: None,
        ..refreshed.clone()
    };
    let forged = Client {
        refresh: Some("forged".to_owned()),
        ..Client::default()
    };
    world.ports.limiter.clients_are_full.set(true);
    let hashes = world.service.hasher.computed();
    let counters = world.value("SELECT count(*) FROM attempts");
    let others = [
        ("another user's", bob, 1),
        ("superseded", ada, 1),
        ("of an ended session", ended, 1),
        ("an access token", access_alone, 0),
        ("forged", forged, 0),
    ];
    for (what, client, round_trips) in others {
        world.round_trips();
        for password in [PASSWORD, "wrong horse"] {
            let refused = log_in_as_ada(&world, &mut client.clone(), password);
            assert_eq!(
                (refused.status, refused.code()),
                (429, "too_many_requests"),
                "{what}"
            );
            assert_eq!(refused.header("retry-after"), Some("60"), "{what}");
        }
        assert_eq!(world.round_trips(), 2 * round_trips, "{what}");
    }
    assert_eq!(world.service.hasher.computed(), hashes);
    assert_eq!(world.value("SELECT count(*) FROM attempts"), counters);
    assert_eq!(world.log_in(&mut refreshed, "ada@example.org").status, 204);
}

#[test]
fn an_expired_refresh_token_has_no_budget() {
    let world = World::new(&[]);
    let mut known = world.person("ada@example.org");
    world.pass(8 * 86_400);
    world.ports.limiter.clients_are_full.set(true);
    world.round_trips();
    assert_eq!(world.log_in(&mut known, "ada@example.org").status, 429);
    assert_eq!(world.round_trips(), 0);
}

#[test]
fn a_known_device_that_is_slowed_is_told_for_how_long() {
    let world = World::new(&[]);
    let mut known = world.person("ada@example.org");
    let mut bob = world.person("bob@example.org");
    world.ports.limiter.clients_are_full.set(true);
    for _ in 0..10 {
        assert_eq!(log_in_as_ada(&world, &mut known, "wrong horse").status, 401);
    }
    let slowed = log_in_as_ada(&world, &mut known, PASSWORD);
    assert_eq!(
        (slowed.status, slowed.header("retry-after")),
        (429, Some("1"))
    );
    // Whom the client's budget keeps away is nobody's throttled attempt.
    let foreign = log_in_as_ada(&world, &mut bob, PASSWORD);
    assert_eq!(foreign.status, 429);
    let told = "SELECT count(*) FROM audit_log WHERE event = 'throttled' AND user_id <> ''";
    assert_eq!(world.value(told), "1");
}
