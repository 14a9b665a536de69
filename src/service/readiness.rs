//! Whether a deployment can serve requests, and why not: for operators.

use core::cell::Cell;

use super::Ctx;
use crate::ports::{LogValue, Ports, StoreError};
use crate::store::schema;

/// What SQLite says of a schema that is older than a statement.
const SCHEMA_FAULTS: [&str; 3] = ["no such table", "no such column", "has no column named"];

/// What an isolate has told its operators.
#[derive(Default)]
pub struct Readiness {
    /// Whether the log has been told that migrations are missing.
    is_told: Cell<bool>,
}

/// Returns whether D1 answers with the schema of this version and KV answers. The keys and settings
/// are in order, or there would be no service. At most one round trip and one read of KV.
pub async fn is_ready<P: Ports>(ctx: &Ctx<'_, P>) -> bool {
    let has_schema = has_schema(ctx.ports).await;
    let has_kv = ctx.ports.responds().await;
    if !has_kv {
        ctx.ports
            .error("ready.failure", &[("ready.part", "kv".into())]);
    }
    has_schema && has_kv
}

/// Logs which migrations are missing, after a request has failed with this cause, once an isolate: a
/// service that is newer than its database is the likeliest outage.
pub fn explain_failure<P: Ports>(ctx: &Ctx<'_, P>, cause: &str) {
    let is_of_schema = SCHEMA_FAULTS.iter().any(|fault| cause.contains(fault));
    if is_of_schema && !ctx.service.readiness.is_told.replace(true) {
        let ports = ctx.ports.clone();
        ctx.ports.in_background(async move {
            has_schema(&ports).await;
        });
    }
}

/// Whether no migration is missing. The log is told which.
async fn has_schema<P: Ports>(ports: &P) -> bool {
    let missing: Vec<String> = match schema::missing(ports).await {
        Ok(missing) => missing.into_iter().map(str::to_owned).collect(),
        Err(StoreError::Unavailable { cause }) if cause.contains("no such table") => {
            schema::MIGRATIONS.map(str::to_owned).to_vec()
        }
        Err(error) => {
            let cause = error.to_string().into();
            let part = ("ready.part", "database".into());
            ports.error("ready.failure", &[part, ("error.cause", cause)]);
            return false;
        }
    };
    if !missing.is_empty() {
        let names = LogValue::Texts(&missing);
        ports.error("database.migrations_missing", &[("migrations", names)]);
    }
    missing.is_empty()
}
