//! Logging in by mail costs the same, whether or not anyone has the address, and nothing without a
//! request.

use http::Method;
use serde_json::json;

use super::ADA;
use super::mail_login::{REQUEST, world};
use crate::server::tests::Client;

#[test]
fn known_and_unknown_addresses_are_asked_for_alike() {
    let world = world("link");
    world.person(ADA);
    let mut seen = Vec::new();
    for email in [ADA, "nobody@example.org"] {
        world.ports.store.ran.borrow_mut().clear();
        world.round_trips();
        world.ports.background.is_dropped.set(true);
        let body = json!({"email": email});
        let answer = world.call(&mut Client::default(), (Method::POST, REQUEST), Some(body));
        assert_eq!(world.round_trips(), 1);
        let cookie = answer.cookie("login_request").unwrap();
        assert_eq!(cookie.len(), 43);
        let line = answer.cookies()[0].replace(&cookie, "");
        assert!(
            line.contains("Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=600;"),
            "{line}"
        );
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        headers.remove("set-cookie");
        let ran = world.ports.store.ran.borrow().clone();
        seen.push((answer.status, answer.bytes, line, headers, ran));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(world.count("login_requests"), "2");
}

/// A wrong code costs the same, whether or not anyone has the address: a stranger who asks for an
/// address and presents anything must not learn it by the time.
#[test]
fn what_is_presented_for_known_and_unknown_addresses_is_judged_alike() {
    let world = world("code");
    world.person(ADA);
    let mut seen = Vec::new();
    for email in [ADA, "nobody@example.org"] {
        let mut browser = Client::default();
        world.ask(&mut browser, email);
        world.ports.store.ran.borrow_mut().clear();
        world.round_trips();
        world.ports.store.writes_behind.set(0);
        let answer = world.present(&mut browser, "000000");
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        let ran = world.ports.store.ran.borrow().clone();
        let written = world.ports.store.writes_behind.get();
        seen.push((
            answer.status,
            answer.bytes,
            headers,
            ran,
            written,
            world.round_trips(),
        ));
    }
    assert_eq!(seen[0], seen[1]);
    let tries = world.ports.store.query("SELECT tries FROM login_requests");
    assert_eq!(tries, [["1"], ["1"]]);
    let failed = "SELECT count(*) FROM audit_log WHERE event = 'login_failed'";
    assert_eq!(world.value(failed), "2");
}

#[test]
fn only_what_has_the_form_and_the_cookie_reaches_the_database() {
    let world = world("code");
    let (mut browser, code) = world.asked();
    world.round_trips();
    for text in ["", "12345", "1234567", " 123456", "12345x", "no token"] {
        let refused = world.present(&mut browser, text);
        assert!([410, 422].contains(&refused.status), "{text}");
    }
    for cookie in [None, Some("x"), Some(""), Some("AAAA")] {
        let mut other = Client {
            login_request: cookie.map(str::to_owned),
            ..Client::default()
        };
        assert_eq!(world.present(&mut other, &code).code(), "invalid_link");
    }
    assert_eq!(world.round_trips(), 0);
    let mut other = Client {
        login_request: Some("A".repeat(43)),
        ..Client::default()
    };
    assert_eq!(world.present(&mut other, &code).code(), "invalid_link");
    assert_eq!(world.round_trips(), 1);
    assert_eq!(world.value("SELECT tries FROM login_requests"), "0");
    assert_eq!(world.present(&mut browser, &code).status, 204);
    assert_eq!(world.round_trips(), 2);
}
