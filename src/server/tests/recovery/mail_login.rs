//! Logging in by mail: in the browser that asked, once, with few tries.

use http::Method;
use serde_json::{Value, json};

use super::{ADA, World};
use crate::server::tests::{Answer, Client, PASSWORD};
use crate::testing::sqlite::{Fault, Planned};

pub(super) const REQUEST: &str = "/api/account/login/mail";
const CONFIRM: &str = "/api/account/login/confirm";
/// Ada is proven, and the table of requests is read as it is.
pub(super) const PROVEN: &str = "UPDATE users SET email_verified_at = 1";

pub(super) fn world(how: &str) -> World {
    super::world(&[("MAIL_LOGIN", how)])
}

impl World {
    pub(super) fn ask(&self, client: &mut Client, email: &str) {
        let body = json!({"email": email});
        let answer = self.call(client, (Method::POST, REQUEST), Some(body));
        assert_eq!((answer.status, answer.bytes), (202, 0), "{}", answer.body);
    }

    pub(super) fn present(&self, client: &mut Client, text: &str) -> Answer {
        let body = json!({"token": text});
        self.call(client, (Method::POST, CONFIRM), Some(body))
    }

    /// The code in the last mail to Ada.
    pub(super) fn code(&self) -> String {
        let mails = self.mails();
        let mail = mails.iter().rev().find(|mail| mail.to == ADA).unwrap();
        let (_, rest) = mail.text.split_once("Code: ").unwrap();
        rest[..6].to_owned()
    }

    /// Registers Ada, asks for a code, and returns it with the browser that asked.
    pub(super) fn asked(&self) -> (Client, String) {
        self.register(ADA);
        self.sql(PROVEN);
        let mut browser = Client::default();
        self.ask(&mut browser, ADA);
        (browser, self.code())
    }
}

/// Another code than this one.
fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[test]
fn a_link_logs_in_once_and_in_the_browser_that_asked_alone() {
    let world = world("link");
    world.register(ADA);
    world.sql(PROVEN);
    let mut browser = Client::default();
    world.ask(&mut browser, ADA);
    let token = world.token_to(ADA, "login-link");
    // A stranger who has the mail, and has asked as well.
    let mut thief = Client::default();
    assert_eq!(world.present(&mut thief, &token).code(), "invalid_link");
    world.ask(&mut thief, "nobody@example.org");
    assert_eq!(world.present(&mut thief, &token).code(), "invalid_link");
    let answer = world.present(&mut browser, &token);
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert_eq!(answer.cookies().len(), 3);
    assert!(browser.login_request.is_none(), "the request is over");
    assert_eq!(world.profile(&browser).body["email"], ADA);
    assert_eq!(world.refresh(&mut browser).status, 204);
    assert_eq!(world.present(&mut browser, &token).code(), "invalid_link");
    assert_eq!(world.count("sessions"), "1");
    // The password is as before.
    assert_eq!(world.log_in_with(ADA, PASSWORD).status, 204);
}

#[test]
fn a_code_logs_in_and_ends_the_session_that_the_browser_had() {
    let world = world("code");
    let mut browser = world.person(ADA);
    world.sql(PROVEN);
    let before = browser.session();
    world.ask(&mut browser, " ADA@example.org ");
    let code = world.code();
    let answer = world.present(&mut browser, &code);
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert_ne!(browser.session(), before);
    let reasons = world
        .ports
        .store
        .query("SELECT end_reason FROM sessions WHERE ended_at IS NOT NULL");
    assert_eq!(reasons, [["replaced"]]);
    let told = world.audit();
    let expected = [
        "registered",
        "logged_in",
        "mail_queued login_code",
        "logged_in",
    ];
    assert!(
        expected
            .iter()
            .all(|event| told.contains(&(*event).to_owned())),
        "{told:?}"
    );
}

#[test]
fn an_issuance_has_five_tries_and_a_wrong_one_is_in_the_log() {
    let world = world("code");
    let (mut browser, code) = world.asked();
    for _ in 0..4 {
        assert_eq!(
            world.present(&mut browser, &wrong(&code)).code(),
            "invalid_link"
        );
    }
    let mut fifth = browser.clone();
    world.sql("CREATE TABLE kept AS SELECT * FROM login_requests");
    assert_eq!(world.present(&mut fifth, &code).status, 204);
    // Had the fifth been wrong as well, the right one would come too late.
    world.sql("INSERT INTO login_requests SELECT * FROM kept");
    assert_eq!(
        world.present(&mut browser, &wrong(&code)).code(),
        "invalid_link"
    );
    assert_eq!(world.present(&mut browser, &code).code(), "invalid_link");
    assert_eq!(world.value("SELECT tries FROM login_requests"), "5");
    let failed = "SELECT count FROM audit_log WHERE event = 'login_failed'";
    assert_eq!(world.value(failed), "5", "the sixth found no try left");
}

/// Two values of the cookie: one may have been planted by a sibling.
#[test]
fn two_requests_in_one_browser_are_none() {
    let world = world("code");
    let (browser, code) = world.asked();
    let mut both = Client {
        login_request: browser
            .login_request
            .map(|own| format!("{own}; __Host-login_request={}", "A".repeat(43))),
        ..Client::default()
    };
    assert_eq!(world.present(&mut both, &code).code(), "invalid_link");
}

/// With `COOKIE_DOMAIN` a sibling can set cookies for the domain, and none with the prefix `__Host-`.
#[test]
fn a_sibling_cannot_plant_its_own_request() {
    let world = super::world(&[("MAIL_LOGIN", "link"), ("COOKIE_DOMAIN", "example.org")]);
    world.register(ADA);
    world.sql(PROVEN);
    let mut browser = Client::default();
    world.ask(&mut browser, ADA);
    let token = world.token_to(ADA, "login-link");
    let own = browser.login_request.clone().unwrap();
    let with = |cookies: String| {
        let mut client = Client {
            login_request: Some(cookies),
            ..Client::default()
        };
        world.present(&mut client, &token)
    };
    let planted = format!("x; __Secure-login_request={own}");
    assert_eq!(with(planted).code(), "invalid_link");
    let answer = with(format!("{own}; __Secure-login_request=junk"));
    assert_eq!(answer.status, 204, "{}", answer.body);
    let deleted = answer
        .cookies()
        .into_iter()
        .filter(|line| line.starts_with("__Host-login_request=;"));
    assert_eq!(deleted.count(), 1);
}

/// Each try writes every request of its browser, and many clients can share a cookie.
#[test]
fn a_browser_has_ten_requests_at_once() {
    let world = world("code");
    let (mut browser, code) = world.asked();
    world.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8)
         INSERT INTO login_requests (browser, digest, email, expires_at)
         SELECT browser, digest || i, email, expires_at FROM login_requests, n;
         INSERT INTO login_requests (browser, digest, email, expires_at)
         SELECT 'another', digest || '?', email, expires_at FROM login_requests",
    );
    for _ in 0..2 {
        world.ask(&mut browser, "nobody@example.org");
        assert_eq!(
            world.count("login_requests"),
            "19",
            "nine are of another browser"
        );
    }
    assert_eq!(world.present(&mut browser, &code).status, 204);
    // Those that have expired make room.
    world.ask(&mut browser, "nobody@example.org");
    world.sql("UPDATE login_requests SET expires_at = 0");
    world.ask(&mut browser, "somebody@example.org");
    assert_eq!(world.count("login_requests"), "11");
}

/// A fourth request mails nothing: it must not make useless what was mailed before.
#[test]
fn asking_too_often_keeps_what_was_mailed() {
    let world = world("code");
    let (mut browser, first) = world.asked();
    let cookie = browser.login_request.clone();
    for _ in 0..4 {
        world.ask(&mut browser, ADA);
    }
    assert_eq!(world.mails().len(), 3);
    assert_eq!(browser.login_request, cookie);
    assert_eq!(world.present(&mut browser.clone(), &first).status, 204);
    // Every request of the browser is over.
    assert_eq!(world.count("login_requests"), "0");
}

#[test]
fn what_was_mailed_is_dead_after_each_change_of_the_account() {
    for (fact, change) in [
        (
            "it has expired",
            "UPDATE login_requests SET expires_at = expires_at - 600",
        ),
        ("she is deactivated", "UPDATE users SET is_active = 0"),
        ("she is deleted", "DELETE FROM users"),
        (
            "her password is another",
            "UPDATE users SET password_hash = 'x', trace = '{}', password_version = 2",
        ),
        (
            "her password is another, by hand",
            "UPDATE users SET password_hash = 'x'",
        ),
        (
            "her address is another",
            "UPDATE users SET email = 'b@example.org', trace = '{}'",
        ),
        (
            "her address is another, by hand",
            "UPDATE users SET email = 'b@example.org'",
        ),
        ("there is no request", "DELETE FROM login_requests"),
    ] {
        let world = world("code");
        let (mut browser, code) = world.asked();
        world.sql(change);
        let refused = world.present(&mut browser, &code);
        assert_eq!(
            (refused.code(), refused.cookies().len()),
            ("invalid_link", 0),
            "{fact}"
        );
        assert_eq!(world.count("sessions"), "0", "{fact}");
        // The same between the try and the session.
        let world = self::world("code");
        let (mut browser, code) = world.asked();
        let meanwhile = Some(("begin session by mail", change.to_owned()));
        *world.ports.store.meanwhile.borrow_mut() = meanwhile;
        let refused = world.present(&mut browser, &code);
        assert_eq!(
            (refused.code(), refused.cookies().len()),
            ("invalid_link", 0),
            "{fact}"
        );
        assert_eq!(world.count("sessions"), "0", "{fact}");
        assert!(world.ports.store.meanwhile.borrow().is_none());
        let rows = world.value("SELECT count(*) FROM login_requests WHERE tries = 1");
        let is_gone = ["deleted", "by hand", "no request"]
            .iter()
            .any(|part| fact.contains(part));
        assert_eq!(rows, if is_gone { "0" } else { "1" }, "{fact}");
    }
}

#[test]
fn a_request_expires_by_the_clock() {
    let world = world("code");
    let (mut browser, code) = world.asked();
    world.pass(599);
    assert_eq!(
        world.present(&mut browser.clone(), &wrong(&code)).status,
        410
    );
    world.pass(1);
    assert_eq!(world.present(&mut browser, &code).status, 410);
    assert_eq!(world.value("SELECT tries FROM login_requests"), "1");
}

#[test]
fn a_lost_answer_is_repeated_as_if_once() {
    for statement in [
        "keep login request",
        "count login try",
        "begin session by mail",
    ] {
        let world = world("code");
        world.register(ADA);
        world.sql(PROVEN);
        let how = Fault::Repeated;
        let mut browser = Client::default();
        world
            .ports
            .store
            .fault
            .set(Some(Planned { how, statement }));
        world.ask(&mut browser, ADA);
        let code = world.code();
        assert_eq!(world.present(&mut browser, &wrong(&code)).status, 410);
        assert_eq!(
            world.value("SELECT tries FROM login_requests"),
            "1",
            "{statement}"
        );
        world
            .ports
            .store
            .fault
            .set(Some(Planned { how, statement }));
        assert_eq!(
            world.present(&mut browser, &code).status,
            204,
            "{statement}"
        );
        assert_eq!(world.count("sessions"), "1");
        assert_eq!(world.count("login_requests"), "0");
        assert_eq!(world.mails().len(), 1);
    }
}

#[test]
fn a_strangers_requests_replace_nobody_elses_and_use_up_no_other_mail() {
    let world = world("code");
    let (mut browser, code) = world.asked();
    for _ in 0..5 {
        world.ask(&mut Client::default(), ADA);
    }
    assert_eq!(world.mails().len(), 3, "three an hour");
    assert_eq!(world.count("login_requests"), "3");
    assert_eq!(world.present(&mut browser, &code).status, 204);
    assert_eq!(world.count("login_requests"), "2");
    assert_eq!(world.forgot(ADA).status, 202);
    assert_eq!(world.mails().len(), 4);
}

#[test]
fn nobody_logs_in_by_mail_where_that_is_off() {
    let code = |settings: &[(&str, &str)], path: &str, body: Value| {
        let world = super::world(settings);
        world.register(ADA);
        let mut client = Client {
            login_request: Some("A".repeat(43)),
            ..Client::default()
        };
        let answer = world.call(&mut client, (Method::POST, path), Some(body));
        assert_eq!((answer.status, world.mails().len()), (501, 0));
        answer.code().to_owned()
    };
    for settings in [&[][..], &[("MAIL_LOGIN", "off")], &[("MAIL", "off")]] {
        assert_eq!(code(settings, REQUEST, json!({"email": ADA})), "mail_off");
        assert_eq!(
            code(settings, CONFIRM, json!({"token": "123456"})),
            "mail_off"
        );
    }
}
