//! What runs by the clock. Each schedule of `wrangler.toml` is an invocation of its own, so neither
//! task waits for the other or uses up its queries.

use super::Service;
use super::clean_up::{Budget, Cleaned, clean_up};
use super::outbox::deliver_due;
use crate::ports::{Log, LogValue, Ports, StoreError};

/// The schedule of the outbox. Any other schedule is that of the clean-up.
pub const EVERY_MINUTE: &str = "* * * * *";

/// Sends the mails that are due, or deletes dead rows. A failure is logged, and the next run tries
/// again.
pub async fn run<P: Ports>(ports: &P, service: &Service, schedule: &str) {
    if schedule == EVERY_MINUTE {
        if let Err(error) = deliver_due(ports, service).await {
            log_failure(ports, "outbox.failure", &error);
        }
        return;
    }
    match clean_up(ports, &service.config, Budget::OF_A_RUN).await {
        Ok(tables) => tables.iter().for_each(|cleaned| log(ports, cleaned)),
        Err(error) => log_failure(ports, "cleanup.failure", &error),
    }
}

fn log_failure(ports: &impl Log, event: &'static str, error: &StoreError) {
    ports.error(event, &[("error.cause", error.to_string().into())]);
}

fn log(ports: &impl Log, cleaned: &Cleaned) {
    let table = ("cleanup.table", cleaned.swept.as_str().into());
    ports.info(
        "cleanup.done",
        &[
            table.clone(),
            ("cleanup.removed", LogValue::Number(cleaned.removed as u64)),
            ("cleanup.rows_left", LogValue::Flag(!cleaned.is_done)),
        ],
    );
    if let Some(error) = &cleaned.failure {
        let cause = ("error.cause", error.to_string().into());
        ports.error("cleanup.failure", &[table, cause]);
    }
}

#[cfg(test)]
mod tests;
