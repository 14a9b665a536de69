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
mod tests;
