//! What an answer, or what still works afterwards, must not reveal; and who is told.

use http::{Method, Request};
use serde_json::json;

use super::{ADA, NEW_PASSWORD, World, token_in, world};
use crate::server::tests::{BASE, Client, PASSWORD};

const BE: &str = "be@example.org";
const CONFIRM: &str = "/api/account/email/confirm";

/// The answer to the link of an own address, after another one was asked for.
fn old_link_after_asking_for(is_taken: bool) -> u16 {
    let world = world(&[]);
    if is_taken {
        world.register("target@example.org");
    }
    let mut client = world.person(ADA);
    let own = world.change_email(&mut client, BE);
    let body = json!({"email": "target@example.org", "currentPassword": PASSWORD});
    let answer = world.call(
        &mut client,
        (Method::POST, "/api/account/email"),
        Some(body),
    );
    assert_eq!(answer.status, 202);
    world.post(CONFIRM, json!({"token": own})).status
}

#[test]
fn asking_for_another_address_ends_the_link_before_it_whoever_has_it() {
    assert_eq!([false, true].map(old_link_after_asking_for), [410, 410]);
}

/// How many mails a client may still cause after it has registered an address and logged in.
fn left_after_registering(is_taken: bool) -> usize {
    let world = world(&[("VERIFICATION", "required")]);
    if is_taken {
        let body = json!({"email": ADA, "password": NEW_PASSWORD});
        assert_eq!(world.post("/api/account/register", body).status, 202);
        world.pass(3_601);
    }
    assert_eq!(world.register(ADA).status, 202);
    assert_eq!(world.log_in_with(ADA, PASSWORD).status, 401);
    (0..12)
        .take_while(|n| world.forgot(&format!("x{n}@example.org")).status == 202)
        .count()
}

#[test]
fn the_share_of_a_client_does_not_show_whether_an_address_was_free() {
    assert_eq!(left_after_registering(false), left_after_registering(true));
}

#[test]
fn nobody_is_told_of_a_registration_that_a_full_hour_refuses() {
    let world = world(&[
        ("VERIFICATION", "required"),
        ("REGISTRATIONS_PER_HOUR", "1"),
    ]);
    assert_eq!(world.register(ADA).status, 202);
    let before = world.mails().len();
    for email in [ADA, BE] {
        assert_eq!(world.register(email).status, 429);
    }
    assert_eq!(
        (world.count("outbox").as_str(), world.mails().len()),
        ("0", before)
    );
}

/// The owner proves the address after a thief has asked for another one, and before the thief has it.
#[test]
fn a_proof_before_the_change_keeps_the_owners_way_back() {
    let world = world(&[("VERIFICATION", "optional")]);
    let mut thief = world.person(ADA);
    let verify = token_in(&world.mails()[0].text, "verify-email").unwrap();
    let confirm = world.change_email(&mut thief, BE);
    let verified = world.post("/api/account/verify-email", json!({"token": verify}));
    assert_eq!(verified.status, 204);
    assert_eq!(world.post(CONFIRM, json!({"token": confirm})).status, 204);
    let undo = world.token_to(ADA, "undo-email");
    world.forgot(BE);
    let reset = world.token_to(BE, "reset-password");
    assert_eq!(world.reset(&reset, NEW_PASSWORD).status, 204);
    let undone = world.post("/api/recovery/undo-email", json!({"token": undo}));
    assert_eq!(undone.status, 204);
    assert_eq!(world.value("SELECT email FROM users"), ADA);
}

/// A stranger has registered an address and left it: after the reset nothing is left of it.
#[test]
fn an_address_that_cannot_be_had_again_does_not_rest() {
    for by_mail in [false, true] {
        let world = world(&[("MAIL_LOGIN", "link")]);
        let mut stranger = world.person(ADA);
        world.log_in_from("curl/8.0", ADA, PASSWORD);
        let disown = world.token_to(ADA, "disown-login");
        let confirm = world.change_email(&mut stranger, BE);
        assert_eq!(world.post(CONFIRM, json!({"token": confirm})).status, 204);
        assert_eq!(world.register(ADA).status, 409, "it rests");
        world.sql("UPDATE users SET email_verified_at = NULL");
        if by_mail {
            let mut browser = Client::default();
            let path = "/api/account/login/mail";
            world.call(
                &mut browser,
                (Method::POST, path),
                Some(json!({"email": BE})),
            );
            let token = json!({"token": world.token_to(BE, "login-link")});
            let path = "/api/account/login/confirm";
            assert_eq!(
                world
                    .call(&mut browser, (Method::POST, path), Some(token))
                    .status,
                204
            );
        } else {
            world.forgot(BE);
            let reset = world.token_to(BE, "reset-password");
            assert_eq!(world.reset(&reset, NEW_PASSWORD).status, 204);
        }
        let disowned = world.post("/api/recovery/disown-login", json!({"token": disown}));
        assert_eq!(disowned.code(), "invalid_link", "{by_mail}");
        assert_eq!(world.count("resting_addresses"), "0");
        assert_eq!(world.register(ADA).status, 201, "{by_mail}");
    }
}

#[test]
fn wrong_codes_are_told_among_other_requests_of_the_browser() {
    for place in 0..9 {
        let world = world(&[("MAIL_LOGIN", "code")]);
        world.person(ADA);
        let mut browser = Client::default();
        for n in 0..9 {
            let email = if n == place {
                ADA.to_owned()
            } else {
                format!("nobody{n}@example.org")
            };
            let path = "/api/account/login/mail";
            world.call(
                &mut browser,
                (Method::POST, path),
                Some(json!({"email": email})),
            );
        }
        let path = "/api/account/login/confirm";
        let wrong = json!({"token": "000000"});
        assert_eq!(
            world
                .call(&mut browser, (Method::POST, path), Some(wrong))
                .status,
            410
        );
        let told = "SELECT count(*) FROM audit_log WHERE event = 'login_failed' AND user_id <> ''";
        assert_eq!(world.value(told), "1", "{place}");
    }
}

#[test]
fn a_gateway_does_not_pass_the_counts_of_mails_on_to_visitors() {
    let key = "k".repeat(40);
    let world: World = world(&[("TRUSTED_FRONT_END_KEY", &key)]);
    let body = |visitor: Option<&str>| {
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(format!("{BASE}/ready"))
            .header("X-Front-End-Key", &key);
        if let Some(visitor) = visitor {
            request = request.header("X-Visitor-Address", visitor);
        }
        world.send(request.body(Vec::new()).unwrap()).body
    };
    for visitor in ["203.0.113.7", "nonsense"] {
        assert_eq!(body(Some(visitor)), json!({"status": "ok"}));
    }
    assert_eq!(body(None)["mail"], json!({"waiting": 0, "givenUp": 0}));
}
