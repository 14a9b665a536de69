//! Attempts at the current password, and what a password change resets.

use pollster::block_on;

use super::{ADA, SessionKey, World, keys, token};
use crate::domain::credential::hashing::StoredHash;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::throttle::FREE_FAILURES;
use crate::store::attempts::{Attempted, Guess};
use crate::store::passwords::{self, PasswordReplacement};
use crate::testing::sqlite::{Fault, Planned};

fn pause(world: &World, caller: SessionKey, byte: u8) -> Result<(), u32> {
    match world.try_change(caller, byte) {
        Attempted::Admitted(..) => Ok(()),
        Attempted::Throttled(throttled) => Err(throttled.pause.get()),
    }
}

fn counted(world: &World) -> String {
    world
        .database
        .value("SELECT coalesce(sum(counted), 0) FROM attempts")
}

#[test]
fn tries_from_a_session_slow_that_session_first_and_then_the_account() {
    let mut world = World::default();
    let ada = world.register(ADA);
    let sessions: Vec<SessionKey> = (1..13).map(|byte| world.log_in(ada, byte)).collect();
    let mut byte = 20;
    for session in &sessions[..10] {
        for _ in 0..FREE_FAILURES {
            assert_eq!(pause(&world, *session, byte), Ok(()));
            byte += 1;
        }
    }
    // A hundred failures: the account accepts one attempt a minute.
    assert_eq!(pause(&world, sessions[10], 200), Err(60));
    world.passed = 59;
    assert_eq!(pause(&world, sessions[10], 201), Err(1));
    world.passed = 60;
    assert_eq!(pause(&world, sessions[10], 202), Ok(()));
    assert_eq!(pause(&world, sessions[11], 203), Err(60));
    assert_eq!(counted(&world), "101");
    // Another user has no failures.
    let bob = world.register("bob@example.org");
    let bob = world.log_in(bob, 1);
    assert_eq!(pause(&world, bob, 204), Ok(()));
}

#[test]
fn a_repeated_try_counts_once_and_is_judged_as_the_first_time() {
    for failures in [1, 9, 99] {
        let world = World::default();
        let ada = world.register(ADA);
        let mut last = None;
        for (byte, number) in (20..).zip(0..failures) {
            let session = world.log_in_once(ada, 1 + number / 10);
            assert_eq!(pause(&world, session, byte), Ok(()));
            last = Some(session);
        }
        world.database.fault.set(Some(Planned {
            how: Fault::Repeated,
            statement: "count change",
        }));
        assert_eq!(pause(&world, last.unwrap(), 250), Ok(()));
        assert_eq!(counted(&world), (failures + 1).to_string());
    }
}

#[test]
fn a_try_in_a_place_whose_clock_is_behind_is_let_through() {
    let mut world = World::default();
    let ada = world.register(ADA);
    let caller = world.log_in(ada, 1);
    world.passed = 5;
    assert_eq!(pause(&world, caller, 20), Ok(()));
    assert_eq!(pause(&world, caller, 21), Ok(()));
    world.passed = 0;
    assert_eq!(pause(&world, caller, 22), Ok(()));
}

#[test]
fn the_pause_is_of_the_client_or_of_the_account_whichever_is_longer() {
    let mut world = World::default();
    let ada = world.register(ADA);
    let (thief, owner) = (world.log_in(ada, 1), world.log_in(ada, 2));
    for byte in 20..30 {
        assert_eq!(pause(&world, thief, byte), Ok(()));
    }
    // The thief waits a second, although another account had too many attempts just now.
    world
        .database
        .execute("INSERT INTO attempts VALUES ('a third account', 'x', 100, 100, 0, 'x', 1000050)");
    assert_eq!(pause(&world, thief, 30), Err(1));
    world.passed = 1;
    assert_eq!(pause(&world, thief, 31), Ok(()));
    assert_eq!(pause(&world, thief, 32), Err(2));
    // The account's bound is reached: the owner waits for that pause, and not for the thief's.
    world.database.execute(
        "DELETE FROM attempts WHERE account = 'a third account';
         UPDATE attempts SET counted = 100, blocked_until = 1000900 WHERE failures = 11",
    );
    assert_eq!(pause(&world, owner, 33), Err(60));
    assert_eq!(pause(&world, thief, 34), Err(899));
    // Attempts on other accounts do not matter here.
    world.database.execute(
        "UPDATE attempts SET counted = 11;
         INSERT INTO attempts VALUES ('another account', 'x', 100, 100, 1000900, 'x', 1000001)",
    );
    assert_eq!(pause(&world, owner, 35), Ok(()));
}

#[test]
fn a_try_from_a_session_that_is_over_counts_for_nobody() {
    let (mut world, ended) = {
        let world = World::default();
        let ada = world.register(ADA);
        world.log_in(ada, 2);
        let ended = world.log_in(ada, 1);
        world.end(ended);
        (world, ended)
    };
    assert!(world.try_change(ended, 20).is_of_nobody());
    world.passed = 1_000;
    let expired = SessionKey {
        id: world.session(ended.user, 2).id,
        ..ended
    };
    assert!(world.try_change(ended, 21).is_of_nobody());
    assert!(world.try_change(expired, 22).is_of_nobody());
    assert_eq!(counted(&world), "0");
}

#[test]
fn others_have_failed_only_if_they_have() {
    let world = World::default();
    let ada = world.register(ADA);
    let (first, second) = (world.log_in(ada, 1), world.log_in(ada, 2));
    let others_failed = |caller, byte| match world.try_change(caller, byte) {
        Attempted::Admitted(guess, _) => guess.others_failed,
        Attempted::Throttled(_) => panic!("let through"),
    };
    world
        .database
        .execute("INSERT INTO attempts VALUES ('another account', 'x', 1, 1, 0, 'x', 1000001)");
    assert!(!others_failed(first, 20));
    assert!(others_failed(second, 21));
    world.database.execute("UPDATE attempts SET counted = 0");
    assert!(!others_failed(first, 22));
}

#[test]
fn a_change_forgives_and_a_refused_one_does_not() {
    for (verified, is_changed) in [(1, true), (9, false)] {
        let world = World::default();
        let ada = world.register(ADA);
        let bob = world.register("bob@example.org");
        let caller = world.log_in(ada, 1);
        world.log_in(ada, 2);
        let keys = keys().of_password_change(caller);
        let (account, client) = (keys.account.as_str(), keys.client.as_str());
        world.database.execute(&format!(
            "UPDATE users SET password_hash = 'the next hash', password_version = 1, trace = '{{}}' WHERE id = '{bob}';
             INSERT INTO attempts VALUES
                ('{account}', '{client}', 3, 3, 0, 'x', 1000000),
                ('{account}', 'a forgiven client', 3, 0, 0, 'x', 1000000),
                ('{account}', 'another client', 3, 3, 0, 'x', 1000000),
                ('another account', '{client}', 3, 3, 0, 'x', 1000000)"
        ));
        let before = world.everything();
        let change = PasswordReplacement {
            caller,
            verified: PasswordVersion(verified),
            new: StoredHash::from_database("the next hash".to_owned()),
            notice: None,
            guess: Guess {
                account: keys.account.clone(),
                client: keys.client.clone(),
                attempt: token(0),
                others_failed: true,
            },
            trace: world.trace(),
        };
        let written = world.database.value("SELECT total_changes()");
        let outcome = block_on(passwords::replace(&world.database, &change)).unwrap();
        assert_eq!(outcome.is_some(), is_changed);
        if !is_changed {
            assert_eq!(world.everything(), before);
            continue;
        }
        let now = world.database.value("SELECT total_changes()");
        let written = now.parse::<u32>().unwrap() - written.parse::<u32>().unwrap();
        assert!(written <= 6, "{written}: a forgiven counter is not written");
        let left = world.database.query(
            "SELECT failures, counted FROM attempts WHERE account <> 'registrations' ORDER BY account = 'another account', client",
        );
        assert_eq!(left, [["3", "0"], ["3", "0"], ["3", "3"]]);
        // A repetition returns the same answer, and records nothing more.
        let told = world.log();
        let again = block_on(passwords::replace(&world.database, &change)).unwrap();
        assert_eq!(again, outcome);
        assert_eq!(world.log(), told);
    }
}

impl World {
    /// The session with this number, which begins if it does not exist.
    fn log_in_once(&self, user: crate::domain::id::UserId, byte: u8) -> SessionKey {
        let session = self.session(user, byte).id;
        let caller = SessionKey { user, id: session };
        let found = self.database.value(&format!(
            "SELECT count(*) FROM sessions WHERE id = '{session}'"
        ));
        if found == "0" {
            return self.log_in(user, byte);
        }
        caller
    }
}

impl Attempted {
    fn is_of_nobody(&self) -> bool {
        matches!(self, Self::Throttled(throttled) if throttled.user.is_none())
    }
}
