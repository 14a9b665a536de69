//! Every pair of round trips that a request makes one after the other, when a fact that the second
//! one depends on changes in between: the request is refused, and every table is as the change has
//! left it.

use http::Method;
use serde_json::json;

use super::{ADA, Answer, Client, NEW_PASSWORD, PASSWORD, World, mail_login, world};

/// What changes, and the SQL that changes it.
type Fact = (&'static str, &'static str);

/// The facts about Ada that every second round trip depends on.
const OF_THE_USER: &[Fact] = &[
    ("is deactivated", "UPDATE users SET is_active = 0"),
    (
        "has another password",
        "UPDATE users SET password_hash = 'x', password_version = 2",
    ),
    (
        "has another version of the password",
        "UPDATE users SET password_version = 2, trace = '{\"at\":1}'",
    ),
    ("is deleted", "DELETE FROM users"),
];
const OF_THE_SESSION: &[Fact] = &[
    (
        "has ended the session",
        "UPDATE sessions SET ended_at = 1, end_reason = 'revoked'",
    ),
    (
        "has a session that expired",
        "UPDATE sessions SET idle_expires_at = created_at",
    ),
    ("has no session", "DELETE FROM sessions"),
    (
        "has a session that is another user's",
        "INSERT INTO users (id, email, role_slug, created_at, updated_at)
         SELECT 'other', 'other@example.org', role_slug, 1, 1 FROM users;
         UPDATE sessions SET user_id = 'other'",
    ),
];
const OF_THE_LINK: &[Fact] = &[
    (
        "has another address",
        "UPDATE users SET email = 'x' || email",
    ),
    ("has used the link", "DELETE FROM one_time_tokens"),
    (
        "has a newer link",
        "UPDATE one_time_tokens SET digest = 'another'",
    ),
    (
        "has a link that expired",
        "UPDATE one_time_tokens SET expires_at = issued_at",
    ),
    (
        "has a link for another purpose",
        "UPDATE one_time_tokens SET purpose = 'undo-email'",
    ),
];
const OF_THE_REQUEST: &[Fact] = &[
    ("is deactivated", "UPDATE users SET is_active = 0"),
    (
        "has another password",
        "UPDATE users SET password_hash = 'x', password_version = 2",
    ),
    ("is deleted", "DELETE FROM users"),
    (
        "has another address",
        "UPDATE users SET email = 'x' || email",
    ),
    ("has used the request", "DELETE FROM login_requests"),
    (
        "has a request that expired",
        "UPDATE login_requests SET expires_at = 1",
    ),
];

/// A request, its second round trip, and how it is refused.
struct Pair {
    what: &'static str,
    /// A statement of the second round trip.
    second: &'static str,
    prepare: fn() -> Prepared,
    act: fn(&mut Prepared) -> Answer,
    refused_as: &'static str,
    facts: &'static [&'static [Fact]],
    /// What the second round trip may change whatever it finds.
    changes_anyway: &'static [&'static str],
}

/// A world in which the request would succeed.
struct Prepared {
    world: World,
    client: Client,
    /// What was mailed.
    token: String,
}

const PAIRS: [Pair; 6] = [
    Pair {
        what: "a login",
        second: "begin session",
        prepare: with_session,
        act: |at| at.world.log_in(&mut at.client, ADA),
        refused_as: "invalid_credentials",
        facts: &[OF_THE_USER],
        changes_anyway: &[],
    },
    Pair {
        what: "a change of the password",
        second: "replace password",
        prepare: with_session,
        act: |at| {
            let body = json!({"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD});
            let route = (Method::PATCH, "/api/account/password");
            at.world.call(&mut at.client, route, Some(body))
        },
        refused_as: "invalid_token",
        facts: &[OF_THE_USER, OF_THE_SESSION],
        changes_anyway: &[],
    },
    Pair {
        what: "a change of the address",
        second: "issue confirmation",
        prepare: with_session,
        act: |at| {
            let body = json!({"currentPassword": PASSWORD, "email": "ada@new.example"});
            let route = (Method::POST, "/api/account/email");
            at.world.call(&mut at.client, route, Some(body))
        },
        refused_as: "invalid_token",
        facts: &[OF_THE_USER, OF_THE_SESSION],
        changes_anyway: &[],
    },
    Pair {
        what: "a reset",
        second: "reset password",
        prepare: with_reset_link,
        act: |at| at.world.reset(&at.token, NEW_PASSWORD),
        refused_as: "invalid_link",
        facts: &[OF_THE_USER, OF_THE_LINK],
        changes_anyway: &[],
    },
    Pair {
        what: "a login by mail",
        second: "begin session by mail",
        prepare: with_login_mail,
        act: |at| at.world.present(&mut at.client, &at.token),
        refused_as: "invalid_link",
        facts: &[OF_THE_REQUEST],
        changes_anyway: &[],
    },
    Pair {
        what: "a login before the proof, which mails the link again",
        second: "issue verification",
        prepare: unproven,
        act: |at| at.world.log_in(&mut at.client, ADA),
        refused_as: "invalid_credentials",
        facts: &[&[
            ("is deactivated", "UPDATE users SET is_active = 0"),
            ("is deleted", "DELETE FROM users"),
            (
                "has another address",
                "UPDATE users SET email = 'x' || email",
            ),
            ("is proven", "UPDATE users SET email_verified_at = 1"),
        ]],
        // Whether or not anyone has the address.
        changes_anyway: &["mail_counts"],
    },
];

fn with_session() -> Prepared {
    let world = world(&[]);
    let client = world.person(ADA);
    Prepared {
        world,
        client,
        token: String::new(),
    }
}

fn with_reset_link() -> Prepared {
    let prepared = with_session();
    assert_eq!(prepared.world.forgot(ADA).status, 202);
    let token = prepared.world.token_to(ADA, "reset-password");
    Prepared { token, ..prepared }
}

fn with_login_mail() -> Prepared {
    let world = mail_login::world("code");
    let (client, token) = world.asked();
    Prepared {
        world,
        client,
        token,
    }
}

fn unproven() -> Prepared {
    let world = world(&[("VERIFICATION", "required")]);
    assert_eq!(world.register(ADA).status, 202);
    Prepared {
        world,
        client: Client::default(),
        token: String::new(),
    }
}

/// The tables, with the rows that a request may not have changed since it read them. Refusals are
/// added up in the audit log, whatever is refused.
fn tables(world: &World) -> Vec<(String, &'static str)> {
    let names = world.ports.store.query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'was_%' ORDER BY name",
    );
    let rows_of = |name: &str| match name {
        "audit_log" => "event NOT IN ('login_failed', 'wrong_current_password')",
        _ => "TRUE",
    };
    let names = names.into_iter().flatten();
    names.map(|name| (name.clone(), rows_of(&name))).collect()
}

/// Copies every table after a change.
fn and_copy(change: &str, world: &World) -> String {
    let copies = tables(world).into_iter().map(|(table, rows)| {
        format!("CREATE TABLE was_{table} AS SELECT * FROM {table} WHERE {rows};")
    });
    format!("{change};{}", copies.collect::<String>())
}

#[test]
fn a_request_is_refused_when_what_it_has_read_changes_and_no_row_changes_with_it() {
    for pair in &PAIRS {
        let facts: Vec<&Fact> = pair.facts.iter().copied().flatten().collect();
        assert!(!facts.is_empty());
        for (fact, change) in facts {
            let what = format!("{}, while Ada {fact}", pair.what);
            let mut prepared = (pair.prepare)();
            let change = and_copy(change, &prepared.world);
            *prepared.world.ports.store.meanwhile.borrow_mut() = Some((pair.second, change));
            prepared.world.ports.mailer.sent.borrow_mut().clear();
            let answer = (pair.act)(&mut prepared);
            let Prepared { world, .. } = prepared;
            assert!(
                world.ports.store.meanwhile.borrow().is_none(),
                "{what}: not asked"
            );
            assert_eq!(answer.code(), pair.refused_as, "{what}");
            assert!(world.mails().is_empty(), "{what}");
            for (table, rows) in tables(&world) {
                if pair.changes_anyway.contains(&table.as_str()) {
                    continue;
                }
                let now = world
                    .ports
                    .store
                    .query(&format!("SELECT * FROM {table} WHERE {rows}"));
                let was = world
                    .ports
                    .store
                    .query(&format!("SELECT * FROM was_{table}"));
                assert_eq!(now, was, "{what}: {table}");
            }
        }
    }
}

#[test]
fn each_of_these_requests_succeeds_when_nothing_changes() {
    for pair in &PAIRS {
        let mut prepared = (pair.prepare)();
        let change = and_copy("", &prepared.world);
        *prepared.world.ports.store.meanwhile.borrow_mut() = Some((pair.second, change));
        prepared.world.ports.mailer.sent.borrow_mut().clear();
        let answer = (pair.act)(&mut prepared);
        let Prepared { world, .. } = prepared;
        let is_mail = pair.second == "issue verification";
        assert_eq!(
            answer.status >= 400,
            is_mail,
            "{}: {}",
            pair.what,
            answer.body
        );
        let changed = tables(&world).into_iter().filter(|(table, rows)| {
            let now = world
                .ports
                .store
                .query(&format!("SELECT * FROM {table} WHERE {rows}"));
            now != world
                .ports
                .store
                .query(&format!("SELECT * FROM was_{table}"))
        });
        assert!(changed.count() > 0, "{}", pair.what);
    }
}

/// The user can have five earlier addresses again: the right password, and no budget of an address.
#[test]
fn a_change_of_the_address_that_must_wait_counts_no_mail() {
    let mut prepared = with_session();
    let world = &prepared.world;
    let undo = (1..=5).map(|number| {
        format!(
            "INSERT INTO one_time_tokens (user_id, purpose, ordinal, digest, email, is_proven, issued_at, expires_at)
             SELECT id, 'undo-email', {number}, 'digest {number}', 'x', 1, 1, 9999999999 FROM users;"
        )
    });
    let change = undo.collect::<String>();
    *world.ports.store.meanwhile.borrow_mut() = Some(("issue confirmation", change));
    let body = json!({"currentPassword": PASSWORD, "email": "ada@new.example"});
    let route = (Method::POST, "/api/account/email");
    let answer = world.call(&mut prepared.client, route, Some(body));
    assert_eq!(answer.code(), "too_many_requests");
    assert_eq!(world.value("SELECT count(*) FROM mail_counts"), "0");
    let failures = "SELECT count(*) FROM attempts WHERE account <> 'registrations'";
    assert_eq!(world.value(failures), "0");
}
