//! The database of the native tests: bundled SQLite with the migrations of D1. It runs the same
//! batches, counts what D1 charges for, and fails on demand.

use core::cell::{Cell, RefCell};
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ToSql, params_from_iter};

use super::mutants;
use crate::ports::{Batch, Database, Param, Rows, Statement, StoreError, Value};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call fails before anything happens.
    BeforeCommit,
    /// The transaction is committed, and its answer is lost.
    AfterCommit,
    /// The transaction is committed, its answer is lost, and the adapter repeats the batch.
    Repeated,
}

/// A fault, and when it occurs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) how: Fault,
    /// The name of the statement that the batch must contain.
    pub(crate) statement: &'static str,
}

#[derive(Clone)]
pub(crate) struct Sqlite {
    connection: Rc<RefCell<Connection>>,
    pub(crate) round_trips: Rc<Cell<u32>>,
    /// Writes that no request waits for.
    pub(crate) writes_behind: Rc<Cell<u32>>,
    pub(crate) is_down: Rc<Cell<bool>>,
    /// How many more calls are answered. `None`: all of them.
    pub(crate) answers: Rc<Cell<Option<u32>>>,
    pub(crate) fault: Rc<Cell<Option<Planned>>>,
    /// SQL that runs once, just before a batch that contains this statement.
    pub(crate) meanwhile: Rc<RefCell<Option<(&'static str, String)>>>,
    /// The names of the statements that ran.
    pub(crate) ran: Rc<RefCell<Vec<String>>>,
    /// What `unixepoch()` returns: the time of the last batch, because tests have a time of their own.
    clock: Arc<AtomicI64>,
}

impl Default for Sqlite {
    fn default() -> Self {
        let connection = Connection::open_in_memory().expect("SQLite opens");
        connection
            .execute_batch("PRAGMA foreign_keys = ON")
            .expect("a pragma");
        let clock = Arc::new(AtomicI64::new(0));
        let read = Arc::clone(&clock);
        connection
            .create_scalar_function("unixepoch", 0, FunctionFlags::SQLITE_INNOCUOUS, move |_| {
                Ok(read.load(Ordering::Relaxed))
            })
            .expect("a function");
        let migrated = Self {
            connection: Rc::new(RefCell::new(connection)),
            round_trips: Rc::default(),
            writes_behind: Rc::default(),
            is_down: Rc::default(),
            answers: Rc::default(),
            fault: Rc::default(),
            meanwhile: Rc::default(),
            ran: Rc::default(),
            clock,
        };
        for migration in migrations() {
            migrated.execute(&mutants::applied(&migration));
        }
        migrated
    }
}

/// Returns the names of the files of `migrations/`, in order.
pub(crate) fn migration_names() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("migrations/")
        .map(|entry| entry.expect("a file").file_name().into_string())
        .map(|name| name.expect("a name").trim_end_matches(".sql").to_owned())
        .collect();
    names.sort();
    names
}

/// Returns the texts of `migrations/`, in order.
pub(crate) fn migrations() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("migrations/")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| fs::read_to_string(file).expect("a migration"))
        .collect()
}

impl Sqlite {
    /// Runs statements by hand, as an operator would.
    pub(crate) fn execute(&self, sql: &str) {
        let connection = self.connection.borrow();
        connection
            .execute_batch(sql)
            .unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// Returns the rows of a query, with their columns as text.
    pub(crate) fn query(&self, sql: &str) -> Vec<Vec<String>> {
        let connection = self.connection.borrow();
        let mut statement = connection.prepare(sql).expect("SQL");
        let columns = statement.column_count();
        let mut rows = statement.query([]).expect("a result");
        let mut found = Vec::new();
        while let Some(row) = rows.next().expect("a row") {
            let text = |column| match row.get_ref(column).expect("a column") {
                ValueRef::Null => "NULL".to_owned(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => number.to_string(),
                ValueRef::Text(text) | ValueRef::Blob(text) => {
                    String::from_utf8_lossy(text).into_owned()
                }
            };
            found.push((0..columns).map(text).collect());
        }
        found
    }

    /// Returns the only value of a query.
    pub(crate) fn value(&self, sql: &str) -> String {
        let rows = self.query(sql);
        assert_eq!((rows.len(), rows[0].len()), (1, 1), "{sql}");
        rows[0][0].clone()
    }

    fn transact(&self, batch: &Batch<'_>) -> Result<Vec<Box<dyn Rows>>, StoreError> {
        let mut connection = self.connection.borrow_mut();
        let transaction = connection.transaction().map_err(unavailable)?;
        let mut results: Vec<Box<dyn Rows>> = Vec::new();
        for statement in &batch.statements {
            let rows = run(&transaction, statement, batch.params_of(statement));
            results.push(Box::new(rows.map_err(unavailable)?));
        }
        transaction.commit().map_err(unavailable)?;
        Ok(results)
    }

    fn prepare_world(&self, batch: &Batch<'_>) {
        if let Some(Param::Int(now)) = batch.params.first() {
            self.clock.store(*now, Ordering::Relaxed);
        }
        let names = batch.statements.iter().map(name_of);
        self.ran.borrow_mut().extend(names);
        let due = self
            .meanwhile
            .borrow_mut()
            .take_if(|(statement, _)| contains(batch, statement));
        if let Some((_, sql)) = due {
            self.execute(&sql);
        }
    }
}

fn name_of(statement: &Statement) -> String {
    let named = statement.sql.strip_prefix("/* ");
    let (name, _) = named
        .and_then(|rest| rest.split_once(" */"))
        .unwrap_or_else(|| panic!("a statement without a name: {}", statement.sql));
    name.to_owned()
}

fn contains(batch: &Batch<'_>, name: &str) -> bool {
    let mut names = batch.statements.iter().map(name_of);
    names.any(|found| found == name)
}

fn run(
    connection: &Connection,
    statement: &Statement,
    params: &[Param<'_>],
) -> rusqlite::Result<SqliteRows> {
    let sql = mutants::applied(statement.sql);
    let mut prepared = connection.prepare(&sql)?;
    let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut values: Vec<Box<dyn ToSql>> = params.iter().map(to_sql).collect();
    if sql != statement.sql {
        // The mutant may have removed the only condition with the last parameter.
        values.truncate(prepared.parameter_count());
    }
    let mut found = prepared.query(params_from_iter(values))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let cells = (0..names.len()).map(|column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Int(number),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Real(_) | ValueRef::Blob(_) => Value::Unreadable,
            })
        });
        rows.push(cells.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    drop(found);
    let changes = usize::try_from(connection.changes()).expect("a count");
    Ok(SqliteRows {
        names,
        rows,
        changes,
    })
}

fn to_sql(param: &Param<'_>) -> Box<dyn ToSql> {
    match param {
        Param::Text(text) => Box::new(text.to_string()),
        Param::Int(number) => Box::new(*number),
        Param::Null => Box::new(rusqlite::types::Null),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the argument of a `map_err`")]
fn unavailable(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable {
        cause: error.to_string(),
    }
}

fn injected() -> StoreError {
    StoreError::Unavailable {
        cause: "injected".to_owned(),
    }
}

impl Database for Sqlite {
    async fn run(&self, batch: &Batch<'_>) -> Result<Vec<Box<dyn Rows>>, StoreError> {
        self.round_trips.set(self.round_trips.get() + 1);
        let answers = self.answers.get();
        if self.is_down.get() || answers == Some(0) {
            return Err(injected());
        }
        self.answers.set(answers.map(|answers| answers - 1));
        self.prepare_world(batch);
        let planned = self.fault.get();
        let due = planned.filter(|planned| contains(batch, planned.statement));
        if due.is_some() {
            self.fault.set(None);
        }
        match due.map(|planned| planned.how) {
            None => self.transact(batch),
            Some(Fault::BeforeCommit) => Err(injected()),
            Some(Fault::AfterCommit) => {
                self.transact(batch)?;
                Err(injected())
            }
            Some(Fault::Repeated) => {
                self.transact(batch)?;
                self.transact(batch)
            }
        }
    }

    async fn run_once(&self, batch: &Batch<'_>) -> Result<Vec<Box<dyn Rows>>, StoreError> {
        self.writes_behind.set(self.writes_behind.get() + 1);
        if self.is_down.get() {
            return Err(injected());
        }
        self.prepare_world(batch);
        self.transact(batch)
    }
}

struct SqliteRows {
    names: Vec<String>,
    rows: Vec<Vec<Value>>,
    changes: usize,
}

impl Rows for SqliteRows {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn value(&self, row: usize, column: &str) -> Value {
        let place = self.names.iter().position(|name| name == column);
        place
            .and_then(|place| self.rows.get(row)?.get(place).cloned())
            .unwrap_or(Value::Unreadable)
    }

    fn changes(&self) -> usize {
        self.changes
    }
}
