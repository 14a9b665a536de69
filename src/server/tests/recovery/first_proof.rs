//! A login by mail proves the address: what it ends, and how it is taken back.

use serde_json::json;

use super::mail_login::{PROVEN, world};
use super::{ADA, NEW_PASSWORD};
use crate::server::tests::{Client, PASSWORD};

/// CVE-2026-53516: a stranger who has registered an address must not keep a way in.
#[test]
fn incident_what_was_set_before_the_first_proof_ends_with_a_login_by_mail() {
    let world = world("link");
    let stranger = world.person(ADA);
    world.forgot(ADA);
    let reset = world.token_to(ADA, "reset-password");
    let mut browser = Client::default();
    world.ask(&mut browser, ADA);
    let token = world.token_to(ADA, "login-link");
    assert_eq!(world.present(&mut browser, &token).status, 204);
    assert_eq!(world.refresh(&mut stranger.clone()).status, 401);
    assert_eq!(world.log_in_with(ADA, PASSWORD).status, 401);
    assert_eq!(world.reset(&reset, NEW_PASSWORD).code(), "invalid_link");
    assert_eq!(world.refresh(&mut browser).status, 204);
    let told = world.audit();
    for event in [
        "email_verified",
        "password_removed",
        "mail_queued password_removed",
    ] {
        assert!(told.contains(&event.to_owned()), "{told:?}");
    }
    let last = world.mails().pop().unwrap();
    assert!(last.subject.contains("was removed") && last.text.contains("/link#forgot"));
    // The stranger's devices are not the owner's.
    assert_eq!(world.count("seen_logins"), "1");
    assert_eq!(world.count("one_time_tokens"), "0");
    // The next login proves nothing new, and ends nothing else.
    let mut other = Client::default();
    world.ask(&mut other, ADA);
    let token = world.token_to(ADA, "login-link");
    assert_eq!(world.present(&mut other, &token).status, 204);
    assert_eq!(world.refresh(&mut browser).status, 204);
    assert_eq!(world.value("SELECT password_version FROM users"), "2");
}

#[test]
fn a_user_without_a_password_is_proven_and_keeps_the_version() {
    let world = world("code");
    world.register(ADA);
    world.sql("UPDATE users SET password_hash = NULL");
    let mut browser = Client::default();
    world.ask(&mut browser, ADA);
    let code = world.code();
    assert_eq!(world.present(&mut browser, &code).status, 204);
    assert_eq!(
        world
            .ports
            .store
            .query("SELECT password_version, email_verified_at IS NOT NULL FROM users"),
        [["1", "1"]]
    );
    let told = world.audit();
    let removed = told.iter().filter(|event| *event == "password_removed");
    assert_eq!(removed.count(), 1, "by hand only: {told:?}");
    assert_eq!(world.mails().len(), 1, "the code alone");
}

/// Two browsers prove the same address: the second login must not end the first.
#[test]
fn a_proof_that_came_meanwhile_ends_nothing_more() {
    let world = world("link");
    world.register(ADA);
    world.sql("UPDATE users SET password_hash = NULL");
    let [mut one, mut other] = [Client::default(), Client::default()];
    world.ask(&mut one, ADA);
    let first = world.token_to(ADA, "login-link");
    world.ask(&mut other, ADA);
    let second = world.token_to(ADA, "login-link");
    assert_eq!(world.present(&mut one, &first).status, 204);
    assert_eq!(world.present(&mut other, &second).status, 204);
    assert_eq!(world.refresh(&mut one).status, 204);
    // The same, with a verification between the try and the session.
    let world = self::world("link");
    let mut client = world.person(ADA);
    let mut browser = Client::default();
    world.ask(&mut browser, ADA);
    let token = world.token_to(ADA, "login-link");
    let verified = "UPDATE users SET email_verified_at = 1, trace = '{}'";
    *world.ports.store.meanwhile.borrow_mut() =
        Some(("begin session by mail", verified.to_owned()));
    assert_eq!(world.present(&mut browser, &token).status, 204);
    assert_eq!(world.refresh(&mut client).status, 204);
    assert_eq!(world.log_in_with(ADA, PASSWORD).status, 204);
}

#[test]
fn a_login_by_mail_can_be_disowned_and_the_way_back_clears_the_failures() {
    let world = world("link");
    world.person(ADA);
    world.sql(PROVEN);
    for _ in 0..3 {
        assert_eq!(world.log_in_with(ADA, "a wrong one").status, 401);
    }
    let mut thief = Client::default();
    world.ask(&mut thief, ADA);
    let token = world.token_to(ADA, "login-link");
    world.sql("UPDATE seen_logins SET device = '[]'");
    assert_eq!(world.present(&mut thief, &token).status, 204);
    let disown = json!({"token": world.token_to(ADA, "disown-login")});
    assert_eq!(world.post("/api/recovery/disown-login", disown).status, 204);
    assert_eq!(world.refresh(&mut thief).status, 401);
    let reset = world.token_to(ADA, "reset-password");
    assert_eq!(world.reset(&reset, NEW_PASSWORD).status, 204);
    let failures = "SELECT count(*) FROM attempts WHERE account LIKE 'a%' AND failures > 0";
    assert_eq!(world.value(failures), "0");
}
