//! The bindings of a Worker, and what a request needs to reach them. Each role of
//! [`Ports`](crate::ports::Ports) is implemented in the file of its technology.

use core::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use worker::kv::KvStore;
use worker::{Context, D1Database, Env};

use super::names::{DB, KV};
use crate::ports::Ports;

/// Everything that a request may use. Nothing is looked up before it is asked for.
#[derive(Clone)]
pub(super) struct WorkerPorts(pub(super) Rc<Bindings>);

/// What the clones of one request share.
pub(super) struct Bindings {
    pub(super) env: Env,
    /// `None` in a scheduled run, which has nothing to do after an answer.
    pub(super) context: Option<Context>,
    pub(super) d1: OnceCell<D1Database>,
    pub(super) kv: OnceCell<KvStore>,
    /// Whether a failure of KV has been logged.
    pub(super) has_kv_failed: Cell<bool>,
    pub(super) request_id: RefCell<Option<String>>,
}

impl WorkerPorts {
    pub(super) fn new(env: Env, context: Option<Context>) -> Self {
        Self(Rc::new(Bindings {
            env,
            context,
            d1: OnceCell::new(),
            kv: OnceCell::new(),
            has_kv_failed: Cell::new(false),
            request_id: RefCell::new(None),
        }))
    }
}

impl Ports for WorkerPorts {}

/// What is wrong with the bindings, one entry each.
pub(super) fn missing(env: &Env) -> Vec<String> {
    [(DB, env.d1(DB).is_err()), (KV, env.kv(KV).is_err())]
        .into_iter()
        .filter(|(_, is_missing)| *is_missing)
        .map(|(name, _)| format!("{name}: is not bound"))
        .collect()
}

/// What `cell` has, looked up when it is first asked for: many requests need no store.
pub(super) fn looked_up<T, E>(
    cell: &OnceCell<T>,
    look_up: impl FnOnce() -> Result<T, E>,
) -> Result<&T, E> {
    if let Some(found) = cell.get() {
        return Ok(found);
    }
    let found = look_up()?;
    Ok(cell.get_or_init(|| found))
}
