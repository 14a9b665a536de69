//! Logging in by mail: in the browser that asked, once, with few tries.

use http::Method;
use serde_json::{Value, json};

use super::{ADA, NEW_PASSWORD, World};
use crate::server::tests::{Answer, Client, PASSWORD};
use crate::testing::sqlite::{Fault, Planned};

const REQUEST: &str = "/api/account/login/mail";
const CONFIRM: &str = "/api/account/login/confirm";
/// Ada is proven, and the table of requests is read as it is.
const PROVEN: &str = "UPDATE users SET email_verified_at = 1";

fn world(how: &str) -> World {
    super::world(&[("MAIL_LOGIN", how)])
}

impl World {
    fn ask(&self, client: &mut Client, email: &str) {
        let body = json!({"email": email});
        let answer = self.call(client, (Method::POST, REQUEST), Some(body));
        assert_eq!((answer.status, answer.bytes), (202, 0), "{}", answer.body);
    }

    fn present(&self, client: &mut Client, text: &str) -> Answer {
        let body = json!({"token": text});
        self.call(client, (Method::POST, CONFIRM), Some(body))
    }

    /// The code in the last mail to Ada.
    fn code(&self) -> String {
        let mails = self.mails();
        let mail = mails.iter().rev().find(|mail| mail.to == ADA).unwrap();
        let (_, rest) = mail.text.split_once("Code: ").unwrap();
        rest[..6].to_owned()
    }

    /// Registers Ada, asks for a code, and returns it with the browser that asked.
    fn asked(&self) -> (Client, String) {
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

/// CVE-2026-53516: who registered somebody else's address must not keep a way in.
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
