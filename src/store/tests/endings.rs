//! Ending sessions: who may end them, what a repetition answers, and what has ended already.

use pollster::block_on;

use super::{ADA, SessionKey, World, keys, token};
use crate::domain::audit::Trace;
use crate::domain::id::TokenId;
use crate::domain::identity::email::Email;
use crate::domain::session::EndReason;
use crate::domain::throttle::ClientPrefix;
use crate::store::attempts::{self, Attempt, Attempted, Guesser};
use crate::store::sessions::{self, EndedSession, Which};

fn end_own(
    world: &World,
    caller: SessionKey,
    which: Which,
    trace: &Trace,
) -> Option<Vec<EndedSession>> {
    block_on(sessions::end_own(&world.database, caller, which, trace)).unwrap()
}

/// Ada's sessions 1 to 3.
fn three() -> (World, [SessionKey; 3]) {
    let world = World::default();
    let ada = world.register(ADA);
    let callers = [1, 2, 3].map(|byte| world.log_in(ada, byte));
    (world, callers)
}

fn tokens(ended: Option<Vec<EndedSession>>) -> Option<Vec<TokenId>> {
    let mut ended: Vec<_> = ended?.iter().map(|session| session.refresh_id).collect();
    ended.sort_by_key(ToString::to_string);
    Some(ended)
}

#[test]
fn a_caller_whose_session_is_over_ends_none_of_the_others() {
    for over in [
        "ended_at = 1, end_reason = 'revoked'",
        "idle_expires_at = 1000000",
    ] {
        for which in [0, 1, 2] {
            let (world, [caller, other, _]) = three();
            let id = caller.id;
            world
                .database
                .execute(&format!("UPDATE sessions SET {over} WHERE id = '{id}'"));
            let before = world.everything();
            let which = [Which::One(other.id), Which::Others, Which::All][which];
            let trace = world.trace();
            assert_eq!(end_own(&world, caller, which, &trace), None, "{over}");
            assert_eq!(world.everything(), before, "{over} {which:?}");
        }
    }
}

#[test]
fn a_repetition_gives_the_same_answer_and_tells_nothing_again() {
    for (which, ended) in [(0, &[1][..]), (1, &[2]), (2, &[2, 3]), (3, &[1, 2, 3])] {
        let (world, [caller, other, _]) = three();
        let which = [
            Which::One(caller.id),
            Which::One(other.id),
            Which::Others,
            Which::All,
        ][which];
        let wanted: Vec<_> = ended.iter().map(|byte| token(*byte)).collect();
        let trace = world.trace();
        let first = tokens(end_own(&world, caller, which, &trace));
        assert_eq!(first.as_deref(), Some(&*wanted), "{which:?}");
        let log = world.log();
        assert_eq!(tokens(end_own(&world, caller, which, &trace)), first);
        assert_eq!(world.log(), log, "{which:?}");
        // For any other request they have ended.
        let later = world.trace();
        let again = end_own(&world, caller, which, &later).unwrap_or_default();
        assert!(again.is_empty(), "{which:?}");
    }
}

#[test]
fn a_repeated_log_out_answers_the_same_and_another_one_finds_nothing() {
    let (world, [caller, ..]) = three();
    let trace = world.trace();
    let log_out = |trace: &Trace| {
        let ended = sessions::end(&world.database, caller, EndReason::Logout, trace);
        block_on(ended).unwrap()
    };
    let first = log_out(&trace);
    assert!(first.is_some());
    assert_eq!(log_out(&trace), first);
    assert_eq!(log_out(&world.trace()), None);
}

#[test]
fn a_session_that_has_expired_is_over_by_itself() {
    for which in [0, 1, 2] {
        let (world, [caller, expired, _]) = three();
        let id = expired.id;
        world.database.execute(&format!(
            "UPDATE sessions SET idle_expires_at = 1000000 WHERE id = '{id}'"
        ));
        let (which, wanted) = [
            (Which::One(expired.id), &[][..]),
            (Which::Others, &[3]),
            (Which::All, &[1, 3]),
        ][which];
        let wanted: Vec<_> = wanted.iter().map(|byte| token(*byte)).collect();
        let trace = world.trace();
        let ended = tokens(end_own(&world, caller, which, &trace));
        assert_eq!(ended.as_deref(), Some(&*wanted), "{which:?}");
        let reason = world.database.value(&format!(
            "SELECT end_reason FROM sessions WHERE id = '{id}'"
        ));
        assert_eq!(reason, "NULL", "{which:?}");
    }
}

/// The ids of two users' sessions are never equal. If they were, the other's session would not
/// change.
#[test]
fn the_cap_counts_and_ends_the_persons_own_sessions_alone() {
    let mut world = World::default();
    let [ada, bob] = [ADA, "bob@example.org"].map(|email| world.register(email));
    for byte in 10..30 {
        world.passed += 1;
        world.log_in(ada, byte);
        world.passed += 1;
        world.log_in(bob, byte);
    }
    world.passed += 1;
    let login = world.login(ada, 50);
    let ended = world.begin(&login).unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!((ended[0].user, ended[0].refresh_id), (ada, token(10)));
    let live = world
        .database
        .query("SELECT count(*) FROM sessions WHERE ended_at IS NULL GROUP BY user_id");
    assert_eq!(live, [["20"], ["20"]]);
}

/// The pause depends on this account only.
#[test]
fn a_pause_says_nothing_of_another_account() {
    let world = World::default();
    let keys = |email: &str, client: &str| {
        let email = Email::parse(email).unwrap();
        keys().of_login(&email, ClientPrefix::parse(Some(client)))
    };
    let elsewhere = keys("bob@example.org", "192.0.2.1");
    let slowed = keys(ADA, "192.0.2.2");
    world.database.execute(&format!(
        "INSERT INTO attempts VALUES
         ('{}', '{}', 30, 30, 1000900, 'x', 1000000),
         ('{}', '{}', 100, 100, 0, 'y', 1000000)",
        elsewhere.account.as_str(),
        elsewhere.client.as_str(),
        slowed.account.as_str(),
        slowed.client.as_str(),
    ));
    let email = Email::parse(ADA).unwrap();
    let attempt = Attempt {
        keys: keys(ADA, "192.0.2.1"),
        id: token(1),
        now: world.now(),
    };
    let guesser = Guesser::default();
    let outcome = attempts::log_in(&world.database, &attempt, &email, &guesser);
    let Attempted::Throttled(throttled) = block_on(outcome).unwrap() else {
        panic!("let through");
    };
    assert_eq!(throttled.pause.get(), 60);
}

#[test]
fn an_attempt_of_ones_own_is_nobody_elses_failure() {
    let world = World::default();
    let email = Email::parse(ADA).unwrap();
    for (client, byte, wanted) in [
        ("192.0.2.1", 1, false),
        ("192.0.2.1", 2, false),
        ("192.0.2.2", 3, true),
    ] {
        let attempt = Attempt {
            keys: keys().of_login(&email, ClientPrefix::parse(Some(client))),
            id: token(byte),
            now: world.now(),
        };
        let guesser = Guesser::default();
        let outcome = attempts::log_in(&world.database, &attempt, &email, &guesser);
        let Attempted::Admitted(guess, _) = block_on(outcome).unwrap() else {
            panic!("throttled");
        };
        assert_eq!(guess.others_failed, wanted, "{client}");
    }
}
