//! Each condition of a write is broken just before the write, which must then change nothing.

use pollster::block_on;

use super::{ADA, SessionKey, World, token};
use crate::domain::identity::user::UserName;
use crate::store::rotate::Rotation;
use crate::store::sessions::{self, Which};
use crate::store::users;

const END: &str = "UPDATE sessions SET ended_at = 1, end_reason = 'revoked'";
const EXPIRE: &str = "UPDATE sessions SET idle_expires_at = 1000000";
const DEACTIVATE: &str = "UPDATE users SET is_active = 0";
const RESET: &str = "UPDATE users SET password_hash = 'x', password_version = 2";
const DELETE: &str = "DELETE FROM users";

/// Ada and Bob, with a session each.
fn people() -> (World, SessionKey, SessionKey) {
    let world = World::default();
    let ada = world.register(ADA);
    let bob = world.register("bob@example.org");
    let (ada, bob) = (world.log_in(ada, 1), world.log_in(bob, 2));
    (world, ada, bob)
}

/// Applies `change` to the database before `act`, which must then be refused and change nothing.
fn refused(change: &str, act: impl Fn(&World, SessionKey) -> bool) {
    let (world, ada, _) = people();
    world.database.execute(change);
    let before = world.everything();
    assert!(!act(&world, ada), "{change}");
    assert_eq!(world.everything(), before, "{change}");
    // Without the change it succeeds.
    let (world, ada, _) = people();
    assert!(act(&world, ada), "without {change}");
}

#[test]
fn a_refresh_depends_on_its_session() {
    for change in [END, EXPIRE, DEACTIVATE, RESET, DELETE] {
        refused(change, |world, ada| {
            let request = world.rotation(ada, token(1), token(8));
            matches!(world.rotate(&request), Rotation::Rotated(_))
        });
    }
}

#[test]
fn a_refresh_with_a_copy_of_an_ended_session_changes_nothing() {
    for change in [END, EXPIRE, DEACTIVATE, RESET, DELETE] {
        let (world, ada, _) = people();
        world.database.execute(change);
        let before = world.everything();
        let request = world.rotation(ada, token(9), token(8));
        assert!(matches!(world.rotate(&request), Rotation::Dead), "{change}");
        assert_eq!(world.everything(), before, "{change}");
    }
}

#[test]
fn a_rename_depends_on_its_session() {
    for change in [END, EXPIRE, DEACTIVATE, RESET, DELETE] {
        refused(change, |world, ada| {
            let name = UserName::parse("Ada").unwrap();
            let trace = world.trace();
            let renamed = users::rename(&world.database, ada, Some(&name), &trace);
            block_on(renamed).unwrap().is_some()
        });
    }
}

#[test]
fn ending_sessions_depends_on_the_callers_own() {
    for change in [END, EXPIRE, DEACTIVATE, RESET, DELETE] {
        for which in [0, 1, 2] {
            refused(change, |world, ada| {
                let which = match which {
                    0 => Which::One(ada.id),
                    1 => Which::Others,
                    _ => Which::All,
                };
                let trace = world.trace();
                let ended = sessions::end_own(&world.database, ada, which, &trace);
                block_on(ended).unwrap().is_some()
            });
        }
    }
}

#[test]
fn a_log_out_depends_on_its_session() {
    for change in [END, EXPIRE, DEACTIVATE, RESET, DELETE] {
        refused(change, |world, ada| world.end(ada).is_some());
    }
}

#[test]
fn a_login_depends_on_the_user_and_the_verified_password() {
    for change in [DEACTIVATE, RESET, DELETE] {
        refused(change, |world, ada| {
            let login = world.login(ada.user, 7);
            world.begin(&login).is_some()
        });
    }
}

#[test]
fn a_change_of_password_depends_on_session_and_password() {
    for change in [END, EXPIRE, DEACTIVATE, RESET, DELETE] {
        refused(change, |world, ada| world.replace(ada, 1).is_some());
    }
}

#[test]
fn a_try_of_the_password_depends_on_the_session() {
    use crate::store::attempts::Attempted;
    for change in [END, EXPIRE, DEACTIVATE, RESET, DELETE] {
        refused(change, |world, ada| {
            matches!(world.try_change(ada, 3), Attempted::Admitted(_, Some(_)))
        });
    }
}

#[test]
fn nobody_acts_on_the_sessions_of_another() {
    let (world, ada, bob) = people();
    let before = world.everything();
    // Ada's session with Bob's id, and vice versa.
    for mixed in [
        SessionKey {
            user: bob.user,
            id: ada.id,
        },
        SessionKey {
            user: ada.user,
            id: bob.id,
        },
    ] {
        assert!(world.end(mixed).is_none());
        let request = world.rotation(mixed, token(1), token(8));
        assert!(matches!(world.rotate(&request), Rotation::Dead));
        assert!(world.replace(mixed, 1).is_none());
        let trace = world.trace();
        let ended = sessions::end_own(&world.database, mixed, Which::All, &trace);
        assert!(block_on(ended).unwrap().is_none());
    }
    let trace = world.trace();
    let ended = sessions::end_own(&world.database, ada, Which::One(bob.id), &trace);
    assert_eq!(block_on(ended).unwrap(), Some(Vec::new()));
    assert_eq!(world.everything(), before);
}

#[test]
fn a_change_of_password_ends_live_sessions_alone() {
    let (mut world, ada, _) = people();
    world.log_in(ada.user, 3);
    world.passed = 900;
    // Ada's first session is refreshed, the other one expires.
    let request = world.rotation(ada, token(1), token(8));
    assert!(matches!(world.rotate(&request), Rotation::Rotated(_)));
    world.passed = 1_000;
    let ended = world.replace(ada, 1).unwrap();
    assert_eq!(
        ended.len(),
        1,
        "an expired session has no token to be listed"
    );
    let reasons = world.database.query(&format!(
        "SELECT end_reason FROM sessions WHERE user_id = '{}' ORDER BY id",
        ada.user
    ));
    assert_eq!(reasons, [["password_changed"], ["NULL"]]);
}

#[test]
fn a_login_ends_what_it_carries_only_if_it_begins() {
    let (world, ada, bob) = people();
    let mut login = world.login(ada.user, 7);
    login.carried = [Some(ada), Some(bob)];
    world
        .database
        .execute(&format!("{RESET} WHERE email = '{ADA}'"));
    let before = world.everything();
    assert!(world.begin(&login).is_none());
    assert_eq!(world.everything(), before);
    login.password().version = crate::domain::identity::user::PasswordVersion(2);
    // Ada's own session ended with the password; Bob's is on the device that she now uses.
    let ended = world.begin(&login).unwrap();
    assert_eq!(
        ended.iter().map(|session| session.user).collect::<Vec<_>>(),
        [bob.user]
    );
}

#[test]
fn a_persons_dead_sessions_go_with_the_next_login() {
    let (mut world, ada, bob) = people();
    let ended = world.log_in(ada.user, 3);
    world.end(ended);
    let count = |world: &World| world.database.value("SELECT count(*) FROM sessions");
    world.passed = 599;
    world.log_in(ada.user, 4);
    assert_eq!(count(&world), "4");
    world.passed = 600;
    world.log_in(ada.user, 5);
    assert_eq!(count(&world), "4", "the ended one is gone");
    world.passed = 1_000;
    world.log_in(ada.user, 6);
    // The sessions of the first second have expired; a login of Ada's must not delete Bob's row.
    assert_eq!(count(&world), "4");
    assert_eq!(world.end(bob), None);
}

#[test]
fn rotation_follows_current_predecessor_and_grace() {
    let (mut world, ada, _) = people();
    let rotate = |world: &World, presented: u8, successor: u8| {
        let request = world.rotation(ada, token(presented), token(successor));
        match world.rotate(&request) {
            Rotation::Rotated(rotated) => Some(rotated.refresh_id),
            Rotation::Reused(_) | Rotation::Dead => None,
        }
    };
    assert_eq!(rotate(&world, 1, 10), Some(token(10)));
    assert_eq!(rotate(&world, 1, 11), Some(token(10)), "a second tab");
    world.passed = 10;
    assert_eq!(
        rotate(&world, 1, 12),
        Some(token(10)),
        "the grace's last second"
    );
    assert_eq!(rotate(&world, 10, 13), Some(token(13)));
    assert_eq!(rotate(&world, 10, 14), Some(token(13)));
    world.passed = 21;
    assert_eq!(rotate(&world, 10, 15), None, "after the grace");
    assert_eq!(rotate(&world, 13, 16), None, "the session is over");
    let reason = world.database.value(&format!(
        "SELECT end_reason FROM sessions WHERE user_id = '{}'",
        ada.user
    ));
    assert_eq!(reason, "reuse");
}

#[test]
fn a_session_ends_idle_and_in_any_case_at_its_absolute_end() {
    let (mut world, ada, bob) = people();
    let mut byte = 10;
    let mut current = 1;
    for passed in [999, 1_998, 2_499] {
        world.passed = passed;
        let request = world.rotation(ada, token(current), token(byte));
        let Rotation::Rotated(rotated) = world.rotate(&request) else {
            panic!("{passed}");
        };
        let left = rotated.expires_at.since(world.now());
        assert_eq!(left, (2_500 - passed).min(1_000));
        current = byte;
        byte += 1;
    }
    world.passed = 2_500;
    let request = world.rotation(ada, token(current), token(byte));
    assert!(matches!(world.rotate(&request), Rotation::Dead));
    let request = world.rotation(bob, token(2), token(byte));
    assert!(matches!(world.rotate(&request), Rotation::Dead));
}

#[test]
fn the_least_recently_used_sessions_over_the_cap_end_and_a_repetition_says_so_again() {
    let (mut world, ada, _) = people();
    for byte in 10..29 {
        world.passed += 1;
        world.log_in(ada.user, byte);
    }
    // Twenty are live. The oldest one is used, and a twenty-first begins.
    world.passed += 1;
    let request = world.rotation(ada, token(1), token(8));
    assert!(matches!(world.rotate(&request), Rotation::Rotated(_)));
    let login = world.login(ada.user, 30);
    let ended = world.begin(&login).unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].refresh_id, token(10));
    assert_eq!(world.begin(&login).unwrap(), ended);
    let live = world.database.value(&format!(
        "SELECT count(*) FROM sessions WHERE user_id = '{}' AND ended_at IS NULL",
        ada.user
    ));
    assert_eq!(live, "20");
}

#[test]
fn a_new_session_is_never_the_one_that_ends_although_its_clock_is_behind() {
    let (mut world, ada, _) = people();
    world.passed = 5;
    for byte in 10..30 {
        world.log_in(ada.user, byte);
    }
    world.passed = 2;
    let login = world.login(ada.user, 40);
    let ended = world.begin(&login).unwrap();
    assert_eq!(ended.len(), 1);
    assert_ne!(ended[0].refresh_id, token(40));
}
