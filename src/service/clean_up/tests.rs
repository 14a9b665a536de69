//! The clean-up keeps up with the rows of clients at their limits, within what the platform allows,
//! whatever fails.

use pollster::block_on;

use super::{Budget, Cleaned, clean_up};
use crate::domain::time::Seconds;
use crate::service::Service;
use crate::service::config::tests::configure;
use crate::store::sweep::Swept;
use crate::testing::MemoryPorts;
use crate::testing::sqlite::{Fault, Planned};

/// Seconds between two runs, as in `wrangler.toml`.
const BETWEEN_RUNS: i64 = 300;
/// Every row of [`fill`] is dead by then, and so are the events of the real time.
const LATE: i64 = 4_000_000_000 - 400;
const DEAD: u32 = 40;
const SMALL: Budget = Budget {
    rows_a_step: 10,
    ..Budget::OF_A_RUN
};

thread_local! {
    static SERVICE: Service = configure(&[]).map_err(|list| list.join("; ")).unwrap();
}

/// Inserts dead rows into every table that is swept.
fn fill(ports: &MemoryPorts) {
    let numbers =
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {DEAD})");
    ports.store.execute(
        "INSERT INTO users (id, email, role_slug, created_at, updated_at)
         VALUES ('u', 'e', 'application-access', 0, 0)",
    );
    for (columns, values) in [
        (
            "sessions (id, user_id, current_jti, created_at, last_used_at, idle_expires_at, absolute_expires_at)",
            "i, 'u', i, 0, 0, 1, 1",
        ),
        (
            "attempts (account, client, failures, counted, blocked_until, attempt, updated_at)",
            "i, 'c', 1, 1, 0, 'x', 0",
        ),
        (
            "one_time_tokens (user_id, purpose, ordinal, digest, email, issued_at, expires_at)",
            "'u', 'undo-email', i, i, 'e', 0, 1",
        ),
        (
            "login_requests (browser, user_id, digest, email, password_version, expires_at)",
            "i, 'u', 'd', 'e', 1, 1",
        ),
        (
            "mail_counts (kind, counted, mails, updated_at)",
            "'client', i, '{}', 0",
        ),
        (
            "outbox (id, user_id, kind, email, language, facts, created_at, next_try_at, tries)",
            "i, 'u', 'k', 'e', 'en', '{}', 0, 0, 1",
        ),
        ("resting_addresses (email, user_id, until)", "i, 'u', 1"),
        ("seen_logins (user_id, device, seen_at)", "'u', i, 0"),
    ] {
        ports.store.execute(&format!(
            "INSERT INTO {columns} {numbers} SELECT {values} FROM n"
        ));
    }
    ports.timer.now.set(LATE);
    for swept in Swept::ALL {
        assert!(left(ports, swept) >= DEAD, "{swept:?}");
    }
}

fn left(ports: &MemoryPorts, swept: Swept) -> u32 {
    let count = format!("SELECT count(*) FROM {}", swept.as_str());
    ports.store.value(&count).parse().unwrap()
}

/// One run, after which the time is that of the next.
fn run(ports: &MemoryPorts, budget: Budget) -> Vec<Cleaned> {
    let began = ports.timer.now.get();
    let cleaned = SERVICE.with(|service| block_on(clean_up(ports, &service.config, budget)));
    let cleaned = cleaned.unwrap_or_default();
    ports.timer.now.set(began + BETWEEN_RUNS);
    cleaned
}

fn steps(ports: &MemoryPorts, swept: Swept) -> usize {
    let name = format!("sweep {}", swept.as_str());
    let ran = ports.store.ran.borrow();
    ran.iter().filter(|statement| **statement == name).count()
}

const SCALE: u32 = 500;

/// Simulates clients at the limit of ten attempts a minute, each for a new address, for three days.
/// Everything is scaled to a five-hundredth, so that the test is quick.
fn attempts_after_three_days(clients: u32) -> (u32, u32) {
    let an_hour = clients * 10 * 60 / SCALE;
    let budget = Budget {
        rows_a_step: Budget::OF_A_RUN.rows_a_step / (SCALE / 10),
        steps: Budget::OF_A_RUN.steps / 10,
        ..Budget::OF_A_RUN
    };
    let ports = MemoryPorts::default();
    for hour in 1..=72 {
        let now = 1_000_000 + hour * 3_600;
        ports.timer.now.set(now);
        ports.store.execute(&format!(
            "INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {an_hour})
             SELECT lower(hex(randomblob(11))), 'c', 1, 1, 0, 'x', {now} FROM n"
        ));
        for _ in 0..12 {
            for cleaned in run(&ports, budget) {
                assert_eq!(cleaned.failure, None);
            }
        }
    }
    (left(&ports, Swept::Attempts), an_hour * 24)
}

#[test]
fn the_clean_up_keeps_up_with_clients_at_their_limits() {
    for clients in [17, 1_000] {
        let (left, a_day) = attempts_after_three_days(clients);
        // A table that takes several runs also contains what died since the last pass.
        assert!(left <= a_day * 13 / 12, "{left} rows of {a_day} a day");
    }
}

#[test]
fn a_run_stays_within_the_queries_of_an_invocation_however_much_there_is() {
    const QUERIES_OF_AN_INVOCATION: usize = 1_000;
    let ports = MemoryPorts::default();
    fill(&ports);
    ports.store.execute(
        "INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         SELECT 'more', i, 1, 1, 0, 'x', 0 FROM n",
    );
    let budget = Budget {
        rows_a_step: 1,
        ..Budget::OF_A_RUN
    };
    let cleaned = run(&ports, budget);
    let queries = ports.store.ran.borrow().len();
    assert!(queries <= QUERIES_OF_AN_INVOCATION * 9 / 10, "{queries}");
    let unfinished = cleaned.iter().filter(|cleaned| !cleaned.is_done);
    let unfinished: Vec<_> = unfinished.map(|cleaned| cleaned.swept).collect();
    assert!(unfinished.contains(&Swept::Attempts));
    assert!(!unfinished.contains(&Swept::Sessions));
    assert_eq!(steps(&ports, Swept::Sessions), DEAD as usize + 1);
}

#[test]
fn a_run_ends_in_time_and_the_next_one_goes_on() {
    let ports = MemoryPorts::default();
    fill(&ports);
    ports.timer.a_call.set(25);
    let cleaned = run(&ports, SMALL);
    // One call tells the positions, and each of the others is a step.
    assert_eq!(ports.store.round_trips.get(), 200 / 25);
    assert!(cleaned.iter().all(|cleaned| !cleaned.is_done));
    let removed: usize = cleaned.iter().map(|cleaned| cleaned.removed).sum();
    assert_eq!(removed, 70);
    for _ in 0..9 {
        run(&ports, SMALL);
    }
    for swept in Swept::ALL {
        assert_eq!(left(&ports, swept), 0, "{swept:?}");
    }
}

/// One table is so large that these runs do not come to its end.
#[test]
fn runs_that_are_cut_off_empty_every_table_in_the_end() {
    const ALIVE: u32 = 5_000;
    for answered in 2..=6 {
        let ports = MemoryPorts::default();
        fill(&ports);
        ports.store.execute(&format!(
            "INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ALIVE})
             SELECT 'alive', i, 1, 1, 0, 'x', 2 * {LATE} FROM n"
        ));
        for _ in 0..200 {
            ports.store.answers.set(Some(answered));
            run(&ports, SMALL);
        }
        for swept in Swept::ALL {
            let alive = if swept == Swept::Attempts { ALIVE } else { 0 };
            assert_eq!(left(&ports, swept), alive, "{swept:?}: {answered} answers");
        }
    }
}

#[test]
fn a_run_goes_on_at_the_step_that_has_failed() {
    let ports = MemoryPorts::default();
    fill(&ports);
    for failed in [1, 3] {
        ports.store.ran.borrow_mut().clear();
        for _ in 1..failed {
            let a_round = Budget { steps: 9, ..SMALL };
            run(&ports, a_round);
        }
        ports.store.fault.set(Some(Planned {
            how: Fault::BeforeCommit,
            statement: "sweep attempts",
        }));
        let cleaned = run(&ports, SMALL);
        let of = |swept| cleaned.iter().find(|cleaned| cleaned.swept == swept);
        assert!(of(Swept::Attempts).unwrap().failure.is_some());
        assert!(of(Swept::Sessions).unwrap().is_done);
        let cleaned = run(&ports, SMALL);
        assert_eq!(cleaned.len(), 1, "the others have been read in this hour");
        assert!(cleaned[0].is_done);
        // Four steps, one at the table's end, and the one that has failed.
        assert_eq!(steps(&ports, Swept::Attempts), 6, "{failed}");
        assert_eq!(left(&ports, Swept::Attempts), 0);
        ports.store.execute("DELETE FROM users");
        ports.store.execute("DELETE FROM sweeps");
        fill(&ports);
    }
}

#[test]
fn a_table_that_always_fails_does_not_starve_the_others() {
    let ports = MemoryPorts::default();
    fill(&ports);
    ports
        .store
        .execute("ALTER TABLE attempts RENAME TO out_of_reach");
    for cleaned in run(&ports, SMALL) {
        let is_broken = cleaned.swept == Swept::Attempts;
        assert_eq!(cleaned.failure.is_some(), is_broken, "{cleaned:?}");
        assert_eq!(cleaned.is_done, !is_broken, "{cleaned:?}");
        assert_eq!(cleaned.removed >= DEAD as usize, !is_broken, "{cleaned:?}");
    }
}

#[test]
fn a_table_is_read_once_an_hour() {
    let ports = MemoryPorts::default();
    fill(&ports);
    assert_eq!(LATE % 3_600, 0);
    assert_eq!(run(&ports, SMALL).len(), Swept::ALL.len());
    for _ in 1..12 {
        assert_eq!(run(&ports, SMALL), []);
    }
    assert_eq!(run(&ports, SMALL).len(), Swept::ALL.len());
}

#[test]
fn without_positions_a_run_says_why_it_does_nothing() {
    let ports = MemoryPorts::default();
    ports.store.is_down.set(true);
    let cleaned = SERVICE.with(|service| block_on(clean_up(&ports, &service.config, SMALL)));
    assert!(cleaned.is_err());
}

/// What the benchmark prices, and documents tell, is what the code allows.
#[test]
fn the_bound_is_that_of_the_benchmark() {
    let budget = Budget::OF_A_RUN;
    let rows = budget.rows_a_step * budget.steps;
    let benchmark = include_str!("../../../bench/growth.mjs");
    assert_eq!(rows, 2_000_000);
    assert!(benchmark.contains("const ROWS_A_RUN = 2_000_000;"));
    assert_eq!(budget.time, Seconds::new(200));
}
