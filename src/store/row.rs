//! Reads rows. A column that differs from the migrations is damage, not absence.

use super::damaged;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::time::UnixSeconds;
use crate::ports::{Rows, StoreError, Value};

/// A row of a result.
pub(super) struct Row<'a> {
    rows: &'a dyn Rows,
    index: usize,
}

/// Reads every row.
pub(super) fn all<T>(
    rows: &dyn Rows,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    (0..rows.len())
        .map(|index| read(&Row { rows, index }))
        .collect()
}

/// Reads the first row, if there is one.
pub(super) fn first<T>(
    rows: &dyn Rows,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    if rows.is_empty() {
        return Ok(None);
    }
    read(&Row { rows, index: 0 }).map(Some)
}

impl Row<'_> {
    pub(super) fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        match self.rows.value(self.index, column) {
            Value::Text(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            Value::Int(_) | Value::Unreadable => Err(damaged(column, "is not a text")),
        }
    }

    pub(super) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.optional_text(column)?
            .ok_or_else(|| damaged(column, "is missing"))
    }

    pub(super) fn int(&self, column: &str) -> Result<i64, StoreError> {
        match self.rows.value(self.index, column) {
            Value::Int(number) => Ok(number),
            Value::Text(_) | Value::Null | Value::Unreadable => {
                Err(damaged(column, "is not a number"))
            }
        }
    }

    pub(super) fn is(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(super) fn time(&self, column: &str) -> Result<UnixSeconds, StoreError> {
        self.int(column).map(UnixSeconds::new)
    }

    pub(super) fn optional_time(&self, column: &str) -> Result<Option<UnixSeconds>, StoreError> {
        match self.rows.value(self.index, column) {
            Value::Null => Ok(None),
            _ => self.time(column).map(Some),
        }
    }

    pub(super) fn user_id(&self, column: &str) -> Result<UserId, StoreError> {
        UserId::parse(&self.text(column)?).map_err(|_| damaged(column, "is not an id"))
    }

    pub(super) fn session_id(&self, column: &str) -> Result<SessionId, StoreError> {
        SessionId::parse(&self.text(column)?).map_err(|_| damaged(column, "is not an id"))
    }

    pub(super) fn token_id(&self, column: &str) -> Result<TokenId, StoreError> {
        TokenId::parse(&self.text(column)?).map_err(|_| damaged(column, "is not an id"))
    }
}
