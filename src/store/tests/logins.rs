//! What else a login changes, and what a refused one does not.

use super::{ADA, SessionKey, World, token};
use crate::domain::credential::hashing::StoredHash;
use crate::store::attempts::Guess;
use crate::store::log_in::{Login, Rehash};

fn rehash(from: &str, to: &str) -> Rehash {
    Rehash {
        from: StoredHash::from_database(from.to_owned()),
        to: StoredHash::from_database(to.to_owned()),
    }
}

fn count_failures(world: &World, login: &mut Login) {
    let Guess {
        account, client, ..
    } = login.password().guess.clone();
    for (account, client) in [
        (account.as_str(), client.as_str()),
        (account.as_str(), "another client"),
        (account.as_str(), "a forgiven client"),
        ("another account", client.as_str()),
    ] {
        let counted = u8::from(client != "a forgiven client");
        world.database.execute(&format!(
            "INSERT INTO attempts VALUES ('{account}', '{client}', 3, {counted}, 0, 'x', 1000000)"
        ));
    }
}

#[test]
fn a_login_that_is_refused_at_the_last_moment_changes_nothing() {
    for change in [
        "UPDATE users SET is_active = 0 WHERE email LIKE 'ada%'",
        "UPDATE users SET password_version = 2, trace = '{}' WHERE email LIKE 'ada%'",
    ] {
        let world = World::default();
        let ada = world.register(ADA);
        let bob = world.register("bob@example.org");
        for byte in 10..30 {
            world.log_in(ada, byte);
        }
        // A session of another user with the same id as the new one.
        let bobs = world.log_in(bob, 7);
        let mut login = world.login(ada, 7);
        login.password().rehash = Some(rehash(super::HASH, "newer"));
        login.carried = [Some(bobs), None];
        login.password().guess.others_failed = true;
        count_failures(&world, &mut login);
        world.database.execute(change);
        // Twenty-one live sessions: the cap would end two.
        world.database.execute(
            "UPDATE sessions SET ended_at = NULL, end_reason = NULL;
             INSERT INTO sessions (user_id, id, current_jti, created_at, last_used_at, idle_expires_at, absolute_expires_at)
             SELECT id, 'x', 'x', 1, 1, 1000001, 1000001 FROM users WHERE email LIKE 'ada%'",
        );
        let before = world.everything();
        assert!(world.begin(&login).is_none(), "{change}");
        assert_eq!(world.everything(), before, "{change}");
    }
}

#[test]
fn a_login_forgets_its_own_failures_and_forgives_the_accounts_others() {
    let world = World::default();
    let ada = world.register(ADA);
    let mut login = world.login(ada, 1);
    login.password().guess.others_failed = true;
    count_failures(&world, &mut login);
    let changes = || -> u32 {
        let total = world.database.value("SELECT total_changes()");
        total.parse().unwrap()
    };
    let before = changes();
    assert!(world.begin(&login).is_some());
    // The session, its event (and the view's row), one deleted counter, one reset.
    assert!(changes() - before <= 5, "a forgiven counter is not written");
    let left = world
        .database
        .query("SELECT client = 'another client', failures, counted FROM attempts WHERE account <> 'registrations' ORDER BY account = 'another account', client DESC");
    let of = |one, two| [one, "3", two].map(str::to_owned);
    assert_eq!(left, [of("1", "0"), of("0", "0"), of("0", "1")]);
}

#[test]
fn a_hash_that_has_changed_meanwhile_is_not_replaced() {
    let world = World::default();
    let ada = world.register(ADA);
    for (byte, from, to, stored) in [
        (1, super::HASH, "newer", "newer"),
        (2, super::HASH, "of a slower login", "newer"),
    ] {
        let mut login = world.login(ada, byte);
        login.password().rehash = Some(rehash(from, to));
        assert!(world.begin(&login).is_some());
        let hash = "SELECT password_hash FROM users";
        assert_eq!(world.database.value(hash), stored);
    }
}

#[test]
fn a_carried_session_that_is_over_is_left_as_it_is() {
    let (mut world, ended, expired) = {
        let world = World::default();
        let bob = world.register("bob@example.org");
        let ended = world.log_in(bob, 8);
        world.end(ended);
        let expired = world.log_in(bob, 9);
        (world, ended, expired)
    };
    let ada = world.register(ADA);
    let of_bob = |world: &World, SessionKey { user, .. }| {
        world
            .database
            .query(&format!("SELECT * FROM sessions WHERE user_id = '{user}'"))
    };
    let before = of_bob(&world, ended);
    world.passed = 1_000;
    let mut login = world.login(ada, 1);
    login.carried = [Some(ended), Some(expired)];
    assert_eq!(world.begin(&login), Some(Vec::new()));
    assert_eq!(of_bob(&world, ended), before);
    // A second before, the live one of the two ends.
    world.passed = 999;
    let mut login = world.login(ada, 2);
    login.carried = [Some(ended), Some(expired)];
    let ended = world.begin(&login).unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].refresh_id, token(9));
    assert_eq!(world.begin(&login), Some(ended), "a repetition");
}

#[test]
fn sessions_that_are_over_take_no_place_under_the_cap() {
    let mut world = World::default();
    let ada = world.register(ADA);
    world.log_in(ada, 1);
    world.passed = 500;
    for byte in 10..29 {
        world.log_in(ada, byte);
    }
    world.passed = 1_000;
    // The first has expired, nineteen are live.
    assert_eq!(world.begin(&world.login(ada, 30)), Some(Vec::new()));
    // Twenty are live; the five newest log out.
    for byte in [30, 28, 27, 26, 25] {
        let session = world.session(ada, byte).id;
        let caller = SessionKey {
            user: ada,
            id: session,
        };
        assert!(world.end(caller).is_some());
    }
    for byte in 31..36 {
        assert_eq!(world.begin(&world.login(ada, byte)), Some(Vec::new()));
    }
    // Each login over the cap ends one session, and returns only that one.
    for byte in 36..39 {
        let ended = world.begin(&world.login(ada, byte)).unwrap();
        assert_eq!(ended.len(), 1);
    }
}
