//! Changes of the address, and accounts that are taken back.

use http::Method;
use serde_json::json;

use super::{ADA, NEW_PASSWORD, world};
use crate::server::tests::{Client, PASSWORD};

#[test]
fn a_changed_address_is_taken_back_by_the_old_one() {
    let world = world(&[]);
    let other = world.person(ADA);
    // The thief knows the password, and changes the address twice.
    let mut thief = Client::default();
    assert_eq!(world.log_in(&mut thief, ADA).status, 204);
    let token = world.change_email(&mut thief, "thief@example.net");
    assert_eq!(
        world.value("SELECT email FROM users"),
        ADA,
        "not before the proof"
    );
    assert_eq!(
        world
            .post("/api/account/email/confirm", json!({"token": token}))
            .status,
        204
    );
    assert_eq!(
        world.refresh(&mut other.clone()).status,
        401,
        "other sessions end"
    );
    assert_eq!(world.refresh(&mut thief).status, 204);
    let undo = world.token_to(ADA, "undo-email");
    let token = world.change_email(&mut thief, "thief@example.com");
    assert_eq!(
        world
            .post("/api/account/email/confirm", json!({"token": token}))
            .status,
        204
    );
    let theirs = world.token_to("thief@example.net", "undo-email");
    // Six days later the owner opens the first mail.
    world.pass(6 * 86_400);
    let answer = world.post("/api/recovery/undo-email", json!({"token": undo}));
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert_eq!(world.value("SELECT email FROM users"), ADA);
    assert_eq!(world.refresh(&mut thief).status, 401);
    let answer = world.post("/api/recovery/undo-email", json!({"token": theirs}));
    assert_eq!(answer.code(), "invalid_link", "the thief's own");
    assert_eq!(
        world.log_in_with(ADA, PASSWORD).status,
        401,
        "the password is gone"
    );
    let reset = world.token_to(ADA, "reset-password");
    assert_eq!(world.reset(&reset, NEW_PASSWORD).status, 204);
    assert_eq!(world.log_in_with(ADA, NEW_PASSWORD).status, 204);
    assert!(world.audit().contains(&"password_removed".to_owned()));
}

#[test]
fn a_login_from_elsewhere_is_told_once_and_can_be_disowned() {
    let world = world(&[]);
    world.register(ADA);
    let firefox = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0";
    world.log_in_from(firefox, ADA, PASSWORD);
    world.log_in_from(firefox, ADA, PASSWORD);
    assert!(world.mails().is_empty(), "the first login is not news");
    let mut thief = world.log_in_from("curl/8.0", ADA, PASSWORD);
    world.log_in_from("curl/8.1", ADA, PASSWORD);
    assert_eq!(world.mails().len(), 1);
    let token = world.token_to(ADA, "disown-login");
    assert_eq!(
        world
            .post("/api/recovery/disown-login", json!({"token": token}))
            .status,
        204
    );
    assert_eq!(world.refresh(&mut thief).status, 401);
    assert_eq!(world.log_in_with(ADA, PASSWORD).status, 401);
    let reset = world.token_to(ADA, "reset-password");
    assert_eq!(world.reset(&reset, NEW_PASSWORD).status, 204);
}

#[test]
fn a_disowned_login_takes_back_the_address_that_it_changed() {
    let world = world(&[]);
    world.register(ADA);
    world.log_in_from(
        "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0",
        ADA,
        PASSWORD,
    );
    let mut thief = world.log_in_from("curl/8.0", ADA, PASSWORD);
    let disown = world.token_to(ADA, "disown-login");
    let confirm = world.change_email(&mut thief, "thief@example.net");
    let path = "/api/account/email/confirm";
    assert_eq!(world.post(path, json!({"token": confirm})).status, 204);
    // The owner opens the mail about the login, not the one about the address.
    let path = "/api/recovery/disown-login";
    assert_eq!(world.post(path, json!({"token": disown})).status, 204);
    assert_eq!(world.value("SELECT email FROM users"), ADA);
    assert_eq!(world.count("resting_addresses"), "0");
    let reset = world.token_to(ADA, "reset-password");
    assert_eq!(world.reset(&reset, NEW_PASSWORD).status, 204);
    // An address that its owner has changed is not taken back by a login that came later.
    let mut ada = world.log_in_from("okhttp/5.1", ADA, NEW_PASSWORD);
    let body = json!({"email": "ada@new.example", "currentPassword": NEW_PASSWORD});
    let answer = world.call(&mut ada, (Method::POST, "/api/account/email"), Some(body));
    assert_eq!(answer.status, 202);
    let confirm = world.token_to("ada@new.example", "confirm-email");
    let path = "/api/account/email/confirm";
    assert_eq!(world.post(path, json!({"token": confirm})).status, 204);
    world.log_in_from("Wget/1.21", "ada@new.example", NEW_PASSWORD);
    let disown = world.token_to("ada@new.example", "disown-login");
    let path = "/api/recovery/disown-login";
    assert_eq!(world.post(path, json!({"token": disown})).status, 204);
    assert_eq!(world.value("SELECT email FROM users"), "ada@new.example");
}

#[test]
fn a_reset_spends_the_way_back_to_an_address_that_nobody_had_proven() {
    let world = world(&[]);
    let mut stranger = world.person("stranger@example.net");
    let confirm = world.change_email(&mut stranger, ADA);
    let path = "/api/account/email/confirm";
    assert_eq!(world.post(path, json!({"token": confirm})).status, 204);
    let undo = world.token_to("stranger@example.net", "undo-email");
    world.forgot(ADA);
    let reset = world.token_to(ADA, "reset-password");
    assert_eq!(world.reset(&reset, NEW_PASSWORD).status, 204);
    let answer = world.post("/api/recovery/undo-email", json!({"token": undo}));
    assert_eq!(answer.code(), "invalid_link");
    assert_eq!(world.value("SELECT email FROM users"), ADA);
}

#[test]
fn what_an_operator_sets_by_hand_outlives_every_link() {
    for change in ["email = 'by-hand@example.org'", "password_hash = NULL"] {
        let world = world(&[]);
        world.person(ADA);
        world.forgot(ADA);
        world.ports.background.is_dropped.set(true);
        world.forgot(ADA);
        assert_eq!(world.count("outbox"), "1");
        world.sql(&format!("UPDATE users SET {change}"));
        assert_eq!(world.count("one_time_tokens"), "0", "{change}");
        assert_eq!(world.count("outbox"), "0", "{change}");
    }
}

#[test]
fn activity_does_not_tell_whether_another_address_is_taken() {
    let world = world(&[]);
    let mut ada = world.person(ADA);
    world.person("eve@example.org");
    let mut told = |email: Option<&str>| {
        if let Some(email) = email {
            let body = json!({"email": email, "currentPassword": PASSWORD});
            let answer = world.call(&mut ada, (Method::POST, "/api/account/email"), Some(body));
            assert_eq!(answer.status, 202);
        }
        let activity = world.call(&mut ada, (Method::GET, "/api/account/activity"), None);
        activity.body["events"].as_array().unwrap().len()
    };
    let before = told(None);
    let free = told(Some("free@example.org"));
    let taken = told(Some("eve@example.org"));
    assert_eq!((free - before, taken - free), (0, 0));
}

#[test]
fn a_deactivated_account_is_neither_taken_back_nor_told() {
    let world = world(&[]);
    world.register(ADA);
    world.log_in_from("okhttp/5.1", ADA, PASSWORD);
    let mut ada = world.log_in_from("curl/8.0", ADA, PASSWORD);
    let disown = world.token_to(ADA, "disown-login");
    let confirm = world.change_email(&mut ada, "ada@new.example");
    let path = "/api/account/email/confirm";
    assert_eq!(world.post(path, json!({"token": confirm})).status, 204);
    let undo = world.token_to(ADA, "undo-email");
    let mut eve = world.person("eve@example.org");
    world.sql("UPDATE users SET is_active = 0 WHERE email = 'ada@new.example'");
    for (path, token) in [
        ("/api/recovery/undo-email", undo),
        ("/api/recovery/disown-login", disown),
    ] {
        let answer = world.post(path, json!({"token": token}));
        assert_eq!(answer.code(), "invalid_link", "{path}");
    }
    let mails = world.mails().len();
    let body = json!({"email": "ada@new.example", "currentPassword": PASSWORD});
    let answer = world.call(&mut eve, (Method::POST, "/api/account/email"), Some(body));
    assert_eq!((answer.status, world.mails().len()), (202, mails));
}

#[test]
fn an_address_that_is_set_by_hand_is_not_proven() {
    let world = world(&[]);
    world.person(ADA);
    world.sql("UPDATE users SET email_verified_at = 1, trace = '{\"at\":1}'");
    world.sql("UPDATE users SET email = 'by-hand@example.org'");
    assert_eq!(
        world.value("SELECT email_verified_at IS NULL FROM users"),
        "1"
    );
}

#[test]
fn an_address_that_another_user_has_by_now_is_not_confirmed() {
    let world = world(&[]);
    let mut ada = world.person(ADA);
    let confirm = world.change_email(&mut ada, "wanted@example.org");
    assert_eq!(world.register("wanted@example.org").status, 201);
    let answer = world.post("/api/account/email/confirm", json!({"token": confirm}));
    assert_eq!((answer.status, answer.code()), (410, "invalid_link"));
}

#[test]
fn a_password_that_changes_meanwhile_asks_for_no_other_address() {
    let world = world(&[]);
    let mut ada = world.person(ADA);
    let change = "UPDATE users SET password_version = 2, trace = '{\"at\":1}'".to_owned();
    *world.ports.store.meanwhile.borrow_mut() = Some(("issue confirmation", change));
    let body = json!({"email": "ada@new.example", "currentPassword": PASSWORD});
    let answer = world.call(&mut ada, (Method::POST, "/api/account/email"), Some(body));
    assert_eq!((answer.status, answer.code()), (401, "invalid_token"));
    assert_eq!(world.mails().len(), 0);
}

#[test]
fn a_session_that_ends_meanwhile_asks_for_no_other_address() {
    let now = "(SELECT max(created_at) FROM sessions)";
    for change in [
        "UPDATE sessions SET ended_at = 1, end_reason = 'revoked' WHERE id = '{own}'".to_owned(),
        format!("UPDATE sessions SET idle_expires_at = {now} WHERE id = '{{own}}'"),
        "UPDATE sessions SET user_id = (SELECT id FROM users WHERE email = 'eve@example.org')"
            .to_owned(),
    ] {
        let world = world(&[]);
        let mut ada = world.person(ADA);
        let own = world.value("SELECT id FROM sessions");
        world.register("eve@example.org");
        // Another session of Ada lives.
        assert_eq!(world.log_in(&mut Client::default(), ADA).status, 204);
        let change = change.replace("{own}", &own);
        *world.ports.store.meanwhile.borrow_mut() = Some(("issue confirmation", change));
        let body = json!({"email": "ada@new.example", "currentPassword": PASSWORD});
        let answer = world.call(&mut ada, (Method::POST, "/api/account/email"), Some(body));
        assert_eq!((answer.status, world.mails().len()), (401, 0));
    }
}
