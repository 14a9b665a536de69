//! Whether a deployment can serve requests, and why not: for operators.

use core::cell::Cell;
use std::rc::Rc;

use super::Ctx;
use crate::ports::{LogValue, Ports, StoreError};
use crate::store::schema;

/// What SQLite says of a schema that is older than a statement.
const SCHEMA_FAULTS: [&str; 3] = ["no such table", "no such column", "has no column named"];

/// What an isolate has told its operators.
#[derive(Default)]
pub struct Readiness {
    /// Whether the log has been told that migrations are missing.
    is_told: Rc<Cell<bool>>,
}

/// Returns whether D1 answers with the schema of this version and KV answers. The keys and settings
/// are in order, or there would be no service. At most one round trip and one read of KV.
pub async fn is_ready<P: Ports>(ctx: &Ctx<'_, P>) -> bool {
    let missing = missing_migrations(ctx.ports).await;
    let has_schema = missing.is_some_and(|missing| missing.is_empty());
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
    let is_told = &ctx.service.readiness.is_told;
    if is_of_schema && !is_told.get() {
        let (ports, is_told) = (ctx.ports.clone(), Rc::clone(is_told));
        ctx.ports.in_background(async move {
            let missing = missing_migrations(&ports).await;
            is_told.set(missing.is_some_and(|missing| !missing.is_empty()));
        });
    }
}

/// Returns the migrations that are missing, and logs them. `None`, logged as well, when the database
/// does not answer.
async fn missing_migrations<P: Ports>(ports: &P) -> Option<Vec<String>> {
    let missing: Vec<String> = match schema::missing(ports).await {
        Ok(missing) => missing.into_iter().map(str::to_owned).collect(),
        Err(StoreError::Unavailable { cause }) if cause.contains("no such table") => {
            schema::MIGRATIONS.map(str::to_owned).to_vec()
        }
        Err(error) => {
            let cause = error.to_string().into();
            let part = ("ready.part", "database".into());
            ports.error("ready.failure", &[part, ("error.cause", cause)]);
            return None;
        }
    };
    if !missing.is_empty() {
        let names = LogValue::Texts(&missing);
        ports.error("database.migrations_missing", &[("migrations", names)]);
    }
    Some(missing)
}
