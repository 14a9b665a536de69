//! The scheduled clean-up: rows that nothing can refer to any more.

use super::AppError;
use super::config::Config;
use crate::domain::time::UnixSeconds;
use crate::ports::Housekeeping;

/// Rows that one statement removes: D1 works its queries off one at a time, and people wait
/// behind this one.
const ROWS_A_STEP: u32 = 500;
/// Steps of one run, for each table; what is left over waits for the next run.
const MAX_STEPS: usize = 40;

/// How many rows a run has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleanedUp {
    /// Sessions.
    pub sessions: usize,
    /// Counters of login attempts.
    pub attempts: usize,
    /// Audit events.
    pub events: usize,
}

/// Removes dead rows in bounded steps; a step is one round trip.
///
/// # Errors
///
/// The store's; the next run goes on where this one stopped.
pub async fn clean_up(
    store: &impl Housekeeping,
    config: &Config,
    now: UnixSeconds,
) -> Result<CleanedUp, AppError> {
    let idle = config.sessions.idle;
    let mut cleaned = CleanedUp::default();
    for _ in 0..MAX_STEPS {
        let removed = store.remove_dead_sessions(idle, ROWS_A_STEP, now).await?;
        cleaned.sessions += removed;
        if removed < ROWS_A_STEP as usize {
            break;
        }
    }
    for _ in 0..MAX_STEPS {
        let removed = store.remove_old_attempts(ROWS_A_STEP, now).await?;
        cleaned.attempts += removed;
        if removed < ROWS_A_STEP as usize {
            break;
        }
    }
    let before = now.minus(config.audit_retention);
    for _ in 0..MAX_STEPS {
        let removed = store.remove_old_events(ROWS_A_STEP, before).await?;
        cleaned.events += removed;
        if removed < ROWS_A_STEP as usize {
            break;
        }
    }
    Ok(cleaned)
}
