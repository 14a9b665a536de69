//! The database. It runs statements, whose conditions decide.

use std::borrow::Cow;

use super::StoreError;

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A whole number up to 2^53, because D1 accepts doubles.
    Int(i64),
    /// SQL's NULL.
    Null,
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Param<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Param<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Param<'_> {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}

impl<T: Into<Self>> From<Option<T>> for Param<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The text of a statement. It begins with the statement's name, by which tests inject faults: `/*
/// rotate */ UPDATE …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The SQL.
    pub sql: &'static str,
    /// The largest parameter number in the text.
    pub params: usize,
}

impl Statement {
    /// Creates a statement. The parameters in its text are `?1` to `?99`.
    #[must_use]
    pub const fn new(sql: &'static str) -> Self {
        let mut rest = sql.as_bytes();
        let mut params = 0;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            let mut number = 0;
            if *byte == b'?' {
                while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
                    number = number * 10 + (*digit - b'0') as usize;
                    rest = after;
                }
            }
            if number > params {
                params = number;
            }
        }
        Self { sql, params }
    }
}

/// Statements that run in order, in one transaction and one round trip. They share one list of
/// parameters: `?3` has the same value in each of them.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// The values of `?1`, `?2` …
    pub params: &'a [Param<'a>],
    /// The statements.
    pub statements: Vec<Statement>,
}

impl<'a> Batch<'a> {
    /// Creates a batch of these statements.
    pub fn new(params: &'a [Param<'a>], statements: impl Into<Vec<Statement>>) -> Self {
        Self {
            params,
            statements: statements.into(),
        }
    }

    /// Returns the parameters of one statement: the list up to the largest number that it uses.
    #[must_use]
    pub fn params_of(&self, statement: &Statement) -> &'a [Param<'a>] {
        self.params.get(..statement.params).unwrap_or(self.params)
    }
}

/// A value in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number. SQLite's truth values are 0 and 1.
    Int(i64),
    /// SQL's NULL.
    Null,
    /// Anything else, including a missing column. The service stores no such value, so the row is
    /// damaged.
    Unreadable,
}

/// The result of a statement.
pub trait Rows {
    /// Returns the number of rows.
    fn len(&self) -> usize;

    /// Returns whether the result has no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the value in a column of a row. Rows are counted from 0.
    fn value(&self, row: usize, column: &str) -> Value;

    /// Returns the number of rows that the statement inserted, updated or deleted. Whether it
    /// includes the rows of triggers depends on the engine, so only callers with statements without
    /// triggers use it.
    fn changes(&self) -> usize;
}

/// D1, or SQLite in native tests.
pub trait Database {
    /// Runs a batch in one transaction and one round trip. Returns one result for each statement.
    /// The adapter may repeat a batch that fails, so running a batch twice must be harmless.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`]. Whether the batch took effect is then unknown.
    async fn run(&self, batch: &Batch<'_>) -> Result<Vec<Box<dyn Rows>>, StoreError>;

    /// Runs a batch that must not be repeated, such as one that adds to a count.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`]. Whether the batch took effect is then unknown.
    async fn run_once(&self, batch: &Batch<'_>) -> Result<Vec<Box<dyn Rows>>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::{Batch, Param, Statement};

    #[test]
    fn a_statement_takes_the_list_cut_to_its_largest_number() {
        let params = [Param::Int(1), Param::Int(2), Param::Int(3)];
        for (sql, wanted) in [
            ("/* a */ 1", 0),
            ("/* a */ ?2, ?1, ?2", 2),
            ("/* a */ ?3", 3),
        ] {
            let batch = Batch::new(&params, [Statement::new(sql)]);
            let statement = batch.statements[0];
            assert_eq!(batch.params_of(&statement), &params[..wanted], "{sql}");
        }
        assert_eq!(Statement::new("/* a */ ?10 + ?9").params, 10);
    }
}
