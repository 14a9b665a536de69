//! Mails, and the links in them: what a person who lost the password does, and what a thief tries.

mod addresses;
mod between;
mod first_proof;
mod given_up;
mod incidents;
mod mail_login;
mod mail_login_alike;
mod mails;
mod revealed;

use http::{Method, Request};
use serde_json::{Value, json};

use super::{Answer, BASE, Client, PASSWORD, World};
use crate::testing::mail::SentMail;

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
fn a_client_whose_registrations_cannot_be_mailed_any_more_is_told_to_wait() {
    let world = world(&[("VERIFICATION", "required")]);
    for number in 0..10 {
        assert_eq!(world.register(&format!("{number}@example.org")).status, 202);
    }
    let rows = || {
        (
            world.count("users"),
            world.count("outbox"),
            world.mails().len(),
        )
    };
    let before = rows();
    let counted = "SELECT failures FROM attempts WHERE account = 'registrations'";
    for email in ["0@example.org", "free@example.org"] {
        let answer = world.register(email);
        assert_eq!((answer.status, answer.code()), (429, "too_many_requests"));
        assert_eq!(answer.header("retry-after"), Some("3600"));
        assert_eq!(rows(), before, "{email}");
        assert_eq!(world.value(counted), "10", "nor does it use the hour up");
    }
    world.pass(3_600);
    assert_eq!(world.register("free@example.org").status, 202);
    // Where an account works without the proof, a registration does.
    let world = self::world(&[("VERIFICATION", "optional")]);
    for number in 0..11 {
        assert_eq!(world.register(&format!("{number}@example.org")).status, 201);
    }
    assert_eq!(world.mails().len(), 10);
}

#[test]
fn a_full_hour_does_not_tell_whether_an_address_is_taken_where_proof_is_required() {
    let world = world(&[
        ("VERIFICATION", "required"),
        ("REGISTRATIONS_PER_HOUR", "1"),
    ]);
    assert_eq!(world.register(ADA).status, 202);
    for email in [ADA, "free@example.org"] {
        assert_eq!(world.register(email).status, 429, "{email}");
    }
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
