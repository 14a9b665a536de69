//! Triggers keep the audit log: each change once, no matter who makes it.

use pollster::block_on;

use super::{ADA, World, token};
use crate::domain::credential::hashing::StoredHash;
use crate::store::log_in::Rehash;
use crate::store::rotate::Rotation;
use crate::store::sessions::{self, Which};
use crate::store::users;
use crate::testing::sqlite::{Fault, Planned};

/// Everything that the service does to an account, in order, with the resulting events.
fn life(world: &mut World) {
    let ada = world.register(ADA);
    let first = world.log_in(ada, 1);
    let mut login = world.login(ada, 2);
    login.carried = [Some(first), None];
    login.password().rehash = Some(Rehash {
        from: StoredHash::from_database(super::HASH.to_owned()),
        to: StoredHash::from_database("a newer hash".to_owned()),
    });
    assert_eq!(world.begin(&login).unwrap().len(), 1);
    let second = super::SessionKey {
        user: ada,
        id: login.session.id,
    };
    let trace = world.trace();
    block_on(users::rename(&world.database, second, None, &trace)).unwrap();
    let name = crate::domain::identity::user::UserName::parse("Ada").unwrap();
    let trace = world.trace();
    block_on(users::rename(&world.database, second, Some(&name), &trace)).unwrap();
    let third = world.log_in(ada, 3);
    world.end(third);
    let fourth = world.log_in(ada, 4);
    let request = world.rotation(fourth, token(4), token(5));
    assert!(matches!(world.rotate(&request), Rotation::Rotated(_)));
    let stolen = world.rotation(fourth, token(9), token(6));
    assert!(matches!(world.rotate(&stolen), Rotation::Reused(_)));
    let fifth = world.log_in(ada, 6);
    let trace = world.trace();
    block_on(sessions::end_own(
        &world.database,
        second,
        Which::One(fifth.id),
        &trace,
    ))
    .unwrap();
    assert_eq!(world.replace(second, 1).unwrap().len(), 1);
}

const TOLD: [&str; 13] = [
    "registered NULL user",
    "logged_in NULL user",
    "logged_in NULL user",
    "session_ended replaced user",
    "hash_upgraded NULL user",
    "renamed NULL user",
    "logged_in NULL user",
    "logged_out NULL user",
    "logged_in NULL user",
    "refresh_reused NULL user",
    "logged_in NULL user",
    "session_ended revoked user",
    "password_changed NULL user",
];

#[test]
fn a_life_is_told_in_order_and_a_name_that_stays_is_no_event() {
    let mut world = World::default();
    life(&mut world);
    assert_eq!(world.log(), TOLD);
    let sessions = world.database.query(
        "SELECT session_id FROM audit_log
          WHERE event IN ('hash_upgraded', 'renamed', 'password_changed')",
    );
    let second = crate::domain::id::SessionId::from_random([2; 16]).to_string();
    assert_eq!(sessions, vec![vec![second]; 3]);
}

#[test]
fn a_batch_that_is_repeated_tells_nothing_twice_and_gives_the_same_answers() {
    for statement in [
        "register",
        "begin session",
        "rehash",
        "replace session",
        "rename",
        "end session",
        "rotate",
        "end one",
        "replace password",
    ] {
        let mut world = World::default();
        world.database.fault.set(Some(Planned {
            how: Fault::Repeated,
            statement,
        }));
        life(&mut world);
        assert!(world.database.fault.get().is_none(), "{statement}");
        assert_eq!(world.log(), TOLD, "{statement}");
    }
}

#[test]
fn what_is_changed_by_hand_is_told_as_such() {
    let world = World::default();
    let ada = world.register(ADA);
    world.log_in(ada, 1);
    world.database.execute(
        "UPDATE users SET name = 'Eve';
         UPDATE users SET email = 'eve@example.org';
         UPDATE users SET is_superuser = 1;
         UPDATE sessions SET ended_at = 5, end_reason = 'revoked';
         UPDATE users SET password_hash = 'another', password_version = 2;
         UPDATE users SET is_active = 0;
         UPDATE users SET is_active = 1;
         UPDATE users SET updated_at = 7;
         DELETE FROM users",
    );
    assert_eq!(
        world.log()[2..],
        [
            "renamed NULL database",
            "email_changed NULL database",
            "role_changed NULL database",
            "session_ended revoked database",
            "password_changed NULL database",
            "deactivated NULL database",
            "reactivated NULL database",
            "deleted NULL database",
        ]
    );
    let by_hand = world.database.query(
        "SELECT DISTINCT client, country, request_id FROM audit_log WHERE actor = 'database'",
    );
    assert_eq!(by_hand, [["NULL", "NULL", "NULL"]]);
}

#[test]
fn people_who_are_imported_did_not_register_here() {
    let world = World::default();
    for (id, trace) in [("one", r#"'{"actor":"import"}'"#), ("two", "NULL")] {
        world.database.execute(&format!(
            "INSERT INTO users (id, email, role_slug, created_at, updated_at, trace)
             VALUES ('{id}', '{id}@example.org', 'application-access', 1, 1, {trace})"
        ));
    }
    let told = world
        .database
        .query("SELECT user_id, event, actor FROM audit_log");
    assert_eq!(told, [["two", "registered", "database"]]);
}

#[test]
fn deactivating_by_hand_ends_the_sessions_and_reactivating_brings_none_back() {
    let world = World::default();
    let ada = world.register(ADA);
    let thief = world.log_in(ada, 1);
    world
        .database
        .execute("UPDATE users SET is_active = 0; UPDATE users SET is_active = 1");
    let request = world.rotation(thief, token(1), token(2));
    assert!(matches!(world.rotate(&request), Rotation::Dead));
    assert_eq!(
        world.log()[2..],
        [
            "deactivated NULL database",
            "session_ended deactivated database",
            "reactivated NULL database"
        ]
    );
}

#[test]
fn a_password_set_by_hand_ends_the_sessions() {
    let world = World::default();
    let ada = world.register(ADA);
    let thief = world.log_in(ada, 1);
    world.database.execute(
        "UPDATE users SET password_hash = 'another', password_version = password_version + 1",
    );
    let request = world.rotation(thief, token(1), token(2));
    assert!(matches!(world.rotate(&request), Rotation::Dead));
    assert_eq!(world.log()[2..], ["password_changed NULL database"]);
}

#[test]
fn a_password_set_by_hand_ends_the_sessions_even_if_the_trace_is_cleared_with_it() {
    let world = World::default();
    let ada = world.register(ADA);
    let thief = world.log_in(ada, 1);
    world
        .database
        .execute("UPDATE users SET password_hash = 'another', trace = NULL");
    let request = world.rotation(thief, token(1), token(2));
    assert!(matches!(world.rotate(&request), Rotation::Dead));
    assert_eq!(world.log()[2..], ["password_changed NULL database"]);
}

#[test]
fn an_address_that_a_hand_sets_is_unproven_and_no_address_rests_even_if_the_trace_is_cleared() {
    let own = "trace = '{\"request\":\"r\"}'";
    for (change, is_by_hand) in [
        ("email = 'eve@example.org'".to_owned(), true),
        ("email = 'eve@example.org', trace = NULL".to_owned(), true),
        (format!("email = 'eve@example.org', {own}"), false),
    ] {
        let world = World::default();
        let ada = world.register(ADA);
        let bob = world.register("bob@example.org");
        world.database.execute(&format!(
            "UPDATE users SET email_verified_at = 5;
             INSERT INTO resting_addresses VALUES ('old@example.org', '{ada}', 9), ('old@example.org', '{bob}', 9);
             UPDATE users SET {change} WHERE id = '{ada}'"
        ));
        let verified = world.database.query(
            "SELECT coalesce(email_verified_at, 'no') FROM users ORDER BY email LIKE 'bob%'",
        );
        let kept = if is_by_hand { "no" } else { "5" };
        assert_eq!(verified, [[kept], ["5"]], "{change}");
        let resting = world
            .database
            .query(&format!(
                "SELECT user_id FROM resting_addresses ORDER BY user_id = '{bob}'"
            ))
            .concat();
        let left = [ada, bob].map(|user| user.to_string());
        let gone = usize::from(is_by_hand);
        assert_eq!(resting, left[gone..], "{change}");
    }
}

#[test]
fn a_password_that_a_hand_sets_lets_no_address_rest() {
    let world = World::default();
    let ada = world.register(ADA);
    world.database.execute(&format!(
        "INSERT INTO resting_addresses VALUES ('old@example.org', '{ada}', 9);
         UPDATE users SET password_hash = 'another'"
    ));
    let resting = "SELECT count(*) FROM resting_addresses";
    assert_eq!(world.database.value(resting), "0");
}

#[test]
fn a_users_events_are_numbered_from_one_whatever_others_do() {
    let world = World::default();
    let ada = world.register(ADA);
    let bob = world.register("bob@example.org");
    world.log_in(ada, 1);
    world.log_in(bob, 2);
    world.log_in(ada, 3);
    let numbers = |user: crate::domain::id::UserId| -> Vec<Vec<String>> {
        world.database.query(&format!(
            "SELECT id FROM audit_log WHERE user_id = '{user}'"
        ))
    };
    assert_eq!(numbers(ada), [["1"], ["2"], ["3"]]);
    assert_eq!(numbers(bob), [["1"], ["2"]]);
}
