//! Mails, and the links in them: what a person who lost the password does, and what a thief tries.
//!
//! The numbers are those of the incidents of 2026 that new features walk into (docs/security.md).

use http::{Method, Request};
use serde_json::{Value, json};

use super::{Answer, BASE, Client, PASSWORD, World};
use crate::domain::credential::one_time::{Nonce, OneTimeToken, Purpose};
use crate::domain::id::UserId;
use crate::ports::NotSent;
use crate::service::outbox::deliver_due;
use crate::testing::mail::{Fate, SentMail};

const ADA: &str = "ada@example.org";
const NEW_PASSWORD: &str = "a new horse, correct";

fn world(more: &[(&str, &str)]) -> World {
    let mail = [
        ("MAIL", "binding"),
        ("EMAIL", "bound"),
        ("MAIL_FROM", "auth@example.org"),
    ];
    World::new(&[&mail, more].concat())
}

impl World {
    fn post(&self, path: &str, body: Value) -> Answer {
        self.call(&mut Client::default(), (Method::POST, path), Some(body))
    }

    fn forgot(&self, email: &str) -> Answer {
        self.post("/api/recovery/forgot", json!({"email": email}))
    }

    fn reset(&self, token: &str, password: &str) -> Answer {
        let body = json!({"token": token, "newPassword": password});
        self.post("/api/recovery/reset", body)
    }

    fn log_in_with(&self, email: &str, password: &str) -> Answer {
        let body = json!({"username": email, "password": password});
        self.post("/api/account/login", body)
    }

    /// Logs in with this program, which decides the label of the device.
    fn log_in_from(&self, agent: &str, email: &str, password: &str) -> Client {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{BASE}/api/account/login"))
            .header("Content-Type", "application/json")
            .header("User-Agent", agent);
        let body = json!({"username": email, "password": password});
        let answer = self.send(request.body(serde_json::to_vec(&body).unwrap()).unwrap());
        assert_eq!(answer.status, 204, "{}", answer.body);
        let mut client = Client::default();
        client.keep(&answer);
        client
    }

    /// Asks for another address, and returns the token of the link.
    fn change_email(&self, client: &mut Client, email: &str) -> String {
        let body = json!({"email": email, "currentPassword": PASSWORD});
        let answer = self.call(client, (Method::POST, "/api/account/email"), Some(body));
        assert_eq!(answer.status, 202, "{}", answer.body);
        self.token_to(email, "confirm-email")
    }

    fn mails(&self) -> Vec<SentMail> {
        self.ports.mailer.sent.borrow().clone()
    }

    /// The token of the last mail to an address.
    fn token_to(&self, email: &str, purpose: &str) -> String {
        let mails = self.mails();
        let mail = mails.iter().rev().find(|mail| mail.to == email);
        let mail = mail.unwrap_or_else(|| panic!("no mail to {email}"));
        token_in(&mail.text, purpose).unwrap_or_else(|| panic!("{}", mail.text))
    }

    fn audit(&self) -> Vec<String> {
        let rows = self
            .ports
            .store
            .query("SELECT event, reason FROM audit_log WHERE user_id <> '' ORDER BY user_id, id");
        rows.into_iter()
            .map(|row| row.join(" ").replace(" NULL", ""))
            .collect()
    }

    fn count(&self, table: &str) -> String {
        self.value(&format!("SELECT count(*) FROM {table}"))
    }
}

fn token_in(text: &str, purpose: &str) -> Option<String> {
    let mark = format!("{BASE}/link#{purpose}=");
    let (_, rest) = text.split_once(&mark)?;
    let end = rest.find(|character: char| character.is_whitespace());
    Some(rest[..end.unwrap_or(rest.len())].to_owned())
}

#[test]
fn a_forgotten_password_is_replaced_with_the_link_and_every_session_ends() {
    let world = world(&[]);
    let client = world.person(ADA);
    for _ in 0..3 {
        assert_eq!(world.log_in_with(ADA, "a wrong one").status, 401);
    }
    assert_eq!(world.forgot(" ADA@example.org").status, 202);
    let token = world.token_to(ADA, "reset-password");
    let answer = world.reset(&token, NEW_PASSWORD);
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert!(answer.cookies().iter().all(|line| line.contains("=;")));
    // Every session has ended, and the old password with them.
    assert_eq!(world.refresh(&mut client.clone()).status, 401);
    assert_eq!(world.log_in_with(ADA, PASSWORD).status, 401);
    assert_eq!(
        world.value("SELECT count(*) FROM attempts WHERE account LIKE 'a%' AND failures > 1"),
        "0"
    );
    assert_eq!(world.log_in_with(ADA, NEW_PASSWORD).status, 204);
    // The person hears of it, the address counts as proven, and the log tells how it happened.
    assert_eq!(world.mails().len(), 2);
    assert!(world.mails()[1].subject.contains("password"));
    assert_eq!(
        world.value("SELECT email_verified_at IS NOT NULL FROM users"),
        "1"
    );
    let told = world.audit();
    for event in [
        "mail_queued reset_password",
        "password_reset",
        "mail_queued password_changed",
    ] {
        assert!(told.contains(&event.to_owned()), "{told:?}");
    }
    // Nothing waits any more, and the database never had the token.
    assert_eq!(world.count("outbox"), "0");
}

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
fn a_link_expires_and_is_refused_like_one_that_never_was() {
    let world = world(&[]);
    world.person(ADA);
    world.forgot(ADA);
    let token = world.token_to(ADA, "reset-password");
    world.pass(3_600);
    let expired = world.reset(&token, NEW_PASSWORD);
    let invented = world.reset("no token", NEW_PASSWORD);
    let strip = |answer: &Answer| {
        let mut body = answer.body.clone();
        body["requestId"] = Value::Null;
        body
    };
    assert_eq!(strip(&expired), strip(&invented));
    assert_eq!(world.service.hasher.computed(), 2, "neither cost a hash");
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

#[test]
fn registering_does_not_tell_whether_an_address_is_taken_where_proof_is_required() {
    let world = world(&[("VERIFICATION", "required")]);
    let fresh = world.register(ADA);
    assert_eq!((fresh.status, fresh.bytes), (202, 0));
    // No session before the proof. The refusal does not show whether the registration was the first
    // one of its address, and a right password mails the link again.
    let wrong = world.log_in_with(ADA, "a wrong one");
    assert_eq!(world.mails().len(), 1);
    let right = world.log_in_with(ADA, PASSWORD);
    assert_eq!((right.status, right.code()), (401, wrong.code()));
    assert_eq!(right.bytes, wrong.bytes);
    let again = world.register(ADA);
    assert_eq!((again.status, again.bytes), (202, 0));
    let mails = world.mails();
    assert_eq!(mails.len(), 3);
    assert!(token_in(&mails[2].text, "verify-email").is_none());
    let token = token_in(&mails[1].text, "verify-email").unwrap();
    let answer = world.post("/api/account/verify-email", json!({"token": token}));
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert_eq!(world.log_in_with(ADA, PASSWORD).status, 204);
    let again = world.post("/api/account/verify-email", json!({"token": token}));
    assert_eq!(again.code(), "invalid_link");
    assert!(world.audit().contains(&"email_verified".to_owned()));
}

#[test]
fn a_verification_is_mailed_again_until_the_address_is_proven() {
    let world = world(&[("VERIFICATION", "required")]);
    world.register(ADA);
    let resend = |email: &str| {
        let body = json!({"email": email});
        world.post("/api/account/verify-email/resend", body).status
    };
    assert_eq!(resend(ADA), 202);
    assert_eq!(resend("nobody@example.org"), 202);
    assert_eq!(world.mails().len(), 2);
    let token = world.token_to(ADA, "verify-email");
    assert_eq!(
        world
            .post("/api/account/verify-email", json!({"token": token}))
            .status,
        204
    );
    assert_eq!(resend(ADA), 202);
    assert_eq!(world.mails().len(), 2, "it is proven");
}

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
    let mails = world.mails();
    let mut to_thief = mails.iter().filter(|mail| mail.to == "thief@example.net");
    assert!(to_thief.any(|mail| token_in(&mail.text, "confirm-email").is_some()));
    let told = to_thief.next().expect("the change is told, without a link");
    assert!(
        token_in(&told.text, "undo-email").is_none(),
        "{}",
        told.text
    );
    // Six days later the owner opens the first mail.
    world.pass(6 * 86_400);
    let answer = world.post("/api/recovery/undo-email", json!({"token": undo}));
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert_eq!(world.value("SELECT email FROM users"), ADA);
    assert_eq!(world.refresh(&mut thief).status, 401);
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
    let world = world(&[]);
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
    let ready = world.call(&mut Client::default(), (Method::GET, "/ready"), None);
    assert_eq!(
        ready.body,
        json!({"status": "ok", "mail": {"waiting": 0, "givenUp": 2}})
    );
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
fn a_deactivated_account_is_not_taken_back_and_its_activity_tells_no_other_addresses() {
    let world = world(&[]);
    let mut ada = world.person(ADA);
    world.person("eve@example.org");
    let mut told = Vec::new();
    for email in ["free@example.org", "eve@example.org"] {
        let body = json!({"email": email, "currentPassword": PASSWORD});
        let answer = world.call(&mut ada, (Method::POST, "/api/account/email"), Some(body));
        assert_eq!(answer.status, 202);
        let activity = world.call(&mut ada, (Method::GET, "/api/account/activity"), None);
        told.push(activity.body["events"].as_array().map(Vec::len));
    }
    assert_eq!(told[0], told[1]);
    let confirm = world.change_email(&mut ada, "ada@new.example");
    let path = "/api/account/email/confirm";
    assert_eq!(world.post(path, json!({"token": confirm})).status, 204);
    let undo = world.token_to(ADA, "undo-email");
    world.sql("UPDATE users SET is_active = 0 WHERE email = 'ada@new.example'");
    let answer = world.post("/api/recovery/undo-email", json!({"token": undo}));
    assert_eq!(answer.code(), "invalid_link");
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
