//! D1: one database, every query on the primary. Statements, time-outs, retries and errors
//! are here, the queries in the modules.

mod attempts;
mod audit;
mod housekeeping;
mod log_in;
mod refresh;
mod rows;
mod sessions;
mod users;

use core::cell::OnceCell;
use core::pin::pin;
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, D1Result, Delay, Env};

use super::bindings::looked_up;
use super::names::DB;
use crate::ports::StoreError;

/// How long a call may take, its retries included. A request must be answered within ten
/// seconds: half a one for a limiter, three for its body, and two calls. (`BREACH_CHECK=on` adds
/// one to a change of password.)
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a call is repeated. Each of our writes may be: they name the ids they create and
/// the values they replace.
const MAX_RETRIES: u32 = 2;
/// The longest pause before the first retry, in milliseconds; it doubles.
const RETRY_PAUSE_MILLIS: u64 = 50;
/// What D1 says when a repetition may help. "Overloaded" is not among them: repeating would
/// add to the load.
const RETRYABLE: [&str; 3] = [
    "Network connection lost",
    "storage caused object to be reset",
    "reset because its code was updated",
];

/// The database.
#[derive(Clone)]
pub(super) struct Database(Rc<Binding>);

struct Binding {
    env: Env,
    d1: OnceCell<D1Database>,
}

/// A parameter of a statement.
pub(super) enum Param<'a> {
    Text(&'a str),
    /// Whole numbers up to 2^53: D1 takes doubles.
    Int(i64),
    Null,
}

impl<'a> Param<'a> {
    fn optional(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// A statement with its parameters, in the order of their numbers.
struct Statement<'a> {
    sql: &'static str,
    params: Vec<Param<'a>>,
}

impl Database {
    pub(super) fn new(env: Env) -> Self {
        let d1 = OnceCell::new();
        Self(Rc::new(Binding { env, d1 }))
    }

    fn d1(&self) -> Result<&D1Database, StoreError> {
        let Binding { env, d1 } = &*self.0;
        looked_up(d1, || env.d1(DB)).map_err(|error| unavailable(&error))
    }

    /// Runs the statements in order, in one transaction and one round trip.
    async fn batch<const N: usize>(
        &self,
        statements: [Statement<'_>; N],
    ) -> Result<[D1Result; N], StoreError> {
        self.batch_all(&statements)
            .await?
            .try_into()
            .map_err(|_| damaged("a batch", "has another number of results"))
    }

    /// The same for a number of statements that is known at run time only.
    async fn batch_all(&self, statements: &[Statement<'_>]) -> Result<Vec<D1Result>, StoreError> {
        let bound = statements
            .iter()
            .map(|statement| self.bind(statement))
            .collect::<Result<Vec<_>, _>>()?;
        let d1 = self.d1()?;
        with_retries(async || d1.batch(bound.clone()).await).await
    }

    /// Runs a statement that must not be repeated.
    async fn once(&self, statement: &Statement<'_>) -> Result<(), StoreError> {
        let bound = self.bind(statement)?;
        let run = async { bound.run().await.map_err(|error| unavailable(&error)) };
        within_the_time(run).await.map(drop)
    }

    /// Runs one statement and reads its only row, if there is one.
    async fn first<R: DeserializeOwned>(
        &self,
        statement: Statement<'_>,
    ) -> Result<Option<R>, StoreError> {
        let [result] = self.batch([statement]).await?;
        first_row(&result)
    }

    fn bind(&self, statement: &Statement<'_>) -> Result<D1PreparedStatement, StoreError> {
        let values: Vec<JsValue> = statement
            .params
            .iter()
            .map(|param| match param {
                Param::Text(text) => JsValue::from_str(text),
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "times and bounds are far below 2^53"
                )]
                Param::Int(number) => JsValue::from_f64(*number as f64),
                Param::Null => JsValue::NULL,
            })
            .collect();
        self.d1()?
            .prepare(statement.sql)
            .bind(&values)
            .map_err(|error| unavailable(&error))
    }
}

/// How many rows a statement changed.
fn changes(result: &D1Result) -> Result<usize, StoreError> {
    let meta = result
        .meta()
        .map_err(|_| damaged("a result", "has no readable meta data"))?;
    meta.and_then(|meta| meta.changes)
        .ok_or_else(|| damaged("a result", "has no count of changes"))
}

fn rows<R: DeserializeOwned>(result: &D1Result) -> Result<Vec<R>, StoreError> {
    result
        .results()
        .map_err(|error| damaged("a row", &error.to_string()))
}

fn first_row<R: DeserializeOwned>(result: &D1Result) -> Result<Option<R>, StoreError> {
    Ok(rows(result)?.into_iter().next())
}

async fn with_retries<T>(call: impl AsyncFn() -> worker::Result<T>) -> Result<T, StoreError> {
    let attempts = async {
        let mut retries = 0;
        loop {
            let error = match call().await {
                Ok(value) => return Ok(value),
                Err(error) => unavailable(&error),
            };
            if retries == MAX_RETRIES || !is_retryable(&error) {
                return Err(error);
            }
            retries += 1;
            Delay::from(jittered_pause(retries)).await;
        }
    };
    within_the_time(attempts).await
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

/// Up to 50 ms, then up to 100 ms: clients that failed together do not come back together.
fn jittered_pause(retry: u32) -> Duration {
    let mut byte = [u8::MAX];
    // Without entropy the pause is the longest one.
    let _ = getrandom::fill(&mut byte);
    let longest = RETRY_PAUSE_MILLIS << retry.saturating_sub(1);
    Duration::from_millis(longest * u64::from(byte[0]) / u64::from(u8::MAX))
}

/// Every error of D1 means that there is no answer. Its text is for the log: it names tables
/// and columns, never values. (Its `Display` carries a stack and may itself throw.)
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

fn damaged(what: &str, how: &str) -> StoreError {
    StoreError::Damaged {
        cause: format!("{what} {how}"),
    }
}
