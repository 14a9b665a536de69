//! The incidents of 2026 that new features walk into, by their numbers in docs/security.md.

use http::{Method, Request};
use serde_json::json;

use super::{ADA, NEW_PASSWORD, token_in, world};
use crate::server::tests::{BASE, PASSWORD};

#[test]
fn incident_1_a_link_of_one_purpose_does_nothing_elsewhere() {
    let world = world(&[]);
    world.person(ADA);
    world.forgot(ADA);
    let token = world.token_to(ADA, "reset-password");
    for path in [
        "/api/account/verify-email",
        "/api/account/email/confirm",
        "/api/recovery/undo-email",
        "/api/recovery/disown-login",
    ] {
        let answer = world.post(path, json!({"token": token}));
        assert_eq!(
            (answer.status, answer.code()),
            (410, "invalid_link"),
            "{path}"
        );
    }
    assert_eq!(world.reset(&token, NEW_PASSWORD).status, 204);
}

#[test]
fn incident_2_a_link_is_bound_to_the_account_both_addresses_and_the_password() {
    let world = world(&[]);
    let mut ada = world.person(ADA);
    let confirm = world.change_email(&mut ada, "ada@new.example");
    // Another password: the link that was asked for with the old one is worth nothing.
    world.forgot(ADA);
    let reset = world.token_to(ADA, "reset-password");
    assert_eq!(world.reset(&reset, NEW_PASSWORD).status, 204);
    let answer = world.post("/api/account/email/confirm", json!({"token": confirm}));
    assert_eq!(answer.code(), "invalid_link");
    assert_eq!(world.value("SELECT email FROM users"), ADA);
}

#[test]
fn incident_2_a_released_address_rests_before_anyone_can_have_it() {
    let world = world(&[]);
    let mut ada = world.person(ADA);
    let token = world.change_email(&mut ada, "ada@new.example");
    assert_eq!(
        world
            .post("/api/account/email/confirm", json!({"token": token}))
            .status,
        204
    );
    assert_eq!(world.register(ADA).status, 409);
    let mut eve = world.person("eve@example.org");
    let body = json!({"email": ADA, "currentPassword": PASSWORD});
    let answer = world.call(&mut eve, (Method::POST, "/api/account/email"), Some(body));
    assert_eq!(answer.status, 202);
    assert!(
        !world
            .mails()
            .iter()
            .any(|mail| mail.to == ADA && mail.text.contains("confirm-email"))
    );
    world.pass(7 * 86_400 + 1);
    assert_eq!(world.register(ADA).status, 201);
}

#[test]
fn incident_3_no_header_of_a_request_takes_part_in_a_link() {
    let world = world(&[("PAGES_URL", "https://www.example.org/account")]);
    world.person(ADA);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{BASE}/api/recovery/forgot"))
        .header("Content-Type", "application/json")
        .header("Host", "evil.example")
        .header("X-Forwarded-Host", "evil.example")
        .header("Forwarded", "host=evil.example")
        .header("Referer", "https://evil.example/");
    let body = serde_json::to_vec(&json!({"email": ADA})).unwrap();
    assert_eq!(world.send(request.body(body).unwrap()).status, 202);
    let text = world.mails()[0].text.clone();
    assert!(text.contains("https://www.example.org/account/link#reset-password="));
    assert!(!text.contains("evil"));
}

#[test]
fn incident_4_no_order_of_the_steps_works_without_the_mail() {
    let world = world(&[]);
    world.person(ADA);
    let user = world.value("SELECT id FROM users");
    world.ports.background.is_dropped.set(true);
    let guess = "A".repeat(64);
    for _ in 0..2 {
        assert_eq!(world.reset(&guess, NEW_PASSWORD).code(), "invalid_link");
        assert_eq!(world.forgot(ADA).status, 202);
        for value in world
            .ports
            .store
            .query("SELECT digest, issued_at FROM one_time_tokens")
        {
            assert_eq!(world.reset(&value[0], NEW_PASSWORD).code(), "invalid_link");
        }
        for value in world.ports.store.query("SELECT nonce, id FROM outbox") {
            assert_eq!(world.reset(&value[0], NEW_PASSWORD).code(), "invalid_link");
        }
    }
    assert_eq!(world.log_in_with(ADA, PASSWORD).status, 204);
    assert!(!user.is_empty());
}

#[test]
fn incident_5_a_link_works_once_and_the_newest_of_a_purpose_wins() {
    let world = world(&[]);
    world.person(ADA);
    world.forgot(ADA);
    let first = world.token_to(ADA, "reset-password");
    world.forgot(ADA);
    let second = world.token_to(ADA, "reset-password");
    assert_eq!(world.reset(&first, NEW_PASSWORD).code(), "invalid_link");
    assert_eq!(world.reset(&second, NEW_PASSWORD).status, 204);
    assert_eq!(
        world.reset(&second, "another one entirely").code(),
        "invalid_link"
    );
    assert_eq!(world.log_in_with(ADA, NEW_PASSWORD).status, 204);
}

#[test]
fn incident_6_proving_the_mailbox_drops_the_password_of_whoever_registered_it() {
    let world = world(&[("VERIFICATION", "optional")]);
    let mut thief = world.person(ADA);
    world.forgot(ADA);
    let token = world.token_to(ADA, "reset-password");
    assert_eq!(world.reset(&token, NEW_PASSWORD).status, 204);
    assert_eq!(world.refresh(&mut thief).status, 401);
    assert_eq!(world.log_in_with(ADA, PASSWORD).status, 401);
    // The link of the first registration is worth nothing any more.
    let first = token_in(&world.mails()[0].text, "verify-email").unwrap();
    let answer = world.post("/api/account/verify-email", json!({"token": first}));
    assert_eq!(answer.code(), "invalid_link");
}

#[test]
fn incident_10_the_limits_of_mails_count_strangers_and_addresses_alike() {
    let world = world(&[]);
    world.person(ADA);
    for email in [ADA, "nobody@example.org"] {
        for _ in 0..5 {
            assert_eq!(world.forgot(email).status, 202);
        }
    }
    assert_eq!(world.mails().len(), 3, "three an hour to an address");
    let refused = world.forgot("third@example.org");
    assert_eq!((refused.status, refused.code()), (429, "too_many_requests"));
    assert_eq!(refused.header("retry-after"), Some("3600"));
    world.pass(3_600);
    assert_eq!(world.forgot(ADA).status, 202);
    assert_eq!(world.mails().len(), 4);
}

#[test]
fn incident_13_an_address_is_judged_after_it_is_normalised() {
    let world = world(&[]);
    world.person(ADA);
    assert_eq!(world.forgot("\u{200b}ADA@EXAMPLE.ORG ").status, 202);
    assert_eq!(world.mails().len(), 1);
    // The Kelvin sign lower-cases to an ASCII letter elsewhere.
    assert_eq!(world.forgot("\u{212a}im@example.org").status, 422);
}
