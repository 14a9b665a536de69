//! The state of an isolate: the service, configured once for each set of settings.
//!
//! When only a setting, a secret or a binding of a Worker changes, Cloudflare may keep the existing
//! isolates. So each request checks whether the service still matches its `env`. If not, the
//! service is created anew and loses everything it remembered; requests in flight keep the service
//! that they began with.

use core::cell::RefCell;
use std::rc::Rc;

use js_sys::{JSON, JsString, Reflect};
use wasm_bindgen::JsValue;
use worker::Env;

use super::bindings::{self, WorkerPorts};
use super::names::{DB, EMAIL, KV};
use crate::domain::credential::hashing::HashMemory;
use crate::ports::{Log, LogValue};
use crate::service::Service;
use crate::service::config::Misconfiguration;

/// The service, or why it cannot be configured.
pub(super) type Isolate = Result<Rc<Service>, Misconfiguration>;

thread_local! {
    static CONFIGURED: RefCell<Option<Configured>> = const { RefCell::new(None) };
    /// Shared, because an isolate has memory for the hashes of only one service, and wasm never
    /// frees any.
    static MEMORY: Rc<HashMemory> = Rc::default();
}

/// A service, and all inputs of its configuration.
struct Configured {
    isolate: Rc<Isolate>,
    inputs: Vec<Input>,
}

/// An entry of `env` that the service was configured from.
struct Input {
    name: String,
    /// The name as a JavaScript string, created once.
    key: JsValue,
    /// The last value, compared first: `===` costs next to nothing.
    value: JsValue,
    /// The value's meaning: a binding or a table may be another object at each request.
    meaning: Option<String>,
}

/// Returns the service for this `env`. Logs problems once, when they are found.
pub(super) fn of(ports: &WorkerPorts) -> Rc<Isolate> {
    let env = &ports.0.env;
    CONFIGURED.with_borrow_mut(|configured| {
        if let Some(configured) = configured
            && configured.is_of(env)
        {
            return Rc::clone(&configured.isolate);
        }
        let made = Configured::new(ports);
        let isolate = Rc::clone(&made.isolate);
        *configured = Some(made);
        isolate
    })
}

impl Configured {
    fn new(ports: &WorkerPorts) -> Self {
        let env = &ports.0.env;
        let inputs = RefCell::new(vec![Input::new(env, DB), Input::new(env, KV)]);
        let isolate = Rc::new(configure(ports, |name| {
            let input = Input::new(env, name);
            let meaning = input.meaning.clone();
            inputs.borrow_mut().push(input);
            meaning
        }));
        let inputs = inputs.into_inner();
        Self { isolate, inputs }
    }

    fn is_of(&mut self, env: &Env) -> bool {
        self.inputs.iter_mut().all(|input| {
            let value = Reflect::get(env.as_ref(), &input.key).unwrap_or_default();
            if value == input.value {
                return true;
            }
            let is_same = meaning(env, &input.name, &value) == input.meaning;
            input.value = value;
            is_same
        })
    }
}

impl Input {
    fn new(env: &Env, name: &str) -> Self {
        let key = JsValue::from_str(name);
        let value = Reflect::get(env.as_ref(), &key).unwrap_or_default();
        Self {
            name: name.to_owned(),
            meaning: meaning(env, name, &value),
            key,
            value,
        }
    }
}

fn configure(ports: &WorkerPorts, setting: impl Fn(&str) -> Option<String>) -> Isolate {
    let mut problems = bindings::missing(&ports.0.env);
    let service = Service::configure(setting).map(|service| {
        let service = service.with_nfkc(nfkc);
        let hasher = service.hasher.with_memory(MEMORY.with(Rc::clone));
        Service { hasher, ..service }
    });
    if let Err(misconfiguration) = &service {
        problems.extend(misconfiguration.problems.iter().cloned());
    }
    if problems.is_empty() {
        if let Ok(Service { config, .. }) = &service
            && !config.warnings.is_empty()
        {
            let warnings = LogValue::Texts(&config.warnings);
            ports.warn("service.doubtful_settings", &[("warnings", warnings)]);
        }
        return service.map(Rc::new);
    }
    let told = LogValue::Texts(&problems);
    ports.error("service.misconfigured", &[("problems", told)]);
    Err(Misconfiguration { problems })
}

/// Normalises a text with the runtime's implementation, whose tables exist anyway.
fn nfkc(text: &str) -> String {
    String::from(JsString::from(text).normalize("NFKC"))
}

/// Returns a var or secret as text. TOML numbers and tables arrive as numbers and objects, and are
/// treated as their JSON. An empty text is treated as unset. For a binding, returns whether it is
/// bound.
fn meaning(env: &Env, name: &str, value: &JsValue) -> Option<String> {
    let bound = match name {
        DB => Some(env.d1(DB).is_ok()),
        KV => Some(env.kv(KV).is_ok()),
        EMAIL => Some(value.is_object()),
        _ => None,
    };
    if let Some(is_bound) = bound {
        return is_bound.then(String::new);
    }
    if value.is_undefined() || value.is_null() {
        return None;
    }
    value
        .as_string()
        .or_else(|| JSON::stringify(value).ok()?.as_string())
        .filter(|text| !text.is_empty())
}
