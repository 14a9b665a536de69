//! No operation on one user changes a row of another, even if the other's sessions have the same
//! ids and tokens, the same password hash and the same client.

use pollster::block_on;

use super::{ADA, SessionKey, World, keys, number, token};
use crate::domain::audit::AuditCursor;
use crate::domain::credential::hashing::StoredHash;
use crate::domain::id::UserId;
use crate::domain::identity::email::Email;
use crate::domain::identity::user::{RoleSlug, UserName};
use crate::domain::throttle::ClientPrefix;
use crate::store::attempts::Attempted;
use crate::store::audit::{self, Page};
use crate::store::log_in::Rehash;
use crate::store::registrations::{self, NewUser, Registration};
use crate::store::rotate::Rotation;
use crate::store::sessions::{self, Which};
use crate::store::users;

const BOB: &str = "bob@example.org";

/// Ada and Bob, each with the live sessions 1 and 3, an ended one, and failures from one client.
fn twins() -> (World, SessionKey, SessionKey) {
    let world = World::default();
    let people = [world.register(ADA), world.register(BOB)];
    let [ada, bob] = people.map(|user| {
        let caller = world.log_in(user, 1);
        world.log_in(user, 3);
        let ended = world.log_in(user, 4);
        assert!(world.end(ended).is_some());
        caller
    });
    for email in [ADA, BOB] {
        let email = Email::parse(email).unwrap();
        let keys = keys().of_login(&email, ClientPrefix::parse(None));
        for client in [keys.client.as_str(), "another"] {
            world.database.execute(&format!(
                "INSERT INTO attempts VALUES ('{}', '{client}', 3, 3, 0, 'x', 1000000)",
                keys.account.as_str()
            ));
        }
    }
    (world, ada, bob)
}

/// The rows that belong to a user.
fn rows_of(world: &World, person: SessionKey, email: &str) -> Vec<Vec<String>> {
    let keys = keys().of_login(&Email::parse(email).unwrap(), ClientPrefix::parse(None));
    let user = person.user;
    [
        format!("SELECT * FROM users WHERE id = '{user}'"),
        format!("SELECT * FROM sessions WHERE user_id = '{user}'"),
        format!("SELECT * FROM audit_log WHERE user_id = '{user}'"),
        format!(
            "SELECT * FROM attempts WHERE account = '{}'",
            keys.account.as_str()
        ),
    ]
    .iter()
    .flat_map(|sql| world.database.query(sql))
    .collect()
}

fn ended_row(world: &World, person: SessionKey) -> Vec<Vec<String>> {
    world.database.query(&format!(
        "SELECT * FROM sessions WHERE user_id = '{}' AND id = '{}'",
        person.user,
        world.session(person.user, 4).id
    ))
}

/// Everything that Ada does, and that an operator does to her.
fn act(world: &World, ada: SessionKey, number: usize) {
    let trace = world.trace();
    let by_hand = |sql: &str| {
        let sql = format!("UPDATE users SET {sql} WHERE id = '{}'", ada.user);
        world.database.execute(&sql);
    };
    let end = |which| {
        let ended = sessions::end_own(&world.database, ada, which, &trace);
        block_on(ended).unwrap().map(|ended| ended.len())
    };
    match number {
        0 => {
            let name = UserName::parse("Ada").unwrap();
            let renamed = users::rename(&world.database, ada, Some(&name), &trace);
            assert_eq!(block_on(renamed).unwrap().unwrap().id, ada.user);
        }
        1 => assert_eq!(end(Which::One(ada.id)), Some(1)),
        2 => assert_eq!(end(Which::Others), Some(1)),
        3 => assert_eq!(end(Which::All), Some(2)),
        4 => assert_eq!(world.end(ada).unwrap().user, ada.user),
        5 => {
            let request = world.rotation(ada, token(1), token(8));
            assert!(matches!(world.rotate(&request), Rotation::Rotated(_)));
        }
        6 => {
            let request = world.rotation(ada, token(9), token(8));
            assert!(matches!(world.rotate(&request), Rotation::Reused(_)));
        }
        7 => {
            let mut login = world.login(ada.user, 7);
            login.password().guess.others_failed = true;
            login.password().rehash = Some(Rehash {
                from: StoredHash::from_database(super::HASH.to_owned()),
                to: StoredHash::from_database("newer".to_owned()),
            });
            login.carried = [Some(ada), None];
            assert_eq!(world.begin(&login).unwrap().len(), 1);
        }
        8 => assert_eq!(world.replace(ada, 1).unwrap().len(), 2),
        9 => by_hand("is_active = 0"),
        10 => by_hand("password_hash = 'by hand'"),
        _ => {
            for byte in 20..45 {
                world.log_in(ada.user, byte);
            }
        }
    }
}

#[test]
fn nothing_that_happens_to_one_changes_another_or_what_is_over() {
    for number in 0..12 {
        for is_ada in [true, false] {
            let (world, ada, bob) = twins();
            let (actor, other, email) = if is_ada {
                (ada, bob, BOB)
            } else {
                (bob, ada, ADA)
            };
            // The guess of the helpers is Ada's: Bob's login would delete her failures.
            if !is_ada && matches!(number, 7 | 11) {
                continue;
            }
            let before = rows_of(&world, other, email);
            let over = ended_row(&world, actor);
            assert_eq!(over.len(), 1);
            act(&world, actor, number);
            assert_eq!(rows_of(&world, other, email), before, "act {number}");
            assert_eq!(ended_row(&world, actor), over, "act {number}");
        }
    }
}

#[test]
fn a_session_of_the_same_id_is_no_session_of_the_caller() {
    // Bob has a session 6, Ada does not, and Ada's others are live.
    let (world, ada, bob) = twins();
    let bobs = world.log_in(bob.user, 6);
    let before = world.everything();
    let stranger = SessionKey {
        user: ada.user,
        id: bobs.id,
    };
    assert!(matches!(
        world.try_change(stranger, 50),
        Attempted::Throttled(throttled) if throttled.user.is_none()
    ));
    let trace = world.trace();
    let renamed = users::rename(&world.database, stranger, None, &trace);
    assert!(block_on(renamed).unwrap().is_none());
    assert!(world.end(stranger).is_none());
    assert!(world.replace(stranger, 1).is_none());
    let request = world.rotation(stranger, token(6), token(8));
    assert!(matches!(world.rotate(&request), Rotation::Dead));
    for which in [Which::One(ada.id), Which::Others, Which::All] {
        let ended = sessions::end_own(&world.database, stranger, which, &trace);
        assert!(block_on(ended).unwrap().is_none());
    }
    let listed = sessions::list(&world.database, stranger, world.now());
    assert!(block_on(listed).unwrap().is_none());
    assert!(events(&world, stranger, 1_000_000, 10).is_none());
    assert_eq!(world.everything(), before);
}

fn events(world: &World, caller: SessionKey, before: i64, limit: u32) -> Option<Vec<i64>> {
    let cursor = AuditCursor::parse(&before.to_string()).unwrap();
    let page = Page { cursor, limit };
    let entries = audit::events(&world.database, caller, page, world.now());
    let entries = block_on(entries).unwrap()?;
    Some(entries.iter().map(|entry| entry.number).collect())
}

#[test]
fn a_caller_reads_their_own_events_and_a_page_at_a_time() {
    let (mut world, ada, bob) = twins();
    for caller in [ada, bob] {
        assert_eq!(
            events(&world, caller, 1_000_000, 10),
            Some(vec![5, 4, 3, 2, 1])
        );
        assert_eq!(events(&world, caller, 4, 2), Some(vec![3, 2]));
    }
    world.end(ada);
    assert_eq!(events(&world, ada, 1_000_000, 10), None, "logged out");
    world.passed = 1_000;
    assert_eq!(events(&world, bob, 1_000_000, 10), None, "expired");
}

#[test]
fn an_account_is_read_with_its_own_live_sessions() {
    let (mut world, ada, bob) = twins();
    let read = |world: &World, user| {
        let account = users::account(&world.database, user, world.now());
        let account = block_on(account).unwrap().unwrap();
        assert_eq!(account.user.id, user);
        account.live_sessions.len()
    };
    world.log_in(bob.user, 6);
    assert_eq!((read(&world, ada.user), read(&world, bob.user)), (2, 3));
    let listed = block_on(sessions::list(&world.database, ada, world.now()));
    assert_eq!(listed.unwrap().unwrap().len(), 2);
    world.passed = 999;
    assert_eq!(read(&world, ada.user), 2);
    world.passed = 1_000;
    assert_eq!(read(&world, ada.user), 0);
    let listed = block_on(sessions::list(&world.database, ada, world.now()));
    assert!(listed.unwrap().is_none());
}

#[test]
fn a_try_is_compared_with_ones_own_password() {
    let (world, ada, bob) = twins();
    for caller in [ada, bob] {
        let Attempted::Admitted(_, Some(holder)) = world.try_change(caller, 60) else {
            panic!("let through");
        };
        assert_eq!(holder.id, caller.user);
    }
}

#[test]
fn a_person_registers_with_the_role_that_is_configured() {
    let world = World::default();
    world
        .database
        .execute("INSERT INTO roles VALUES ('a-role', 'A', 1), ('z-role', 'Z', 1)");
    let register = |email: &str, role: &str| {
        let user = NewUser {
            id: UserId::new(1, &number(email)),
            email: Email::parse(email).unwrap(),
            name: None,
            hash: StoredHash::from_database(super::HASH.to_owned()),
            role: RoleSlug::parse(role).unwrap(),
            trace: world.trace(),
            most_an_hour: 1_000,
            mailing: None,
            language: None,
        };
        block_on(registrations::register(&world.database, &user)).unwrap()
    };
    for (email, role, name) in [(ADA, "z-role", "Z"), (BOB, "a-role", "A")] {
        let Registration::Registered(registered, _) = register(email, role) else {
            panic!("{email}");
        };
        assert_eq!(registered.user.email.as_str(), email);
        assert_eq!(registered.user.role_slug, role);
        assert_eq!(registered.role_name, name);
    }
    let unknown = register("eve@example.org", "unknown");
    assert!(matches!(unknown, Registration::NoSuchRole));
    assert_eq!(world.database.value("SELECT count(*) FROM users"), "2");
}

#[test]
fn a_rotation_gives_the_users_own_role() {
    let world = World::default();
    let people = [world.register(ADA), world.register(BOB)];
    world
        .database
        .execute("INSERT INTO roles VALUES ('other', 'Other', 1)");
    world.database.execute(&format!(
        "UPDATE users SET role_slug = 'other' WHERE email = '{BOB}'"
    ));
    for (user, role) in people.into_iter().zip(["application-access", "other"]) {
        let caller = world.log_in(user, 1);
        let request = world.rotation(caller, token(1), token(8));
        let Rotation::Rotated(rotated) = world.rotate(&request) else {
            panic!("{role}");
        };
        assert_eq!(rotated.role, role);
    }
}
