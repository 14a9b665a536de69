//! The scheduled clean-up: rows that nothing can refer to any more.

use super::config::Config;
use crate::domain::time::Seconds;
use crate::ports::{Database, StoreError, Timer};
use crate::store::sweep::{self, Horizon, Step, Swept};

/// How much a run may look at, in each table.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Rows that one step looks at: D1 works its queries off one at a time, and people wait behind
    /// this one.
    pub rows_a_step: u32,
    /// Rows at most. A run that comes to the end of a table has looked at all of it; in a larger
    /// one the next run goes on. Each is read about twice: of three tables of this size a run costs
    /// two cents.
    pub rows: u32,
}

impl Budget {
    /// What the scheduled handler has.
    pub const OF_A_RUN: Self = Self {
        rows_a_step: 1_000,
        rows: 3_000_000,
    };
}

/// How long a run may take in each table: a scheduled Worker has 15 minutes.
const TIME_A_TABLE: Seconds = Seconds::new(200);

/// What a run has done to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// The table.
    pub swept: Swept,
    /// How many rows it has removed.
    pub removed: usize,
    /// Whether the run has come to the table's end.
    pub is_done: bool,
    /// What stopped it, if something did; the other tables are cleaned all the same.
    pub failure: Option<StoreError>,
}

/// Removes dead rows from every table in bounded steps; a step is one round trip.
pub async fn clean_up<T: Timer>(
    database: &impl Database,
    timer: &T,
    config: &Config,
    budget: Budget,
) -> Vec<Cleaned> {
    let now = timer.now();
    let horizon = Horizon {
        now,
        events_before: now.minus(config.audit_retention),
    };
    let mut all = Vec::new();
    for swept in Swept::ALL {
        let mut cleaned = Cleaned {
            swept,
            removed: 0,
            is_done: false,
            failure: None,
        };
        let deadline = timer.now().plus(TIME_A_TABLE);
        let goes_on = || timer.now() < deadline;
        if let Err(error) =
            sweep_table(database, Sweep { horizon, budget }, &mut cleaned, goes_on).await
        {
            cleaned.failure = Some(error);
        }
        all.push(cleaned);
    }
    all
}

/// What a run is about.
#[derive(Clone, Copy)]
struct Sweep {
    horizon: Horizon,
    budget: Budget,
}

async fn sweep_table(
    database: &impl Database,
    Sweep { horizon, budget }: Sweep,
    cleaned: &mut Cleaned,
    goes_on: impl Fn() -> bool,
) -> Result<(), StoreError> {
    let swept = cleaned.swept;
    let mut position = sweep::position(database, swept).await?;
    for _ in 0..budget.rows / budget.rows_a_step {
        let Step { removed, next } =
            sweep::step(database, swept, &position, budget.rows_a_step, horizon).await?;
        cleaned.removed += removed;
        let Some(next) = next else {
            cleaned.is_done = true;
            break;
        };
        position = next;
        if !goes_on() {
            break;
        }
    }
    let next = if cleaned.is_done {
        sweep::Position::start()
    } else {
        position
    };
    sweep::keep_position(database, swept, &next).await
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::{Budget, clean_up};
    use crate::app::config::tests::configure;
    use crate::testing::NoWaiting;
    use crate::testing::sqlite::Sqlite;

    const SCALE: u32 = 500;

    /// Everything a five-hundredth of its size, so that it is quick: clients at the limit of ten
    /// attempts a minute, each for an address of its own, for three days.
    fn attempts_after_three_days(clients: u32) -> (u32, u32) {
        let an_hour = clients * 10 * 60 / SCALE;
        let budget = Budget {
            rows_a_step: Budget::OF_A_RUN.rows_a_step / 10,
            rows: Budget::OF_A_RUN.rows / SCALE,
        };
        let service = configure(&[]).map_err(|list| list.join("; ")).unwrap();
        let database = Sqlite::default();
        let timer = NoWaiting::default();
        for hour in 1..=72 {
            timer.now.set(1_000_000 + i64::from(hour) * 3_600);
            let now = timer.now.get();
            database.execute(&format!(
                "INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {an_hour})
                 SELECT lower(hex(randomblob(11))), 'c', 1, 1, 0, 'x', {now} FROM n"
            ));
            for cleaned in block_on(clean_up(&database, &timer, &service.config, budget)) {
                assert_eq!(cleaned.failure, None);
            }
        }
        let left = database.value("SELECT count(*) FROM attempts");
        (left.parse().unwrap(), an_hour * 24)
    }

    #[test]
    fn the_clean_up_keeps_up_with_clients_at_their_limits() {
        let (left, a_day) = attempts_after_three_days(17);
        assert!(left <= a_day, "{left} rows of {a_day} a day");
        // A table that is larger than a run looks at holds what died since the last pass as well.
        let (left, a_day) = attempts_after_three_days(1_000);
        assert!(left <= a_day * 4 / 3, "{left} rows of {a_day} a day");
    }
}
