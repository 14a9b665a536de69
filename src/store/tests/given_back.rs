//! Attempts that end without a judgement.

use pollster::block_on;

use super::{ADA, World, keys, token};
use crate::domain::identity::email::Email;
use crate::domain::throttle::{ClientPrefix, FREE_FAILURES};
use crate::store::attempts::{self, Attempt, Attempted, Guess, Guesser};
use crate::store::give_back::give_back;
use crate::testing::sqlite::{Fault, Planned};

/// Attempts to log in to Ada's account. `None` when it is throttled.
fn attempt(world: &World, number: u8) -> Option<Guess> {
    let email = Email::parse(ADA).unwrap();
    let attempt = Attempt {
        keys: keys().of_login(&email, ClientPrefix::parse(None)),
        id: token(number),
        now: world.now(),
    };
    let guesser = Guesser::default();
    match block_on(attempts::log_in(
        &world.database,
        &attempt,
        &email,
        &guesser,
    ))
    .unwrap()
    {
        Attempted::Admitted(guess, _) => Some(guess),
        Attempted::Throttled(_) => None,
    }
}

fn give(world: &World, guess: &Guess) {
    block_on(give_back(&world.database, guess)).unwrap();
}

/// The failures, those that count for the account, and the end of the pause.
fn counter(world: &World) -> Vec<String> {
    let columns = "failures, counted, blocked_until";
    let query = format!("SELECT {columns} FROM attempts WHERE account <> 'registrations'");
    world.database.query(&query).remove(0)
}

#[test]
fn any_number_of_attempts_that_nobody_judges_slows_nobody() {
    let world = World::default();
    for number in 1..50 {
        let guess = attempt(&world, number).unwrap();
        give(&world, &guess);
        assert_eq!(counter(&world), ["0", "0", "0"]);
    }
    for number in 100..110 {
        assert!(attempt(&world, number).is_some());
    }
    assert!(attempt(&world, 110).is_none());
}

#[test]
fn judged_failures_remain_with_their_pauses() {
    let mut world = World::default();
    for number in 1..=10 {
        assert!(attempt(&world, number).is_some());
    }
    assert_eq!(FREE_FAILURES, 10);
    assert!(attempt(&world, 11).is_none(), "the pause holds");
    world.passed += 1;
    let until = (world.now().get() + 2).to_string();
    for number in 12..30 {
        let guess = attempt(&world, number).unwrap();
        assert_eq!(counter(&world), ["11", "11", &until]);
        give(&world, &guess);
        assert_eq!(counter(&world), ["10", "10", "0"]);
    }
    assert!(attempt(&world, 30).is_some());
    for number in 31..33 {
        assert!(
            attempt(&world, number).is_none(),
            "and so does the next one"
        );
        world.passed += 1;
    }
    assert!(attempt(&world, 33).is_some());
}

#[test]
fn only_the_last_admitted_attempt_is_given_back_and_once() {
    let world = World::default();
    let [first, second] = [1, 2].map(|number| attempt(&world, number).unwrap());
    give(&world, &first);
    assert_eq!(counter(&world)[..2], ["2", "2"], "another one has followed");
    give(&world, &second);
    give(&world, &second);
    assert_eq!(counter(&world)[..2], ["1", "1"]);
    give(&world, &first);
    assert_eq!(counter(&world)[..2], ["1", "1"]);
}

#[test]
fn a_lost_answer_gives_back_once() {
    for how in [Fault::BeforeCommit, Fault::AfterCommit] {
        let world = World::default();
        let [_, guess] = [1, 2].map(|number| attempt(&world, number).unwrap());
        let statement = "give back attempt";
        world.database.fault.set(Some(Planned { how, statement }));
        assert!(block_on(give_back(&world.database, &guess)).is_err());
        give(&world, &guess);
        assert_eq!(counter(&world)[..2], ["1", "1"], "{how:?}");
    }
}

#[test]
fn counters_of_others_and_forgiven_ones_stay_as_they_are() {
    let world = World::default();
    let guess = attempt(&world, 1).unwrap();
    let (account, client) = (guess.account.as_str(), guess.client.as_str());
    let id = guess.attempt.to_string();
    let others = format!("NOT (account = '{account}' AND client = '{client}')");
    world.database.execute(&format!(
        "INSERT INTO attempts VALUES
            ('{account}', 'a later client', 3, 3, 9, '{id}', 1000000),
            ('{account}', '', 3, 3, 9, '{id}', 1000000),
            ('', '{client}', 3, 3, 9, '{id}', 1000000),
            ('z later account', '{client}', 3, 3, 9, '{id}', 1000000);
         UPDATE attempts SET counted = 0 WHERE NOT ({others})"
    ));
    let rows = || {
        world
            .database
            .query(&format!("SELECT * FROM attempts WHERE {others}"))
    };
    let before = rows();
    give(&world, &guess);
    assert_eq!(rows(), before);
    let own =
        format!("SELECT failures, counted, attempt, updated_at FROM attempts WHERE NOT ({others})");
    assert_eq!(world.database.query(&own), [["0", "0", "", "1000000"]]);
    // A success has deleted the counter, and another attempt has begun it anew.
    let next = attempt(&world, 2).unwrap();
    world
        .database
        .execute(&format!("DELETE FROM attempts WHERE NOT ({others})"));
    let later = attempt(&world, 3).unwrap();
    let before = world.everything();
    give(&world, &next);
    assert_eq!(world.everything(), before);
    assert_eq!(later.client, next.client);
}
