//! The check of new passwords against breached ones.

use http::Method;
use serde_json::{Value, json};

use super::{Answer, Client, PASSWORD, World};
use crate::domain::time::UnixSeconds;
use crate::ports::NoRange;
use crate::service::hash_queue::MAX_WAITING;

/// SHA-1 of [`PASSWORD`].
const HASH: (&str, &str) = ("2F9E5", "3523B62ABC141A2B4D6019D23CBA835DBD0");
/// The password that replaces it, and its SHA-1.
const NEW: &str = "battery staple";
const NEW_HASH: (&str, &str) = ("E3FF0", "46AE352440B76336C0DF21CBAB0D9D7E9DA");
/// A line of an answer that matches neither.
const OTHER: &str = "0018A45C4D1DEF81644B54AB7F969B88D65:1";

const CHANGE: (Method, &str) = (Method::PATCH, "/api/account/password");

fn checking() -> World {
    let world = World::new(&[("BREACH_CHECK", "on")]);
    answer(&world, OTHER);
    world
}

fn answer(world: &World, range: &str) {
    *world.ports.breaches.answer.borrow_mut() = Ok(range.as_bytes().to_vec());
}

fn known(suffix: &str) -> String {
    format!("{OTHER}\r\n{suffix}:52\r\n")
}

/// The prefixes that were requested since the last call.
fn asked(world: &World) -> Vec<String> {
    world.ports.breaches.seen.take()
}

fn change(world: &World, client: &mut Client, new: &str) -> Answer {
    let body = json!({"currentPassword": PASSWORD, "newPassword": new});
    world.call(client, CHANGE, Some(body))
}

fn assert_breached(answer: &Answer, field: &str) {
    assert_eq!((answer.status, answer.code()), (422, "validation_failed"));
    assert_eq!(
        answer.body["errors"],
        json!([{"field": field, "code": "breached", "message": "appears in a known data breach"}])
    );
    assert!(answer.cookies().is_empty());
}

/// The log lines about failed checks since the last call.
fn complaints(world: &World) -> Vec<Value> {
    let lines = world.ports.log.0.take();
    lines
        .into_iter()
        .filter(|line| line["event"] != "http.request")
        .collect()
}

#[test]
fn a_breached_password_is_refused_before_it_costs_a_hash_or_a_round_trip() {
    let world = checking();
    answer(&world, &known(HASH.1));
    let refusal = world.register("ada@example.org");
    assert_breached(&refusal, "password");
    assert_eq!(asked(&world), [HASH.0]);
    assert_eq!(world.service.hasher.computed(), 0);
    assert_eq!(world.round_trips(), 0);
    assert!(complaints(&world).is_empty());
}

#[test]
fn any_other_password_registers_after_one_question() {
    let world = checking();
    assert_eq!(world.register("ada@example.org").status, 201);
    assert_eq!(asked(&world), [HASH.0]);
    answer(&world, &format!("{}:0", HASH.1));
    assert_eq!(world.register("bob@example.org").status, 201);
    assert!(complaints(&world).is_empty());
}

#[test]
fn a_breached_password_says_nothing_of_the_address() {
    let world = checking();
    assert_eq!(world.register("ada@example.org").status, 201);
    answer(&world, &known(HASH.1));
    let taken = world.register("ada@example.org");
    let free = world.register("bob@example.org");
    assert_breached(&taken, "password");
    assert_eq!(taken.body["errors"], free.body["errors"]);
}

#[test]
fn off_asks_nothing_and_takes_what_is_breached() {
    let world = World::new(&[]);
    answer(&world, &known(HASH.1));
    let mut client = world.person("ada@example.org");
    answer(&world, &known(NEW_HASH.1));
    assert_eq!(change(&world, &mut client, NEW).status, 204);
    assert!(asked(&world).is_empty());
}

#[test]
fn whatever_goes_wrong_people_register_and_the_log_says_why() {
    let world = checking();
    let html = Ok(b"<html>Bad gateway</html>".to_vec());
    let causes = [
        (Err(NoRange::TimedOut), "timed out"),
        (Err(NoRange::Unreachable), "unreachable"),
        (Err(NoRange::Status(429)), "status 429"),
        (Err(NoRange::TooLong), "too long"),
        (html, "malformed"),
        (Ok(Vec::new()), "malformed"),
        (Ok(known(HASH.1).as_bytes()[..60].to_vec()), "malformed"),
    ];
    for (number, (outcome, cause)) in causes.into_iter().enumerate() {
        *world.ports.breaches.answer.borrow_mut() = outcome;
        let registered = world.register(&format!("ada{number}@example.org"));
        assert_eq!(registered.status, 201, "{cause}");
        assert_eq!(
            complaints(&world),
            [json!({
                "level": "error", "event": "breach_check.failed_open", "error.cause": cause
            })]
        );
    }
}

#[test]
fn nothing_is_asked_about_what_is_refused_anyway() {
    let world = checking();
    let mut anybody = Client::default();
    let register = (Method::POST, "/api/account/register");
    for body in [
        json!({"email": "x", "password": PASSWORD}),
        json!({"email": "ada@example.org", "password": "short"}),
        json!({"email": "ada@example.org", "password": "password1"}),
        json!({"email": "ada@example.org", "password": "ada@example.org"}),
        json!({"email": "ada@example.org", "password": PASSWORD, "admin": true}),
    ] {
        let refusal = world.call(&mut anybody, register.clone(), Some(body));
        assert_eq!(refusal.status, 422);
    }
    world.ports.limiter.is_full.set(true);
    assert_eq!(world.register("ada@example.org").status, 429);
    world.ports.limiter.is_full.set(false);
    assert!(asked(&world).is_empty());
    let mut client = world.person("ada@example.org");
    asked(&world);
    for new in ["short", "password1", PASSWORD] {
        assert_eq!(change(&world, &mut client, new).status, 422, "{new}");
    }
    assert!(asked(&world).is_empty());
}

#[test]
fn logging_in_and_whatever_else_needs_no_new_password_asks_nothing() {
    let world = checking();
    world.register("ada@example.org");
    assert_eq!(asked(&world).len(), 1);
    answer(&world, &known(HASH.1));
    let mut client = Client::default();
    assert_eq!(world.log_in(&mut client, "ada@example.org").status, 204);
    assert_eq!(world.profile(&client).status, 200);
    assert_eq!(world.refresh(&mut client).status, 204);
    assert_eq!(world.log_out(&mut client).status, 204);
    assert!(asked(&world).is_empty());
}

#[test]
fn a_breached_new_password_is_refused_and_is_no_try_of_the_current_one() {
    let world = checking();
    let mut client = world.person("ada@example.org");
    asked(&world);
    answer(&world, &known(NEW_HASH.1));
    let hashes = world.service.hasher.computed();
    // None of them counts as an attempt at the current password.
    for _ in 0..7 {
        assert_breached(&change(&world, &mut client, NEW), "newPassword");
    }
    assert_eq!(asked(&world), [NEW_HASH.0; 7]);
    assert_eq!(world.service.hasher.computed(), hashes);
    assert_eq!(world.profile(&client).status, 200);
    answer(&world, OTHER);
    world.round_trips();
    assert_eq!(change(&world, &mut client, NEW).status, 204);
    assert_eq!((asked(&world).len(), world.round_trips()), (1, 2));
}

#[test]
fn a_change_of_password_goes_on_when_the_check_fails() {
    let world = checking();
    let mut client = world.person("ada@example.org");
    complaints(&world);
    *world.ports.breaches.answer.borrow_mut() = Err(NoRange::TimedOut);
    assert_eq!(change(&world, &mut client, NEW).status, 204);
    assert_eq!(complaints(&world).len(), 1);
}

#[test]
fn nobody_without_a_session_is_answered_about_a_password() {
    let world = checking();
    let mut ended = world.person("ada@example.org");
    let copy = ended.clone();
    world.log_out(&mut ended);
    asked(&world);
    answer(&world, &known(NEW_HASH.1));
    let forged = Client {
        access: Some("forged".to_owned()),
        refresh: None,
        ..Client::default()
    };
    for (mut client, code) in [
        (Client::default(), "not_authenticated"),
        (forged, "invalid_token"),
    ] {
        assert_eq!(change(&world, &mut client, NEW).code(), code);
        assert!(asked(&world).is_empty());
    }
    // The token is authentic until it expires, so the breach check runs, but the caller learns
    // nothing from it.
    let refusal = change(&world, &mut copy.clone(), NEW);
    assert_eq!((refusal.status, refusal.code()), (401, "invalid_token"));
    world.pass(700);
    asked(&world);
    assert_eq!(
        change(&world, &mut copy.clone(), NEW).code(),
        "token_expired"
    );
    assert!(asked(&world).is_empty());
}

#[test]
fn who_waits_for_the_check_takes_no_place_in_the_hash_queue() {
    let world = checking();
    let mut client = world.person("ada@example.org");
    let now = UnixSeconds::new(world.now.get());
    let places: Vec<_> = (0..MAX_WAITING)
        .map(|_| world.service.hash_queue.enter(now).unwrap())
        .collect();
    assert_eq!(world.register("bob@example.org").code(), "unavailable");
    answer(&world, &known(HASH.1));
    assert_breached(&world.register("bob@example.org"), "password");
    answer(&world, &known(NEW_HASH.1));
    assert_breached(&change(&world, &mut client, NEW), "newPassword");
    drop(places);
}
