//! Requests with two round trips. Every fact that the second one depends on may change between
//! them. Each such change must be refused, and leave no row changed.

use http::Method;
use serde_json::json;

use super::{Answer, Client, PASSWORD, World};
use crate::testing::sqlite::{Fault, Planned};

/// The facts that the second round trip of a login or a password change depends on, and the SQL
/// that changes each of Ada's.
const CHANGES: [(&str, &str); 4] = [
    ("is deactivated", "UPDATE users SET is_active = 0"),
    (
        "has another password",
        "UPDATE users SET password_hash = 'x', password_version = 2",
    ),
    ("is deleted", "DELETE FROM users"),
    (
        "has the next password already",
        "UPDATE users SET password_version = 2",
    ),
];

/// The facts about the session that only a password change depends on, and the SQL that changes
/// each of Ada's.
const SESSION_CHANGES: [(&str, &str); 3] = [
    (
        "has ended",
        "UPDATE sessions SET ended_at = 1, end_reason = 'revoked'",
    ),
    ("has expired", "UPDATE sessions SET idle_expires_at = 0"),
    ("is gone", "DELETE FROM sessions"),
];

/// The stored rows of users and sessions, except what differs from world to world: the hash's salt,
/// and the times of a change by hand.
fn rows(world: &World) -> Vec<Vec<String>> {
    let store = &world.ports.store;
    let mut rows = store.query("SELECT name, password_version, is_active, updated_at FROM users");
    rows.extend(
        store.query("SELECT previous_jti, rotated_at, idle_expires_at, end_reason FROM sessions"),
    );
    rows
}

/// Runs `act` with `change` just before the batch with `statement`.
fn between(
    statement: &'static str,
    change: &str,
    act: impl Fn(&World, &mut Client) -> Answer,
) -> (World, Answer) {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    *world.ports.store.meanwhile.borrow_mut() = Some((statement, change.to_owned()));
    let answer = act(&world, &mut client);
    assert!(
        world.ports.store.meanwhile.borrow().is_none(),
        "{statement} did not run"
    );
    (world, answer)
}

fn change_password(world: &World, client: &mut Client) -> Answer {
    world.call(
        client,
        (Method::PATCH, "/api/account/password"),
        Some(json!({"currentPassword": PASSWORD, "newPassword": "battery staple"})),
    )
}

#[test]
fn a_login_is_refused_when_what_it_read_has_changed() {
    for (fact, change) in CHANGES {
        let (world, answer) = between("begin session", change, |world, _| {
            world.log_in(&mut Client::default(), "ada@example.org")
        });
        assert_eq!(answer.code(), "invalid_credentials", "Ada {fact}");
        assert!(answer.cookies().is_empty(), "Ada {fact}");
        // The only session is that of the first login; the failure still counts.
        let sessions = world.value("SELECT count(*) FROM sessions WHERE ended_at IS NULL");
        assert!(sessions == "0" || sessions == "1", "Ada {fact}: {sessions}");
        assert_eq!(
            world.value("SELECT sum(counted) FROM attempts"),
            "1",
            "Ada {fact}"
        );
        let told = world.value("SELECT count(*) FROM audit_log WHERE event = 'logged_in'");
        assert_eq!(told, "1", "Ada {fact}");
    }
}

#[test]
fn a_login_is_refused_when_the_address_is_not_proven_any_more() {
    let mails = [
        ("VERIFICATION", "required"),
        ("MAIL", "binding"),
        ("EMAIL", "bound"),
        ("MAIL_FROM", "auth@example.org"),
    ];
    for (changed, code) in [
        ("email_verified_at = NULL", "invalid_credentials"),
        ("name = 'Ada'", ""),
    ] {
        let world = World::new(&mails);
        world.register("ada@example.org");
        world.sql("UPDATE users SET email_verified_at = 1; DELETE FROM outbox");
        let change = format!("UPDATE users SET {changed}");
        *world.ports.store.meanwhile.borrow_mut() = Some(("begin session", change));
        let answer = world.log_in(&mut Client::default(), "ada@example.org");
        assert!(world.ports.store.meanwhile.borrow().is_none());
        assert_eq!(answer.code(), code, "{changed}");
        let is_refused = !code.is_empty();
        assert_eq!(answer.cookies().is_empty(), is_refused, "{changed}");
        for (query, begun) in [
            ("SELECT count(*) FROM sessions", "1"),
            ("SELECT count(*) FROM seen_logins", "1"),
            (
                "SELECT count(*) FROM audit_log WHERE event = 'logged_in'",
                "1",
            ),
        ] {
            let wanted = if is_refused { "0" } else { begun };
            assert_eq!(world.value(query), wanted, "{changed} {query}");
        }
        // The failure still counts.
        let failed =
            "SELECT coalesce(sum(counted), 0) FROM attempts WHERE account <> 'registrations'";
        let counted = if is_refused { "1" } else { "0" };
        assert_eq!(world.value(failed), counted, "{changed}");
    }
}

#[test]
fn a_change_of_password_is_refused_when_what_it_read_has_changed() {
    for (fact, change) in CHANGES.into_iter().chain(SESSION_CHANGES) {
        let (world, answer) = between("replace password", change, change_password);
        assert_eq!(answer.code(), "invalid_token", "{fact}");
        let hash = world
            .ports
            .store
            .query("SELECT count(*) FROM users WHERE password_version > 2");
        assert_eq!(hash, [["0"]], "{fact}");
        let by_service = world.value(
            "SELECT count(*) FROM audit_log WHERE event = 'password_changed' AND actor = 'user'",
        );
        assert_eq!(by_service, "0", "{fact}");
        assert_eq!(
            world.value("SELECT sum(counted) FROM attempts"),
            "1",
            "{fact}"
        );
    }
}

/// One statement decides, and sees every change before it.
#[test]
fn requests_of_one_round_trip_see_what_changed_before_them() {
    let name = json!({"name": "Ada"});
    let routes = [
        ("rename", Method::PATCH, "/api/account/profile", Some(name)),
        ("list sessions", Method::GET, "/api/account/sessions", None),
        ("list events", Method::GET, "/api/account/activity", None),
        (
            "end others",
            Method::DELETE,
            "/api/account/sessions?scope=others",
            None,
        ),
        (
            "end all",
            Method::DELETE,
            "/api/account/sessions?scope=all",
            None,
        ),
        ("rotate", Method::POST, "/api/account/refresh", None),
        ("read account", Method::GET, "/api/account/profile", None),
    ];
    for (fact, change) in CHANGES[..3].iter().chain(&SESSION_CHANGES) {
        for (statement, method, path, body) in routes.clone() {
            let (world, answer) = between(statement, change, |world, client| {
                world.call(client, (method.clone(), path), body.clone())
            });
            assert_eq!(answer.code(), "invalid_token", "{statement}: {fact}");
            let reference = World::new(&[]);
            reference.person("ada@example.org");
            reference.sql(change);
            assert_eq!(rows(&world), rows(&reference), "{statement}: {fact}");
            assert_eq!(
                world.value("SELECT count(*) FROM audit_log WHERE actor = 'user'"),
                "2",
                "{statement}: {fact}"
            );
        }
    }
}

#[test]
fn a_lost_answer_is_a_503_and_the_repetition_is_as_if_once() {
    for how in [Fault::BeforeCommit, Fault::AfterCommit] {
        let world = World::new(&[]);
        let mut client = world.person("ada@example.org");
        let fail = |statement| {
            let planned = Planned { how, statement };
            world.ports.store.fault.set(Some(planned));
        };
        fail("rotate");
        let answer = world.refresh(&mut client);
        assert_eq!((answer.code(), answer.cookies().len()), ("unavailable", 0));
        assert_eq!(world.refresh(&mut client).status, 204, "{how:?}");
        fail("end session");
        assert_eq!(world.log_out(&mut client.clone()).code(), "unavailable");
        assert_eq!(world.log_out(&mut client.clone()).status, 204, "{how:?}");
        assert_eq!(world.value("SELECT end_reason FROM sessions"), "logout");
        let told = world.value("SELECT count(*) FROM audit_log WHERE event = 'logged_out'");
        assert_eq!(told, "1", "{how:?}");
    }
}
