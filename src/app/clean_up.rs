//! The scheduled clean-up: rows that nothing can refer to any more.

use super::config::Config;
use crate::domain::time::Seconds;
use crate::ports::{Database, StoreError, Timer};
use crate::store::sweep::{self, Horizon, Step, Swept};

/// Rows that one step looks at: D1 works its queries off one at a time, and people wait behind
/// this one.
pub const ROWS_A_STEP: u32 = 500;
/// Rows that a run looks at, at most, in each table. A run that comes to the end of a table has
/// looked at all of it; where a table is larger the next run goes on.
pub const ROWS_A_RUN: u32 = 500_000;
/// How long a run may take: a scheduled Worker has 15 minutes.
const TIME_A_RUN: Seconds = Seconds::new(600);

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
) -> Vec<Cleaned> {
    let now = timer.now();
    let horizon = Horizon {
        now,
        events_before: now.minus(config.audit_retention),
    };
    let deadline = now.plus(TIME_A_RUN);
    let mut all = Vec::new();
    for swept in Swept::ALL {
        let mut cleaned = Cleaned {
            swept,
            removed: 0,
            is_done: false,
            failure: None,
        };
        let goes_on = || timer.now() < deadline;
        if let Err(error) = sweep_table(database, horizon, &mut cleaned, goes_on).await {
            cleaned.failure = Some(error);
        }
        all.push(cleaned);
    }
    all
}

async fn sweep_table(
    database: &impl Database,
    horizon: Horizon,
    cleaned: &mut Cleaned,
    goes_on: impl Fn() -> bool,
) -> Result<(), StoreError> {
    let swept = cleaned.swept;
    let mut position = sweep::position(database, swept).await?;
    for _ in 0..ROWS_A_RUN / ROWS_A_STEP {
        let Step { removed, next } =
            sweep::step(database, swept, &position, ROWS_A_STEP, horizon).await?;
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
