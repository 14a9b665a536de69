//! What the triggers record, and what they do not: changes without effect, changes with a request,
//! rows that are imported.

use pollster::block_on;

use super::{ADA, World};
use crate::domain::audit::{AuditEvent, Trace, bucket};
use crate::domain::time::UnixSeconds;
use crate::store::audit::{self, Refused};

const TRACE: &str =
    r#"{"at":5,"actor":"user","session":"s","country":"DE","client":"c","request":"r"}"#;

/// The newest events: event, reason, actor, session, time, request.
fn newest(world: &World, count: usize) -> Vec<String> {
    let rows = world.database.query(&format!(
        "SELECT event, reason, actor, session_id, at, request_id
           FROM (SELECT * FROM audit_log ORDER BY id DESC LIMIT {count}) ORDER BY id"
    ));
    rows.iter().map(|row| row.join(" ")).collect()
}

fn ada() -> World {
    let world = World::default();
    let ada = world.register(ADA);
    world.log_in(ada, 1);
    world
}

#[test]
fn what_stays_as_it_is_is_not_told() {
    let world = ada();
    let before = world.everything();
    world.database.execute(
        "UPDATE users SET name = name, email = email, role_slug = role_slug, is_active = is_active,
                is_superuser = is_superuser, password_hash = password_hash, password_version = password_version;
         UPDATE sessions SET ended_at = ended_at, end_reason = end_reason",
    );
    assert_eq!(world.everything(), before);
}

#[test]
fn a_session_ends_once_and_nothing_tells_of_its_return() {
    let world = ada();
    world.database.execute(
        "UPDATE sessions SET ended_at = 5, end_reason = 'revoked';
         UPDATE sessions SET ended_at = 6, end_reason = 'logout';
         UPDATE sessions SET ended_at = NULL, end_reason = NULL",
    );
    assert_eq!(world.log()[2..], ["session_ended revoked database"]);
}

#[test]
fn a_change_that_a_request_makes_is_told_with_the_request() {
    for (change, event) in [
        ("name = 'Eve'", "renamed"),
        ("email = 'eve@example.org'", "email_changed"),
        ("is_superuser = 1", "role_changed"),
        ("role_slug = 'other'", "role_changed"),
        ("password_hash = 'x'", "hash_upgraded"),
        ("password_version = 2", "password_changed"),
        (
            "password_version = 2, password_hash = 'x'",
            "password_changed",
        ),
        ("is_active = 0", "deactivated"),
    ] {
        let world = ada();
        world
            .database
            .execute("INSERT INTO roles VALUES ('other', 'Other', 1)");
        let sql = format!("UPDATE users SET {change}, trace = '{TRACE}'");
        world.database.execute(&sql);
        let told = newest(&world, world.log().len() - 2);
        assert_eq!(told[0], format!("{event} NULL user s 5 r"), "{change}");
        let live = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
        let is_deactivated = event == "deactivated";
        let left = if is_deactivated { "0" } else { "1" };
        assert_eq!(world.database.value(live), left, "{change}");
        assert_eq!(told.len(), 1 + usize::from(is_deactivated), "{change}");
        if is_deactivated {
            assert!(told[1].starts_with("session_ended deactivated user"));
        }
    }
}

#[test]
fn a_password_or_a_role_that_is_set_by_hand_is_told_whichever_column_it_is() {
    for (change, event, live) in [
        ("password_hash = 'x'", "password_changed", "0"),
        ("password_hash = NULL", "password_removed", "0"),
        ("password_version = 2", "password_changed", "0"),
        ("is_superuser = 1", "role_changed", "1"),
        ("role_slug = 'other'", "role_changed", "1"),
    ] {
        let world = ada();
        world
            .database
            .execute("INSERT INTO roles VALUES ('other', 'Other', 1)");
        let sql = format!("UPDATE users SET {change}");
        world.database.execute(&sql);
        assert_eq!(
            world.log()[2..],
            [format!("{event} NULL database")],
            "{change}"
        );
        let count = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
        assert_eq!(world.database.value(count), live, "{change}");
    }
}

/// One that has just expired may be renewed by a refresh that began before.
#[test]
fn a_session_that_expired_a_minute_ago_is_not_ended_by_hand_either() {
    for change in ["is_active = 0", "password_hash = 'x'"] {
        for (expires_at, is_live) in [(super::NOW - 60, false), (super::NOW - 59, true)] {
            let world = ada();
            world.database.execute(&format!(
                "UPDATE sessions SET idle_expires_at = {expires_at};
                 UPDATE users SET {change}"
            ));
            let marked = "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL";
            let is_marked = world.database.value(marked) == "1";
            assert_eq!(is_marked, is_live, "{change} {expires_at}");
            let told = "SELECT count(*) FROM audit_log WHERE event = 'session_ended'";
            let is_told = world.database.value(told) == "1";
            let is_deactivated = change == "is_active = 0";
            assert_eq!(is_told, is_live && is_deactivated, "{change} {expires_at}");
        }
    }
}

#[test]
fn reactivating_ends_nothing() {
    let world = ada();
    world.database.execute(
        "UPDATE users SET is_active = 0;
         UPDATE sessions SET ended_at = NULL, end_reason = NULL;
         UPDATE users SET is_active = 1",
    );
    let live = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(world.database.value(live), "1");
}

#[test]
fn a_session_that_arrives_ended_is_no_login() {
    let world = ada();
    world.database.execute(
        "INSERT INTO sessions (user_id, id, current_jti, created_at, last_used_at, idle_expires_at, absolute_expires_at, ended_at, end_reason)
         SELECT id, 'x', 'x', 1, 1, 2, 2, 2, 'logout' FROM users",
    );
    assert_eq!(world.log().len(), 2);
}

#[test]
fn refusals_add_up_by_person_and_keep_the_last_time() {
    let mut world = World::default();
    let ada = world.register(ADA);
    let bob = world.register("bob@example.org");
    world.log_in(bob, 1);
    let add = |world: &World, user| {
        let trace = Trace { ..world.trace() };
        let refused = Refused {
            event: AuditEvent::LoginFailed,
            user,
            count: 2,
            trace,
        };
        block_on(audit::add(&world.database, &refused)).unwrap();
    };
    world.passed = 9;
    add(&world, Some(ada));
    world.passed = 5;
    add(&world, Some(ada));
    add(&world, None);
    let told = world.database.query(
        "SELECT user_id <> '', id, at, last_at, count FROM audit_log WHERE event = 'login_failed' ORDER BY user_id",
    );
    let nobody = ["0", "1", "1000005", "1000005", "2"];
    let of_ada = ["1", "2", "1000009", "1000009", "4"];
    assert_eq!(told, [nobody, of_ada]);
}

/// A new name costs no hash: who changes it all day adds a row an hour, and keeps nothing from the
/// clean-up.
#[test]
fn the_names_of_an_hour_share_a_row_and_those_by_hand_have_their_own() {
    let world = ada();
    let other = world.register("eve@example.org");
    let rename = |user: &str, at: i64, request: &str| {
        world.database.execute(&format!(
            r#"UPDATE users
                  SET name = '{request}',
                      trace = '{{"at":{at},"actor":"user","session":"of {request}","country":"{request}","client":"{request}","request":"{request}"}}'
                WHERE {user}"#
        ));
    };
    rename("TRUE", 7_200, "a");
    rename("TRUE", 7_201, "b");
    rename(&format!("id <> '{other}'"), 10_799, "c");
    // It was under way for longer, and counts in its own hour.
    rename(&format!("id <> '{other}'"), 7_300, "d");
    rename(&format!("id <> '{other}'"), 10_800, "e");
    for name in ["by hand", "by another hand"] {
        world.database.execute(&format!(
            "UPDATE users SET name = '{name}' WHERE id <> '{other}'"
        ));
    }
    let told = |user: &str| {
        let rows = world.database.query(&format!(
            "SELECT at, last_at, count, session_id, country, client, request_id, actor FROM audit_log
              WHERE event = 'renamed' AND user_id {user} '{other}' AND actor = 'user' ORDER BY id"
        ));
        rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(told("="), ["7200 7201 2 of b b b b user"]);
    assert_eq!(
        told("<>"),
        [
            "7200 10799 4 of d d d d user",
            "10800 10800 1 of e e e e user"
        ]
    );
    let first = "SELECT bucket FROM audit_log WHERE event = 'renamed' AND last_at = 7201";
    let hour = bucket(AuditEvent::Renamed, Some(other), UnixSeconds::new(7_200));
    assert_eq!(world.database.value(first), hour);
    let by_hand = "SELECT count(*) FROM audit_log WHERE event = 'renamed' AND actor = 'database' AND count = 1";
    assert_eq!(world.database.value(by_hand), "2");
}
