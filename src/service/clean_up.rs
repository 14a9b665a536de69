//! The scheduled clean-up: deletes rows that nothing can refer to any more.

use super::config::Config;
use crate::domain::time::Seconds;
use crate::ports::{Database, StoreError, Timer};
use crate::store::sweep::{self, Horizon, Step, Swept};

/// How much a run may read in each table.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Rows that one step reads: D1 executes its queries one at a time, and requests wait for this
    /// one.
    pub rows_a_step: u32,
    /// The maximum number of rows. A run that reaches the end of a table has read all of it; the
    /// next run continues in a larger one. Each row is read about twice: with three tables of this
    /// size a run costs two cents.
    pub rows: u32,
}

impl Budget {
    /// The budget of the scheduled handler.
    pub const OF_A_RUN: Self = Self {
        rows_a_step: 1_000,
        rows: 3_000_000,
    };
}

/// How long a run may take for each table: a scheduled Worker has 15 minutes.
const TIME_A_TABLE: Seconds = Seconds::new(200);

/// The result of a run in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// The table.
    pub swept: Swept,
    /// How many rows the run has deleted.
    pub removed: usize,
    /// Whether the run has reached the end of the table.
    pub is_done: bool,
    /// What stopped the run, if anything; the other tables are cleaned anyway.
    pub failure: Option<StoreError>,
}

/// Deletes dead rows from every table in bounded steps. A step is one round trip.
pub async fn clean_up(
    ports: &(impl Database + Timer),
    config: &Config,
    budget: Budget,
) -> Vec<Cleaned> {
    let now = ports.now();
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
        let deadline = ports.now().plus(TIME_A_TABLE);
        let goes_on = || ports.now() < deadline;
        if let Err(error) =
            sweep_table(ports, Sweep { horizon, budget }, &mut cleaned, goes_on).await
        {
            cleaned.failure = Some(error);
        }
        all.push(cleaned);
    }
    all
}

/// What a run sweeps, and how much of it.
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
mod tests;
