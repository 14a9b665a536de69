//! The bindings of a Worker, and what a request needs to reach them. The file of each technology
//! implements its roles of [`Ports`](crate::ports::Ports).

use core::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use worker::kv::KvStore;
use worker::{Context, D1Database, Env};

use super::names::{DB, KV};
use crate::ports::Ports;

/// Everything that a request may use. Each binding is looked up on first use.
#[derive(Clone)]
pub(super) struct WorkerPorts(pub(super) Rc<Bindings>);

/// The state that the clones of one request share.
pub(super) struct Bindings {
    pub(super) env: Env,
    /// `None` in a scheduled run, which has no work after an answer.
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

/// Returns the problems of the bindings, one entry each.
pub(super) fn missing(env: &Env) -> Vec<String> {
    [(DB, env.d1(DB).is_err()), (KV, env.kv(KV).is_err())]
        .into_iter()
        .filter(|(_, is_missing)| *is_missing)
        .map(|(name, _)| format!("{name}: is not bound"))
        .collect()
}

/// Returns the value of `cell`, looked up on first use: many requests need no store.
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
