//! D1: one database, with every query on the primary. Runs the batches of `store`. Contains
//! timeouts, retries and errors, but no statements.

use core::fmt;
use core::pin::pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, D1Result, Delay};

use super::bindings::{WorkerPorts, looked_up};
use super::names::DB;
use crate::ports::{Batch, Database, Param, Rows, Statement, StoreError, Value};

/// The maximum duration of a call, including its retries. A request must be answered within ten
/// seconds: half a second for a limiter, three for its body, and two calls. (`BREACH_CHECK=on` adds
/// one second to a password change.)
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a call is repeated. Every write of `store` may be: it names the ids it creates and the
/// values it replaces.
const MAX_RETRIES: u32 = 2;
/// The maximum pause before the first retry, in milliseconds. It doubles for the next.
const RETRY_PAUSE_MILLIS: u64 = 50;
/// The messages of D1 after which a repetition may help. "Overloaded" is not included: repeating
/// would add to the load.
const RETRYABLE: [&str; 3] = [
    "Network connection lost",
    "storage caused object to be reset",
    "reset because its code was updated",
];

impl WorkerPorts {
    fn d1(&self) -> Result<&D1Database, StoreError> {
        looked_up(&self.0.d1, || self.0.env.d1(DB)).map_err(|error| unavailable(&error))
    }

    fn bind(
        &self,
        batch: &Batch<'_>,
        statement: &Statement,
    ) -> Result<D1PreparedStatement, StoreError> {
        let values: Vec<JsValue> = batch.params_of(statement).iter().map(to_js).collect();
        self.d1()?
            .prepare(statement.sql)
            .bind(&values)
            .map_err(|error| unavailable(&error))
    }

    fn bind_all(&self, batch: &Batch<'_>) -> Result<Vec<D1PreparedStatement>, StoreError> {
        let statements = batch.statements.iter();
        statements
            .map(|statement| self.bind(batch, statement))
            .collect()
    }
}

impl Database for WorkerPorts {
    async fn run(&self, batch: &Batch<'_>) -> Result<Vec<Box<dyn Rows>>, StoreError> {
        let bound = self.bind_all(batch)?;
        let d1 = self.d1()?;
        let attempts = async {
            let mut retries = 0;
            loop {
                match send(d1, &bound).await {
                    Err(error) if retries < MAX_RETRIES && is_retryable(&error) => retries += 1,
                    outcome => return outcome,
                }
                Delay::from(jittered_pause(retries)).await;
            }
        };
        within_the_time(attempts).await
    }

    async fn run_once(&self, batch: &Batch<'_>) -> Result<Vec<Box<dyn Rows>>, StoreError> {
        let bound = self.bind_all(batch)?;
        within_the_time(send(self.d1()?, &bound)).await
    }
}

/// Sends the statements once. A single statement is its own transaction, without the overhead of a
/// batch.
async fn send(
    d1: &D1Database,
    bound: &[D1PreparedStatement],
) -> Result<Vec<Box<dyn Rows>>, StoreError> {
    let sent = if let [statement] = bound {
        statement.run().await.map(|result| vec![result])
    } else {
        d1.batch(bound.to_vec()).await
    };
    let results = sent.map_err(|error| unavailable(&error))?;
    let read = results.into_iter().map(|result| {
        let rows: Box<dyn Rows> = Box::new(D1Rows::read(result)?);
        Ok(rows)
    });
    read.collect()
}

/// The result of a statement.
struct D1Rows {
    rows: Vec<Columns>,
    result: D1Result,
}

impl D1Rows {
    fn read(result: D1Result) -> Result<Self, StoreError> {
        let rows = result.results().map_err(|_| StoreError::Damaged {
            cause: "a row is not an object".to_owned(),
        })?;
        Ok(Self { rows, result })
    }
}

impl Rows for D1Rows {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn value(&self, row: usize, column: &str) -> Value {
        let columns = self.rows.get(row).map(|columns| columns.0.iter());
        columns
            .into_iter()
            .flatten()
            .find(|(name, _)| name == column)
            .map_or(Value::Unreadable, |(_, value)| value.clone())
    }

    fn changes(&self) -> usize {
        let meta = self.result.meta().ok().flatten();
        meta.and_then(|meta| meta.changes).unwrap_or(0)
    }
}

/// The columns of a row, by name.
struct Columns(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
                let mut columns = Vec::new();
                while let Some((name, Cell(value))) = map.next_entry()? {
                    columns.push((name, value));
                }
                Ok(Columns(columns))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

struct Cell(Value);

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or null")
            }

            fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
                Ok(Cell(Value::Text(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Cell, E> {
                Ok(Cell(Value::Text(text)))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
                Ok(Cell(Value::Int(number)))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Cell, E> {
                // Whole numbers up to 2^53 are exact. The service stores no others.
                #[expect(clippy::cast_possible_truncation, reason = "a fraction is found out")]
                let whole = number as i64;
                #[expect(clippy::cast_precision_loss, reason = "a loss is found out")]
                let is_whole = (whole as f64 - number).abs() < f64::EPSILON;
                Ok(Cell(if is_whole {
                    Value::Int(whole)
                } else {
                    Value::Unreadable
                }))
            }

            fn visit_unit<E>(self) -> Result<Cell, E> {
                Ok(Cell(Value::Null))
            }

            fn visit_none<E>(self) -> Result<Cell, E> {
                Ok(Cell(Value::Null))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

fn to_js(param: &Param<'_>) -> JsValue {
    match param {
        Param::Text(text) => JsValue::from_str(text),
        #[expect(
            clippy::cast_precision_loss,
            reason = "times and bounds are far below 2^53"
        )]
        Param::Int(number) => JsValue::from_f64(*number as f64),
        Param::Null => JsValue::NULL,
    }
}

async fn within_the_time<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match select(pin!(call), Delay::from(CALL_TIMEOUT)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Err(StoreError::Unavailable {
            cause: "timed out".to_owned(),
        }),
    }
}

fn is_retryable(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable { cause } => {
            RETRYABLE.iter().any(|message| cause.contains(message))
        }
        StoreError::Damaged { .. } => false,
    }
}

/// Returns a pause of up to 50 ms, then up to 100 ms: clients that failed together must not retry
/// together.
fn jittered_pause(retry: u32) -> Duration {
    let mut byte = [u8::MAX];
    // Without entropy the pause is the maximum.
    let _ = getrandom::fill(&mut byte);
    let longest = RETRY_PAUSE_MILLIS << retry.saturating_sub(1);
    Duration::from_millis(longest * u64::from(byte[0]) / u64::from(u8::MAX))
}

/// Converts an error of D1, any of which means that there is no answer. The text is for the log: it
/// contains the names of tables and columns, never values. (`Display` of the error includes a stack
/// and may itself throw.)
fn unavailable(error: &worker::Error) -> StoreError {
    let cause = match error {
        worker::Error::D1(error) => AsRef::<js_sys::Error>::as_ref(error).message().into(),
        worker::Error::UnknownJsError { message, .. } | worker::Error::JsError(message) => {
            message.clone()
        }
        _ => "unknown".to_owned(),
    };
    StoreError::Unavailable { cause }
}
