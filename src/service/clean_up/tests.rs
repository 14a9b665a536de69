//! The clean-up keeps up with the rows of clients at their limits.

use pollster::block_on;

use super::{Budget, clean_up};
use crate::service::config::tests::configure;
use crate::testing::MemoryPorts;

const SCALE: u32 = 500;

/// Simulates clients at the limit of ten attempts a minute, each for a new address, for three days.
/// Everything is scaled to a five-hundredth, so that the test is quick.
fn attempts_after_three_days(clients: u32) -> (u32, u32) {
    let an_hour = clients * 10 * 60 / SCALE;
    let budget = Budget {
        rows_a_step: Budget::OF_A_RUN.rows_a_step / 10,
        rows: Budget::OF_A_RUN.rows / SCALE,
    };
    let service = configure(&[]).map_err(|list| list.join("; ")).unwrap();
    let ports = MemoryPorts::default();
    for hour in 1..=72 {
        ports.timer.now.set(1_000_000 + i64::from(hour) * 3_600);
        let now = ports.timer.now.get();
        ports.store.execute(&format!(
            "INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {an_hour})
             SELECT lower(hex(randomblob(11))), 'c', 1, 1, 0, 'x', {now} FROM n"
        ));
        for cleaned in block_on(clean_up(&ports, &service.config, budget)) {
            assert_eq!(cleaned.failure, None);
        }
    }
    let left = ports.store.value("SELECT count(*) FROM attempts");
    (left.parse().unwrap(), an_hour * 24)
}

#[test]
fn the_clean_up_keeps_up_with_clients_at_their_limits() {
    let (left, a_day) = attempts_after_three_days(17);
    assert!(left <= a_day, "{left} rows of {a_day} a day");
    // A table that is larger than a run's budget also contains what died since the last pass.
    let (left, a_day) = attempts_after_three_days(1_000);
    assert!(left <= a_day * 4 / 3, "{left} rows of {a_day} a day");
}
