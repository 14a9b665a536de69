//! Mails: who gets one, how many, and what becomes of one that does not leave.

use http::{Method, Request};
use serde_json::{Value, json};

use super::{ADA, NEW_PASSWORD, world};
use crate::domain::credential::one_time::{Nonce, OneTimeToken, Purpose};
use crate::domain::id::UserId;
use crate::ports::NotSent;
use crate::server::tests::{BASE, PASSWORD, World};
use crate::service::outbox::deliver_due;
use crate::testing::mail::Fate;
use crate::web::request::Country;

#[test]
fn known_and_unknown_addresses_get_the_same_bytes_after_the_same_statements() {
    let world = world(&[]);
    world.person(ADA);
    let mut seen = Vec::new();
    for email in [ADA, "nobody@example.org"] {
        world.ports.store.ran.borrow_mut().clear();
        world.round_trips();
        world.ports.background.is_dropped.set(true);
        let answer = world.forgot(email);
        assert_eq!(world.round_trips(), 1);
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        let ran = world.ports.store.ran.borrow().clone();
        seen.push((answer.status, answer.bytes, headers, ran));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].0, 202);
    assert_eq!(world.count("outbox"), "1");
}

#[test]
fn a_changed_password_is_told() {
    let world = world(&[]);
    let mut client = world.person(ADA);
    let body = json!({"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD});
    let answer = world.call(
        &mut client,
        (Method::PATCH, "/api/account/password"),
        Some(body),
    );
    assert_eq!(answer.status, 204);
    let mails = world.mails();
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, ADA));
}

#[test]
fn a_change_is_told_with_its_device_and_country() {
    let world = world(&[]);
    let mut ada = world.person(ADA);
    let confirm = world.change_email(&mut ada, "ada@new.example");
    let sent = |method: Method, path: &str, agent: Option<&str>, body: Value| {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"))
            .header("Content-Type", "application/json")
            .extension(Country("FR".to_owned()));
        for (name, value) in [
            ("Cookie", ada.cookie_line().as_deref()),
            ("User-Agent", agent),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let body = serde_json::to_vec(&body).unwrap();
        let answer = world.send(request.body(body).unwrap());
        assert_eq!(answer.status, 204, "{}", answer.body);
        let told = world.mails().pop().unwrap();
        assert!(told.text.contains("Country: FR"), "{}", told.text);
        (told.to, told.text)
    };
    let path = "/api/account/email/confirm";
    let (to, text) = sent(
        Method::POST,
        path,
        Some("curl/8.0"),
        json!({"token": confirm}),
    );
    assert_eq!(to, ADA);
    assert!(text.contains("Device: curl\n"), "{text}");
    let path = "/api/account/password";
    let body = json!({"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD});
    let (_, text) = sent(Method::PATCH, path, Some("okhttp/5.1"), body);
    assert!(text.contains("Device: Android app\n"), "{text}");
    for agent in [Some("Wget/1.21"), None] {
        world.forgot("ada@new.example");
        let reset = world.token_to("ada@new.example", "reset-password");
        let body = json!({"token": reset, "newPassword": PASSWORD});
        let (_, text) = sent(Method::POST, "/api/recovery/reset", agent, body);
        assert_eq!(text.contains("Device: Wget\n"), agent.is_some(), "{text}");
        assert_eq!(text.contains("Device"), agent.is_some(), "{text}");
    }
}

#[test]
fn a_mail_that_does_not_leave_is_tried_again_under_the_same_id() {
    let world = world(&[]);
    world.person(ADA);
    world.ports.mailer.then(Fate::AnswerLost);
    world
        .ports
        .mailer
        .then(Fate::Fails(NotSent::Later("down".to_owned())));
    assert_eq!(world.forgot(ADA).status, 202);
    let due = || {
        world.ports.timer.now.set(world.now.get());
        pollster::block_on(deliver_due(&world.ports, &world.service)).unwrap()
    };
    assert_eq!(due(), 0, "the request still has it");
    world.pass(60);
    assert_eq!(due(), 1);
    assert_eq!(due(), 0, "not at once again");
    world.pass(120);
    assert_eq!(due(), 1);
    assert_eq!(world.count("outbox"), "0");
    let mails = world.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0], mails[1], "the same id, and the same link");
}

#[test]
fn a_mail_is_given_up_after_a_day_or_a_refusal_and_the_person_does_not_learn_of_it() {
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    let world = world(&[("TRUSTED_FRONT_END_KEY", KEY)]);
    world.person(ADA);
    world
        .ports
        .mailer
        .then(Fate::Fails(NotSent::Refused("suppressed".to_owned())));
    assert_eq!(world.forgot(ADA).status, 202);
    assert_eq!(
        world.value("SELECT given_up_at IS NOT NULL AND nonce IS NULL FROM outbox"),
        "1"
    );
    world
        .ports
        .mailer
        .then(Fate::Fails(NotSent::Later("down".to_owned())));
    assert_eq!(world.forgot(ADA).status, 202);
    // Its link would be dead on arrival.
    world.pass(3_600);
    world.ports.timer.now.set(world.now.get());
    pollster::block_on(deliver_due(&world.ports, &world.service)).unwrap();
    assert!(world.mails().is_empty());
    assert_eq!(
        world.value("SELECT count(*) FROM outbox WHERE given_up_at IS NOT NULL"),
        "2"
    );
    // Operators see the counts, and strangers nothing that a mail of theirs changes.
    let ready = |key: Option<&str>| {
        let mut request = Request::builder().uri(format!("{BASE}/ready"));
        if let Some(key) = key {
            request = request.header("X-Front-End-Key", key);
        }
        world.send(request.body(Vec::new()).unwrap()).body
    };
    let counts = json!({"waiting": 0, "givenUp": 2});
    assert_eq!(ready(Some(KEY)), json!({"status": "ok", "mail": counts}));
    for key in [None, Some("0123456789abcdef0123456789abcdeF")] {
        assert_eq!(ready(key), json!({"status": "ok"}), "{key:?}");
    }
    let log = world.ports.log.0.borrow();
    let given_up = log
        .iter()
        .filter(|line| line.to_string().contains("mail.given_up"));
    assert_eq!(given_up.count(), 2);
    assert!(
        !log.iter()
            .any(|line| line.to_string().contains("example.org"))
    );
}

#[test]
fn mails_of_one_kind_do_not_use_up_those_of_another() {
    let world = world(&[]);
    world.person(ADA);
    for _ in 0..4 {
        let body = json!({"email": ADA});
        let answer = world.post("/api/account/verify-email/resend", body);
        assert_eq!(answer.status, 202);
    }
    assert_eq!(world.mails().len(), 3);
    assert_eq!(world.forgot(ADA).status, 202);
    // Whoever has used up the mails has left a link that works until more may be sent.
    let token = world.token_to(ADA, "reset-password");
    world.pass(3_599);
    assert_eq!(world.reset(&token, NEW_PASSWORD).status, 204);
}

#[test]
fn notices_to_an_address_that_nobody_has_proven_are_counted() {
    let world = world(&[]);
    world.register(ADA);
    for (number, agent) in [
        "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0",
        "curl/8.0",
        "Wget/1.21",
        "okhttp/5.1",
        "python-requests/2.32",
        "Dart/3.9 (dart:io)",
    ]
    .into_iter()
    .enumerate()
    {
        world.log_in_from(agent, ADA, PASSWORD);
        assert_eq!(world.mails().len(), number.min(3), "{agent}");
    }
    let disown = world.token_to(ADA, "disown-login");
    let path = "/api/recovery/disown-login";
    assert_eq!(world.post(path, json!({"token": disown})).status, 204);
}

#[test]
fn a_row_that_cannot_be_read_keeps_no_other_mail_back() {
    let world = world(&[]);
    world.person(ADA);
    world.ports.background.is_dropped.set(true);
    world.forgot(ADA);
    world.sql(
        "INSERT INTO outbox (id, user_id, kind, email, language, facts, created_at, next_try_at, tries)
         SELECT '0', user_id, 'of_tomorrow', email, language, facts, created_at, next_try_at, tries FROM outbox",
    );
    world.pass(60);
    world.ports.timer.now.set(world.now.get());
    pollster::block_on(deliver_due(&world.ports, &world.service)).unwrap();
    assert_eq!(world.mails().len(), 1);
    let log = world.ports.log.0.borrow();
    assert!(
        log.iter()
            .any(|line| line.to_string().contains("mail.unreadable"))
    );
}

#[test]
fn without_mail_the_routes_say_so() {
    let world = World::new(&[]);
    let mut client = world.person(ADA);
    let answer = world.forgot(ADA);
    assert_eq!((answer.status, answer.code()), (501, "mail_off"));
    let user = UserId::parse(&world.value("SELECT id FROM users")).unwrap();
    let secret = Nonce::from_random([1; 32]).secret(&[2; 32], Purpose::ResetPassword);
    let token = OneTimeToken { user, secret }.expose();
    assert_eq!(world.reset(&token, NEW_PASSWORD).code(), "mail_off");
    let body = json!({"email": "a@b.example", "currentPassword": PASSWORD});
    let answer = world.call(
        &mut client,
        (Method::POST, "/api/account/email"),
        Some(body),
    );
    assert_eq!(answer.code(), "mail_off");
    assert_eq!(world.count("mail_counts"), "0");
}
