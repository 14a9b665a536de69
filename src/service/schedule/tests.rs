//! A mail provider that hangs, and a clean-up that does not wait for it.

use pollster::block_on;
use serde_json::Value;

use super::{EVERY_MINUTE, run};
use crate::service::Service;
use crate::service::config::tests::configure;
use crate::testing::{Fate, MemoryPorts};

const DUE: u32 = 200;
/// The time after which the platform ends a scheduled run.
const PLATFORM_LIMIT: i64 = 900;
/// The time-out of a mail (`src/platform/mail.rs`) and of a call of the database (`d1.rs`).
const MAIL_TIMEOUT: i64 = 5;
const CALL_TIMEOUT: i64 = 3;

fn service() -> Service {
    let mail = [
        ("MAIL", "binding"),
        ("EMAIL", "bound"),
        ("MAIL_FROM", "auth@example.org"),
    ];
    configure(&mail).map_err(|list| list.join("; ")).unwrap()
}

/// A world in which mails are due, and dead counters lie about.
fn world() -> MemoryPorts {
    let ports = MemoryPorts::default();
    ports.timer.now.set(1_000_000);
    ports.store.execute(&format!(
        "INSERT INTO users (id, email, role_slug, created_at, updated_at)
         VALUES ('018bcfe5-6800-7000-8000-000000000001', 'ada@example.org', 'application-access', 0, 0);
         INSERT INTO outbox (id, user_id, kind, email, language, facts, created_at, next_try_at, tries)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {DUE})
         SELECT 'mail ' || i, users.id, 'password_changed', email, 'en', '{{}}', 1000000, 1000000, 1 FROM n, users;
         INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
         VALUES ('a', 'c', 1, 1, 0, 'x', 0)"
    ));
    ports
}

fn events(ports: &MemoryPorts, event: &str) -> Vec<Value> {
    let log = ports.log.0.borrow();
    let lines = log.iter().filter(|line| line["event"] == event);
    lines.cloned().collect()
}

#[test]
fn a_provider_that_hangs_ends_the_run_long_before_the_platform_does() {
    let (ports, service) = (world(), service());
    for _ in 0..DUE {
        ports.mailer.then(Fate::Hangs(MAIL_TIMEOUT));
    }
    ports.timer.a_call.set(CALL_TIMEOUT);
    let began = ports.timer.now.get();
    block_on(run(&ports, &service, EVERY_MINUTE));
    let took = ports.timer.now.get() - began;
    assert!(took <= PLATFORM_LIMIT / 3, "{took} s");
    // Those that it has claimed were tried. The others are due for the next run.
    assert_eq!(events(&ports, "mail.failure").len(), 20);
    let due = "SELECT count(*) FROM outbox WHERE next_try_at <= 1000000";
    assert_eq!(ports.store.value(due), "180");
}

#[test]
fn the_clean_up_does_not_wait_for_mails() {
    let (ports, service) = (world(), service());
    for _ in 0..DUE {
        ports.mailer.then(Fate::Hangs(MAIL_TIMEOUT));
    }
    let began = ports.timer.now.get();
    block_on(run(&ports, &service, "*/5 * * * *"));
    assert_eq!(ports.timer.now.get(), began, "no mail was tried");
    assert_eq!(ports.store.value("SELECT count(*) FROM attempts"), "0");
    let done = events(&ports, "cleanup.done");
    let attempts = done.iter().find(|line| line["cleanup.table"] == "attempts");
    let attempts = attempts.unwrap();
    assert_eq!(attempts["cleanup.removed"], 1);
    assert_eq!(attempts["cleanup.rows_left"], false);
}

#[test]
fn each_minute_the_mails_that_are_due_leave_and_nothing_is_swept() {
    let (ports, service) = (world(), service());
    block_on(run(&ports, &service, EVERY_MINUTE));
    assert_eq!(ports.mailer.sent.borrow().len(), DUE as usize);
    assert_eq!(ports.store.value("SELECT count(*) FROM outbox"), "0");
    assert_eq!(ports.store.value("SELECT count(*) FROM attempts"), "1");
}

#[test]
fn failures_are_logged() {
    let (ports, service) = (world(), service());
    ports
        .store
        .execute("ALTER TABLE attempts RENAME TO out_of_reach");
    block_on(run(&ports, &service, "*/5 * * * *"));
    let failures = events(&ports, "cleanup.failure");
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0]["cleanup.table"], "attempts");
    ports.store.execute("DROP TABLE sweeps");
    block_on(run(&ports, &service, "*/5 * * * *"));
    assert_eq!(events(&ports, "cleanup.failure").len(), 2);
    ports
        .store
        .execute("ALTER TABLE outbox RENAME TO out_of_reach_as_well");
    block_on(run(&ports, &service, EVERY_MINUTE));
    assert_eq!(events(&ports, "outbox.failure").len(), 1);
}
