//! The clean-up, by key in bounded steps.

use pollster::block_on;

use super::{ADA, World};
use crate::domain::id::UserId;
use crate::domain::time::UnixSeconds;
use crate::store::sweep::{self, Horizon, Position, Step, Swept};

fn horizon(world: &World) -> Horizon {
    Horizon {
        now: world.now(),
        events_before: world.now().minus(crate::domain::time::Seconds::new(500)),
    }
}

fn sweep_all(world: &World, swept: Swept, rows: u32) -> (usize, usize) {
    let mut position = block_on(sweep::position(&world.database, swept)).unwrap();
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
fn a_run_goes_on_where_the_last_one_stopped() {
    let world = World::default();
    for client in 0..5 {
        world.database.execute(&format!(
            "INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
             VALUES ('a', '{client}', 1, 1, 0, 'x', 0)"
        ));
    }
    let late = Horizon {
        now: UnixSeconds::new(1_000_000),
        events_before: UnixSeconds::new(0),
    };
    let step = |position: &Position| {
        block_on(sweep::step(
            &world.database,
            Swept::Attempts,
            position,
            2,
            late,
        ))
        .unwrap()
    };
    let first = step(&Position::start());
    assert_eq!(first.removed, 2);
    let next = first.next.unwrap();
    block_on(sweep::keep_position(
        &world.database,
        Swept::Attempts,
        &next,
    ))
    .unwrap();
    let kept = block_on(sweep::position(&world.database, Swept::Attempts)).unwrap();
    assert_eq!(kept, next);
    assert_eq!(step(&kept).removed, 2);
    let other = block_on(sweep::position(&world.database, Swept::Sessions)).unwrap();
    assert_eq!(other, Position::start());
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
fn sweeps_of_mail(user: UserId) -> [(Swept, i64, String); 5] {
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
