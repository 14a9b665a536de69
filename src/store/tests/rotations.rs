//! What a rotation writes, and what its repetition and a copied token do not.

use super::{ADA, SessionKey, World, token};
use crate::domain::session::EndReason;
use crate::store::rotate::Rotation;
use crate::store::sessions;
use pollster::block_on;

fn session() -> (World, SessionKey) {
    let world = World::default();
    let ada = world.register(ADA);
    let caller = world.log_in(ada, 1);
    (world, caller)
}

#[test]
fn a_rotation_moves_the_session_on_and_its_predecessor_changes_nothing() {
    let (mut world, ada) = session();
    let trace = world.database.value("SELECT trace FROM sessions");
    world.passed = 5;
    let request = world.rotation(ada, token(1), token(2));
    assert!(matches!(world.rotate(&request), Rotation::Rotated(_)));
    let row = world.database.query(
        "SELECT previous_jti, current_jti, rotated_at, last_used_at, idle_expires_at, trace FROM sessions",
    );
    let expected = [
        token(1).to_string(),
        token(2).to_string(),
        "1000005".to_owned(),
        "1000005".to_owned(),
        "1001005".to_owned(),
        trace,
    ];
    assert_eq!(row, [expected]);
    let before = world.everything();
    for passed in [5, 10, 15] {
        world.passed = passed;
        let request = world.rotation(ada, token(1), token(3));
        assert!(matches!(world.rotate(&request), Rotation::Rotated(_)));
        assert_eq!(world.everything(), before, "after {passed} s");
    }
}

#[test]
fn reuse_is_told_once_and_with_its_request() {
    let (mut world, ada) = session();
    let rotation = world.rotation(ada, token(1), token(2));
    assert!(matches!(world.rotate(&rotation), Rotation::Rotated(_)));
    world.passed = 11;
    let copy = world.rotation(ada, token(1), token(3));
    assert!(matches!(world.rotate(&copy), Rotation::Reused(_)));
    let before = world.everything();
    assert_eq!(world.log()[2..], ["refresh_reused NULL user"]);
    world.passed = 12;
    let again = world.rotation(ada, token(1), token(4));
    assert!(matches!(world.rotate(&again), Rotation::Dead));
    assert_eq!(world.everything(), before);
}

/// A client chooses its request ids: two requests may have one trace.
#[test]
fn no_request_of_the_same_name_makes_an_ended_session_live_again() {
    let (world, ada) = session();
    let copy = world.rotation(ada, token(9), token(2));
    assert!(matches!(world.rotate(&copy), Rotation::Reused(_)));
    let mut current = copy.clone();
    current.presented = token(1);
    assert!(matches!(world.rotate(&current), Rotation::Reused(_)));
    let reason = "SELECT end_reason FROM sessions";
    assert_eq!(world.database.value(reason), "reuse");

    let (world, ada) = session();
    let request = world.rotation(ada, token(1), token(2));
    let end = sessions::end(&world.database, ada, EndReason::Logout, &request.trace);
    assert!(block_on(end).unwrap().is_some());
    let before = world.everything();
    assert!(matches!(world.rotate(&request), Rotation::Dead));
    assert_eq!(world.everything(), before);
}
