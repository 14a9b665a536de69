//! The clean-up, by key in bounded steps.

use pollster::block_on;

use super::{ADA, World};
use crate::domain::id::UserId;
use crate::store::sweep::{self, Horizon, Position, Step, Swept};
use crate::testing::sqlite::{Fault, Planned};

fn horizon(world: &World) -> Horizon {
    Horizon {
        now: world.now(),
        events_before: world.now().minus(crate::domain::time::Seconds::new(500)),
    }
}

fn sweep_all(world: &World, swept: Swept, rows: u32) -> (usize, usize) {
    let mut position = Position::start();
    let (mut removed, mut steps) = (0, 0);
    loop {
        let step = sweep::step(&world.database, swept, &position, rows, horizon(world));
        let Step {
            removed: more,
            next,
        } = block_on(step).unwrap();
        removed += more;
        steps += 1;
        assert!(steps < 100, "a run ends");
        match next {
            Some(next) => position = next,
            None => return (removed, steps),
        }
    }
}

#[test]
fn dead_sessions_go_and_live_ones_stay_whatever_the_step() {
    for rows in [1, 2, 3, 100] {
        let mut world = World::default();
        let ada = world.register(ADA);
        let bob = world.register("bob@example.org");
        for byte in 1..4 {
            let ended = world.log_in(ada, byte);
            world.end(ended);
        }
        world.log_in(bob, 4);
        world.passed = 500;
        world.log_in(bob, 5);
        let just_ended = world.log_in(bob, 6);
        world.passed = 900;
        world.end(just_ended);
        world.passed = 999;
        assert_eq!(sweep_all(&world, Swept::Sessions, rows).0, 3, "{rows}");
        world.passed = 1_000;
        assert_eq!(
            sweep_all(&world, Swept::Sessions, rows).0,
            1,
            "idle for too long"
        );
        world.passed = 1_499;
        assert_eq!(sweep_all(&world, Swept::Sessions, rows).0, 0);
        world.passed = 1_500;
        assert_eq!(sweep_all(&world, Swept::Sessions, rows).0, 2);
        assert_eq!(world.database.value("SELECT count(*) FROM sessions"), "0");
    }
}

#[test]
fn counters_go_a_day_after_the_last_attempt() {
    let mut world = World::default();
    world.database.execute(
        "INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
         VALUES ('a', 'c', 1, 1, 0, 'x', 1000000), ('a', 'd', 1, 1, 0, 'x', 1000001)",
    );
    world.passed = 86_399;
    assert_eq!(sweep_all(&world, Swept::Attempts, 1).0, 0);
    world.passed = 86_400;
    assert_eq!(sweep_all(&world, Swept::Attempts, 1).0, 1);
    assert_eq!(world.database.value("SELECT client FROM attempts"), "d");
}

#[test]
fn old_events_go_nobodys_too() {
    let mut world = World::default();
    world.register(ADA);
    world.database.execute(
        "INSERT INTO audit_log (user_id, id, event, at, last_at, actor)
         VALUES ('', 1, 'throttled', 1, 1000000, 'user'), ('', 2, 'throttled', 1, 1000001, 'user')",
    );
    world.passed = 500;
    assert_eq!(sweep_all(&world, Swept::Events, 1).0, 0);
    world.passed = 501;
    assert_eq!(sweep_all(&world, Swept::Events, 1).0, 2);
    assert_eq!(
        world.database.query("SELECT user_id, id FROM audit_log"),
        [["", "2"]]
    );
}

#[test]
fn a_step_keeps_where_the_next_one_continues_until_the_table_is_read() {
    let mut world = World::default();
    for client in 0..5 {
        world.database.execute(&format!(
            "INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
             VALUES ('a', '{client}', 1, 1, 0, 'x', 0)"
        ));
    }
    let position = |world: &World, table: Swept| {
        let unfinished = block_on(sweep::unfinished(&world.database, world.now())).unwrap();
        let mut unfinished = unfinished.into_iter();
        unfinished.find_map(|(swept, position)| (swept == table).then_some(position))
    };
    let start = Some(Position::start());
    for swept in Swept::ALL {
        assert_eq!(position(&world, swept), start);
    }
    world.passed = 86_400;
    for removed in [2, 2, 1] {
        let from = position(&world, Swept::Attempts).unwrap();
        let step = sweep::step(&world.database, Swept::Attempts, &from, 2, horizon(&world));
        let Step {
            removed: found,
            next,
        } = block_on(step).unwrap();
        assert_eq!(found, removed);
        assert_eq!(next, position(&world, Swept::Attempts));
        assert_eq!(position(&world, Swept::Sessions), start);
    }
    assert_eq!(position(&world, Swept::Attempts), None);
    let pass = (super::NOW + 86_400) / 3_600;
    world.passed = (pass + 1) * 3_600 - super::NOW - 1;
    assert_eq!(position(&world, Swept::Attempts), None);
    world.passed += 1;
    assert_eq!(position(&world, Swept::Attempts), start);
}

/// The answer of a step may be lost, and the adapter repeats its batch.
#[test]
fn a_repeated_step_leaves_out_no_row() {
    let mut world = World::default();
    world.database.execute(
        "INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
         SELECT 'a', i, 1, 1, 0, 'x', 0 FROM n",
    );
    world.passed = 86_400;
    world.database.fault.set(Some(Planned {
        how: Fault::Repeated,
        statement: "sweep attempts",
    }));
    let _ = sweep_all(&world, Swept::Attempts, 2);
    assert_eq!(world.database.value("SELECT count(*) FROM attempts"), "0");
}

/// A step continues after the last one, even if that one has deleted nothing.
#[test]
fn a_step_goes_on_behind_the_last_one() {
    for rows in [1, 2] {
        let mut world = World::default();
        let [ada, bob] = [ADA, "bob@example.org"].map(|email| world.register(email));
        let (first, last) = if ada.to_string() < bob.to_string() {
            (ada, bob)
        } else {
            (bob, ada)
        };
        world.database.execute(&format!(
            "DELETE FROM audit_log;
             DELETE FROM attempts;
             INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
             VALUES ('a', 'c', 1, 1, 0, 'x', 2000000), ('b', 'c', 1, 1, 0, 'x', 2000000), ('b', 'd', 1, 1, 0, 'x', 0);
             INSERT INTO audit_log (user_id, id, event, at, last_at, actor)
             VALUES ('{first}', 1, 'renamed', 0, 2000000, 'user'),
                    ('{last}', 1, 'renamed', 0, 2000000, 'user'),
                    ('{last}', 2, 'renamed', 0, 0, 'user')"
        ));
        world.log_in(first, 1);
        world.log_in(last, 2);
        let ended = world.log_in(last, 3);
        world
            .database
            .execute("DELETE FROM audit_log WHERE event = 'logged_in'");
        world.passed = 1;
        world.end(ended);
        world
            .database
            .execute("DELETE FROM audit_log WHERE event = 'logged_out'");
        world.passed = 601;
        assert_eq!(sweep_all(&world, Swept::Attempts, rows).0, 1, "{rows}");
        assert_eq!(sweep_all(&world, Swept::Sessions, rows).0, 1, "{rows}");
        assert_eq!(sweep_all(&world, Swept::Events, rows).0, 1, "{rows}");
    }
}

#[test]
fn an_ended_session_is_kept_for_ten_minutes() {
    let mut world = World::default();
    let ada = world.register(ADA);
    let ended = world.log_in(ada, 1);
    world.end(ended);
    world.passed = 599;
    assert_eq!(sweep_all(&world, Swept::Sessions, 10).0, 0);
    world.passed = 600;
    assert_eq!(sweep_all(&world, Swept::Sessions, 10).0, 1);
}

/// The tables of mails, each with a time after which every second of four rows is dead, and every row a
/// second later.
fn sweeps_of_mail(user: UserId) -> [(Swept, i64, String); 6] {
    let token = "INSERT INTO one_time_tokens (user_id, purpose, ordinal, digest, email, issued_at, expires_at)";
    [
        (
            Swept::Tokens,
            500,
            format!(
                "{token} VALUES ('{user}', 'undo-email', 1, 'd', 'e', 0, 1000501),
                                ('{user}', 'undo-email', 2, 'd', 'e', 0, 1000500),
                                ('{user}', 'undo-email', 3, 'd', 'e', 0, 1000501),
                                ('{user}', 'undo-email', 4, 'd', 'e', 0, 1000500)"
            ),
        ),
        (
            Swept::LoginRequests,
            500,
            format!(
                "INSERT INTO login_requests (browser, user_id, digest, email, password_version, expires_at)
                 VALUES ('a', '{user}', 'd', 'e', 1, 1000501), ('b', '{user}', 'd', 'e', 1, 1000500),
                        ('c', '{user}', 'd', 'e', 1, 1000501), ('d', '{user}', 'd', 'e', 1, 1000500)"
            ),
        ),
        (
            Swept::MailCounts,
            3_600,
            "INSERT INTO mail_counts (kind, counted, mails, updated_at)
             VALUES ('client', 'a', '{}', 1000001), ('client', 'b', '{}', 1000000),
                    ('client', 'c', '{}', 1000001), ('client', 'd', '{}', 1000000)"
                .to_owned(),
        ),
        (
            Swept::Mails,
            7 * 86_400,
            format!(
                "INSERT INTO outbox (id, user_id, kind, email, language, facts, created_at, next_try_at, tries, given_up_at)
                 VALUES ('a', '{user}', 'k', 'e', 'en', '{{}}', 1000000, 0, 1, 1000001),
                        ('b', '{user}', 'k', 'e', 'en', '{{}}', 1000000, 0, 1, 1000000),
                        ('c', '{user}', 'k', 'e', 'en', '{{}}', 1000000, 0, 1, 1000001),
                        ('d', '{user}', 'k', 'e', 'en', '{{}}', 1000000, 0, 1, 1000000)"
            ),
        ),
        (
            Swept::RestingAddresses,
            500,
            format!(
                "INSERT INTO resting_addresses (email, user_id, until)
                 VALUES ('a', '{user}', 1000501), ('b', '{user}', 1000500),
                        ('c', '{user}', 1000501), ('d', '{user}', 1000500)"
            ),
        ),
        (
            Swept::SeenLogins,
            180 * 86_400,
            format!(
                "INSERT INTO seen_logins (user_id, device, seen_at)
                 VALUES ('{user}', 'a', 1000001), ('{user}', 'b', 1000000),
                        ('{user}', 'c', 1000001), ('{user}', 'd', 1000000)"
            ),
        ),
    ]
}

#[test]
fn rows_about_mails_go_when_their_time_is_over_and_their_neighbours_stay() {
    for rows in [1, 2, 3, 100] {
        let mut world = World::default();
        let user = world.register(ADA);
        for (swept, time, insert) in sweeps_of_mail(user) {
            world.database.execute(&insert);
            world.passed = time - 1;
            assert_eq!(sweep_all(&world, swept, rows).0, 0, "{swept:?} by {rows}");
            world.passed = time;
            assert_eq!(sweep_all(&world, swept, rows).0, 2, "{swept:?} by {rows}");
            assert_eq!(sweep_all(&world, swept, rows).0, 0);
            world.passed = time + 1;
            assert_eq!(sweep_all(&world, swept, rows).0, 2, "{swept:?} by {rows}");
        }
    }
}

#[test]
fn a_mail_that_nobody_tries_goes_a_week_after_it_would_have_been_given_up() {
    let mut world = World::default();
    let user = world.register(ADA);
    world.database.execute(&format!(
        "INSERT INTO outbox (id, user_id, kind, email, language, facts, created_at, next_try_at, tries)
         VALUES ('m', '{user}', 'k', 'e', 'en', '{{}}', 1000000, 0, 1)"
    ));
    world.passed = 8 * 86_400 - 1;
    assert_eq!(sweep_all(&world, Swept::Mails, 1).0, 0);
    world.passed += 1;
    // Given up late, it stays for the week in which operators are told of it.
    world.database.execute(&format!(
        "INSERT INTO outbox (id, user_id, kind, email, language, facts, created_at, next_try_at, tries, given_up_at)
         VALUES ('late', '{user}', 'k', 'e', 'en', '{{}}', 1000000, 0, 1, 1604800)"
    ));
    assert_eq!(sweep_all(&world, Swept::Mails, 1).0, 1);
    assert_eq!(world.database.value("SELECT id FROM outbox"), "late");
}
