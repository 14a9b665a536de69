//! The counters of attempts.

use pollster::block_on;

use super::{ADA, SessionKey, World, keys, token};
use crate::domain::id::TokenId;
use crate::domain::identity::email::Email;
use crate::domain::throttle::{ClientPrefix, FREE_FAILURES};
use crate::store::attempts::{self, Attempt, Attempted, Guesser, KnownDevice};
use crate::testing::sqlite::{Fault, Planned};

/// Attempts to log in to Ada's account. Returns the pause when it is throttled.
fn attempt(world: &World, client: u8, device: Option<&KnownDevice>) -> Result<(), u32> {
    let guesser = Guesser {
        device: device.cloned(),
        must_be_known: false,
    };
    attempt_as(world, client, &guesser)
}

fn attempt_as(world: &World, client: u8, guesser: &Guesser) -> Result<(), u32> {
    let number = world.requests.get() + 1;
    world.requests.set(number);
    let mut id = [client; 16];
    id[..4].copy_from_slice(&number.to_le_bytes());
    let address = format!("192.0.2.{client}");
    let email = Email::parse(ADA).unwrap();
    let attempt = Attempt {
        keys: keys().of_login(&email, ClientPrefix::parse(Some(&address))),
        id: TokenId::from_random(id),
        now: world.now(),
    };
    match block_on(attempts::log_in(&world.database, &attempt, &email, guesser)).unwrap() {
        Attempted::Admitted(..) => Ok(()),
        Attempted::Throttled(throttled) => Err(throttled.pause.get()),
    }
}

fn device(caller: SessionKey, refresh_id: TokenId) -> KnownDevice {
    KnownDevice {
        session: caller,
        refresh_id,
        key: keys().of_device(caller.id),
    }
}

#[test]
fn delays_double_from_the_tenth_failure_on_up_to_a_quarter_of_an_hour() {
    let mut world = World::default();
    for _ in 0..FREE_FAILURES {
        assert_eq!(attempt(&world, 1, None), Ok(()));
    }
    for pause in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
        assert_eq!(attempt(&world, 1, None), Err(pause));
        world.passed += i64::from(pause) - 1;
        assert_eq!(attempt(&world, 1, None), Err(1), "a second too early");
        world.passed += 1;
        assert_eq!(attempt(&world, 1, None), Ok(()), "after {pause} s");
    }
    assert_eq!(
        attempt(&world, 2, None),
        Ok(()),
        "another client is not slowed"
    );
}

#[test]
fn an_account_takes_a_hundred_failures_and_then_one_a_minute_from_everywhere() {
    let mut world = World::default();
    for client in 0..100 {
        assert_eq!(attempt(&world, client, None), Ok(()));
    }
    assert_eq!(attempt(&world, 200, None), Err(60));
    world.passed = 59;
    assert_eq!(attempt(&world, 200, None), Err(1));
    world.passed = 60;
    assert_eq!(attempt(&world, 200, None), Ok(()));
    assert_eq!(attempt(&world, 201, None), Err(60));
    // Throttled attempts leave nothing behind.
    assert_eq!(
        world.database.value("SELECT sum(counted) FROM attempts"),
        "101"
    );
}

#[test]
fn a_repeated_attempt_counts_once_and_is_judged_as_the_first_time() {
    for failures in [1, 9, 99] {
        let world = World::default();
        for client in 0..failures {
            assert_eq!(attempt(&world, client, None), Ok(()));
        }
        world.database.fault.set(Some(Planned {
            how: Fault::Repeated,
            statement: "count log in",
        }));
        assert_eq!(attempt(&world, 0, None), Ok(()));
        let counted = world.database.value("SELECT sum(counted) FROM attempts");
        assert_eq!(counted, (u32::from(failures) + 1).to_string());
    }
}

#[test]
fn a_known_device_has_a_counter_of_its_own_and_is_counted() {
    let world = World::default();
    let ada = world.register(ADA);
    let caller = world.log_in(ada, 1);
    let known = device(caller, token(1));
    // Another user behind the same address uses up its attempts, others those of the account.
    for _ in 0..FREE_FAILURES {
        assert_eq!(attempt(&world, 1, None), Ok(()));
    }
    assert_eq!(attempt(&world, 1, None), Err(1));
    for client in 2..92 {
        assert_eq!(attempt(&world, client, None), Ok(()));
    }
    assert_eq!(attempt(&world, 200, None), Err(60));
    for _ in 0..FREE_FAILURES {
        assert_eq!(attempt(&world, 1, Some(&known)), Ok(()));
    }
    assert_eq!(
        attempt(&world, 1, Some(&known)),
        Err(1),
        "it is slowed as well"
    );
    assert_eq!(
        world.database.value("SELECT sum(counted) FROM attempts"),
        "110"
    );
}

#[test]
fn only_the_current_token_of_a_live_session_of_this_account_makes_a_known_device() {
    let other = |world: &World| {
        let bob = world.register("bob@example.org");
        world.log_in(bob, 2)
    };
    let cases: [(&str, &str); 4] = [
        (
            "ended",
            "UPDATE sessions SET ended_at = 1, end_reason = 'revoked'",
        ),
        ("expired", "UPDATE sessions SET idle_expires_at = 1000000"),
        (
            "superseded",
            "UPDATE sessions SET current_jti = 'x', previous_jti = current_jti, rotated_at = 1000000",
        ),
        (
            "of an account with another address",
            "UPDATE users SET email = 'x' || email",
        ),
    ];
    for (name, change) in cases {
        let world = World::default();
        let ada = world.register(ADA);
        let caller = world.log_in(ada, 1);
        for client in 0..100 {
            assert_eq!(attempt(&world, client, None), Ok(()));
        }
        let known = device(caller, token(1));
        let strangers = device(other(&world), token(2));
        assert_eq!(attempt(&world, 201, Some(&strangers)), Err(60), "Bob's");
        world.database.execute(change);
        assert_eq!(attempt(&world, 201, Some(&known)), Err(60), "{name}");
    }
}

#[test]
fn what_is_no_known_device_is_counted_as_its_client() {
    let cases: [(&str, &str); 5] = [
        ("of another account", ""),
        (
            "ended",
            "UPDATE sessions SET ended_at = 1, end_reason = 'revoked'",
        ),
        ("expired", "UPDATE sessions SET idle_expires_at = 1000000"),
        ("superseded", "UPDATE sessions SET current_jti = 'x'"),
        (
            "of another address",
            "UPDATE users SET email = 'x' || email",
        ),
    ];
    for (name, change) in cases {
        let world = World::default();
        let ada = world.register(ADA);
        let bob = world.register("bob@example.org");
        let own = world.log_in(ada, 1);
        let (second, bobs) = (world.log_in(ada, 2), world.log_in(bob, 3));
        for _ in 0..FREE_FAILURES {
            assert_eq!(attempt(&world, 1, None), Ok(()));
        }
        let of_bob = SessionKey {
            user: bob,
            id: own.id,
        };
        let false_devices = [
            device(bobs, token(3)),
            device(of_bob, token(1)),
            device(second, token(1)),
        ];
        for false_device in &false_devices {
            assert_eq!(attempt(&world, 1, Some(false_device)), Err(1));
        }
        let known = device(own, token(1));
        if change.is_empty() {
            assert_eq!(attempt(&world, 1, Some(&known)), Ok(()));
            for client in 2..91 {
                assert_eq!(attempt(&world, client, None), Ok(()));
            }
            for device in &false_devices {
                assert_eq!(attempt(&world, 200, Some(device)), Err(60));
            }
            assert_eq!(attempt(&world, 200, Some(&known)), Ok(()));
            continue;
        }
        world.database.execute(change);
        let before = world.everything();
        assert_eq!(attempt(&world, 1, Some(&known)), Err(1), "{name}");
        // The whole account is slowed: none of them is admitted.
        for client in 2..92 {
            assert_eq!(attempt(&world, client, None), Ok(()));
        }
        for device in false_devices.iter().chain([&known]) {
            assert_eq!(attempt(&world, 200, Some(device)), Err(60), "{name}");
        }
        let counters = "SELECT count(*) FROM attempts WHERE account <> 'registrations'";
        assert_eq!(world.database.value(counters), "91");
        assert_ne!(world.everything(), before);
    }
}

#[test]
fn an_attempt_that_only_a_known_device_may_make_counts_for_nobody_else() {
    let must_be_known = |device: Option<&KnownDevice>| Guesser {
        device: device.cloned(),
        must_be_known: true,
    };
    let world = World::default();
    let (ada, bob) = (world.register(ADA), world.register("bob@example.org"));
    let (own, bobs) = (world.log_in(ada, 1), world.log_in(bob, 2));
    assert_eq!(attempt(&world, 1, None), Ok(()));
    let before = world.everything();
    let (known, superseded) = (device(own, token(1)), device(own, token(9)));
    for other in [None, Some(&device(bobs, token(2))), Some(&superseded)] {
        for client in [1, 2] {
            let refused = attempt_as(&world, client, &must_be_known(other));
            assert_eq!(refused, Err(0), "{other:?}");
        }
    }
    assert_eq!(world.everything(), before);
    assert_eq!(
        attempt_as(&world, 1, &must_be_known(Some(&known))),
        Ok(()),
        "and under a counter of its own"
    );
    assert_eq!(
        world
            .database
            .value("SELECT max(failures) FROM attempts WHERE account <> 'registrations'"),
        "1"
    );
}

#[test]
fn failures_of_other_accounts_slow_nobody_and_a_clock_behind_neither() {
    let mut world = World::default();
    world.database.execute(
        "INSERT INTO attempts VALUES ('another account', 'x', 100, 100, 1000900, 'x', 1000001)",
    );
    world.passed = 5;
    assert_eq!(attempt(&world, 1, None), Ok(()));
    assert_eq!(attempt(&world, 1, None), Ok(()));
    world.passed = 0;
    assert_eq!(attempt(&world, 1, None), Ok(()));
}

#[test]
fn a_login_finds_its_own_account() {
    let world = World::default();
    let people = [world.register(ADA), world.register("bob@example.org")];
    for (user, address) in people.into_iter().zip([ADA, "bob@example.org"]) {
        let email = Email::parse(address).unwrap();
        let attempt = Attempt {
            keys: keys().of_login(&email, ClientPrefix::parse(None)),
            id: token(9),
            now: world.now(),
        };
        let guesser = Guesser::default();
        let outcome = attempts::log_in(&world.database, &attempt, &email, &guesser);
        let Attempted::Admitted(_, Some(holder)) = block_on(outcome).unwrap() else {
            panic!("{address}");
        };
        assert_eq!(holder.id, user);
    }
}

#[test]
fn a_success_forgets_its_own_failures_and_leaves_others_slow() {
    let mut world = World::default();
    let ada = world.register(ADA);
    for _ in 0..FREE_FAILURES {
        assert_eq!(attempt(&world, 1, None), Ok(()));
    }
    for client in 2..92 {
        assert_eq!(attempt(&world, client, None), Ok(()));
    }
    assert_eq!(attempt(&world, 200, None), Err(60));
    world.passed = 60;
    // The owner comes from the second address.
    let email = Email::parse(ADA).unwrap();
    let keys = keys().of_login(&email, ClientPrefix::parse(Some("192.0.2.2")));
    let attempted = Attempt {
        keys,
        id: token(77),
        now: world.now(),
    };
    let outcome = block_on(attempts::log_in(
        &world.database,
        &attempted,
        &email,
        &Guesser::default(),
    ))
    .unwrap();
    let Attempted::Admitted(guess, _) = outcome else {
        panic!("the minute is over");
    };
    assert!(guess.others_failed);
    let mut login = world.login(ada, 1);
    login.password().guess = guess;
    assert!(world.begin(&login).is_some());
    assert_eq!(
        world.database.value("SELECT sum(counted) FROM attempts"),
        "0"
    );
    assert_eq!(
        world
            .database
            .value("SELECT count(*) FROM attempts WHERE failures = 10"),
        "1"
    );
    // The account is open again; the guesser behind the first address pays for the next failure.
    assert_eq!(attempt(&world, 200, None), Ok(()));
    assert_eq!(attempt(&world, 1, None), Ok(()));
    assert_eq!(attempt(&world, 1, None), Err(2));
}

#[test]
fn a_thief_with_one_session_does_not_keep_the_owner_from_changing_the_password() {
    let world = World::default();
    let ada = world.register(ADA);
    let (thief, owner) = (world.log_in(ada, 1), world.log_in(ada, 2));
    let mut admitted = 0;
    for byte in 10..200 {
        admitted += u32::from(matches!(
            world.try_change(thief, byte),
            Attempted::Admitted(..)
        ));
    }
    assert_eq!(admitted, FREE_FAILURES);
    assert!(matches!(
        world.try_change(owner, 201),
        Attempted::Admitted(_, Some(_))
    ));
}

#[test]
fn a_pause_is_judged_by_this_account_and_this_client_alone() {
    let mut world = World::default();
    let ada = world.register(ADA);
    let (own, second) = (world.log_in(ada, 1), world.log_in(ada, 2));
    let known = device(own, token(1));
    // Another account is slowed, and blocked for long, from the same client.
    world.database.execute(
        "INSERT INTO attempts VALUES ('another account', 'x', 100, 100, 1000900, 'x', 1000050)",
    );
    for _ in 0..FREE_FAILURES {
        assert_eq!(attempt(&world, 1, None), Ok(()));
        assert_eq!(attempt(&world, 2, Some(&known)), Ok(()));
    }
    assert_eq!(attempt(&world, 1, None), Err(1));
    assert_eq!(attempt(&world, 2, Some(&known)), Err(1));
    // The device is blocked for longer than the client with its address, and vice versa. The id of
    // another session does not make a known device.
    let blocked_until = |key: &str, until: i64| {
        world.database.execute(&format!(
            "UPDATE attempts SET blocked_until = {until} WHERE client = '{key}'"
        ));
    };
    blocked_until(known.key.as_str(), 1_000_300);
    assert_eq!(attempt(&world, 1, Some(&known)), Err(300));
    assert_eq!(attempt(&world, 1, None), Err(1));
    assert_eq!(
        attempt(&world, 1, Some(&device(second, token(1)))),
        Err(1),
        "counted as the client"
    );
    // A minute after the last attempt the account's bound delays no client: only the client's own
    // pause does.
    world.database.execute(
        "UPDATE attempts SET counted = 60, blocked_until = 1000065 WHERE account <> 'another account'",
    );
    world.passed = 60;
    assert_eq!(attempt(&world, 1, None), Err(5));
    world.passed = 61;
    assert_eq!(attempt(&world, 1, None), Err(4));
}

#[test]
fn a_repeated_registration_counts_once_in_its_hour() {
    let world = World::default();
    world.database.fault.set(Some(Planned {
        how: Fault::Repeated,
        statement: "count registration",
    }));
    world.register(ADA);
    let counted = "SELECT failures FROM attempts WHERE account = 'registrations'";
    assert_eq!(world.database.value(counted), "1");
    world.register("bob@example.org");
    assert_eq!(world.database.value(counted), "2");
}
