//! The scheduled clean-up: deletes rows that nothing can refer to any more.
//!
//! A run may end at any step: each one keeps its own position, and the next run goes on there.

use std::collections::VecDeque;

use super::config::Config;
use crate::domain::time::Seconds;
use crate::ports::{Database, Entropy, StoreError, Timer};
use crate::store::sweep::{self, Horizon, Position, Step, Swept};

/// How much a run may do, in all tables together.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Rows that one step reads: D1 executes its queries one at a time, and requests wait for this
    /// one. A step of 5,000 live rows takes about 5 ms (`npm run bench:growth`).
    pub rows_a_step: u32,
    /// The maximum number of steps, of two queries each. D1 answers 1,000 queries of an invocation;
    /// a fifth of them is left for those that are sent again.
    pub steps: u32,
    /// The maximum duration. The next run begins five minutes later, and the platform ends a run
    /// after 15.
    pub time: Seconds,
}

impl Budget {
    /// The budget of the scheduled handler. Twelve runs an hour read 24,000,000 rows at most, each
    /// about twice, which costs five cents.
    pub const OF_A_RUN: Self = Self {
        rows_a_step: 5_000,
        steps: 400,
        time: Seconds::new(200),
    };
}

/// The result of a run in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// The table.
    pub swept: Swept,
    /// How many rows the run has deleted.
    pub removed: usize,
    /// Whether the run has reached the end of the table.
    pub is_done: bool,
    /// What stopped the run in this table, if anything; the other tables are cleaned anyway.
    pub failure: Option<StoreError>,
}

/// Deletes dead rows in bounded steps, in every table that has not been read in this hour. A step is
/// one round trip. The tables take turns, so that a large one does not keep the others waiting.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not tell where to continue.
pub async fn clean_up(
    ports: &(impl Database + Entropy + Timer),
    config: &Config,
    budget: Budget,
) -> Result<Vec<Cleaned>, StoreError> {
    let now = ports.now();
    let horizon = Horizon {
        now,
        events_before: now.minus(config.audit_retention),
    };
    let deadline = now.plus(budget.time);
    let mut turns = turns(ports, sweep::unfinished(ports, now).await?);
    let mut ended = Vec::new();
    let mut steps = 0;
    while let Some((mut cleaned, position)) = turns.pop_front() {
        if steps == budget.steps || ports.now() >= deadline {
            ended.push(cleaned);
            continue;
        }
        steps += 1;
        match sweep::step(ports, cleaned.swept, &position, budget.rows_a_step, horizon).await {
            Ok(Step { removed, next }) => {
                cleaned.removed += removed;
                if let Some(next) = next {
                    turns.push_back((cleaned, next));
                } else {
                    cleaned.is_done = true;
                    ended.push(cleaned);
                }
            }
            Err(error) => {
                cleaned.failure = Some(error);
                ended.push(cleaned);
            }
        }
    }
    Ok(ended)
}

/// Returns the tables in the order in which they take turns. Any of them may be the first: a run that
/// is cut off early must not leave out the same ones each time.
fn turns(entropy: &impl Entropy, tables: Vec<(Swept, Position)>) -> VecDeque<(Cleaned, Position)> {
    let mut turns: VecDeque<_> = tables
        .into_iter()
        .map(|(swept, position)| {
            let cleaned = Cleaned {
                swept,
                removed: 0,
                is_done: false,
                failure: None,
            };
            (cleaned, position)
        })
        .collect();
    // Without entropy the first is the first.
    let [byte] = entropy.random_bytes().unwrap_or_default();
    let first = usize::from(byte).checked_rem(turns.len()).unwrap_or(0);
    turns.rotate_left(first);
    turns
}

#[cfg(test)]
mod tests;
