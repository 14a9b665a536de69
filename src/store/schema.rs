//! Whether the database has the schema of this version.

use super::{result, row};
use crate::ports::{Batch, Database, Statement, StoreError};

/// The files of `migrations/`, in order. Each adds its name to the table `schema_migrations`.
pub const MIGRATIONS: [&str; 4] = [
    "0001_accounts_and_sessions",
    "0002_attempts",
    "0003_audit_log",
    "0004_mail",
];

const APPLIED: Statement = Statement::new(
    "/* list migrations */
     SELECT name
       FROM schema_migrations",
);

/// Returns the migrations that have not been applied. One round trip. A database that is newer than
/// this version misses none.
///
/// # Errors
///
/// [`StoreError`], also when no migration was ever applied: then there is no such table.
pub async fn missing(database: &impl Database) -> Result<Vec<&'static str>, StoreError> {
    let results = database.run(&Batch::new(&[], [APPLIED])).await?;
    let applied = row::all(result(&results, 0)?, |row| row.text("name"))?;
    let missing = MIGRATIONS
        .into_iter()
        .filter(|name| !applied.iter().any(|applied| applied == name));
    Ok(missing.collect())
}
