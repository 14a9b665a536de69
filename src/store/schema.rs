//! Whether the database has the schema of this version.

use super::{result, row};
use crate::ports::{Batch, Database, Statement, StoreError};

/// The files of `migrations/`, in order. wrangler keeps the names of those that it has applied in
/// the table `d1_migrations`.
pub const MIGRATIONS: [&str; 3] = [
    "0001_accounts_and_sessions.sql",
    "0002_attempts.sql",
    "0003_audit_log.sql",
];

const APPLIED: Statement = Statement::new(
    "/* list migrations */
     SELECT name
       FROM d1_migrations",
);

/// Returns the migrations that have not been applied. One round trip. A database that is newer than
/// this version misses none.
///
/// # Errors
///
/// [`StoreError`], also when no migration was ever applied: then there is no table of them.
pub async fn missing(database: &impl Database) -> Result<Vec<&'static str>, StoreError> {
    let results = database.run(&Batch::new(&[], [APPLIED])).await?;
    let applied = row::all(result(&results, 0)?, |row| row.text("name"))?;
    let missing = MIGRATIONS
        .into_iter()
        .filter(|name| !applied.iter().any(|applied| applied == name));
    Ok(missing.collect())
}
