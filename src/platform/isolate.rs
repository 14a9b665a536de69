//! What an isolate keeps: the service, configured once for each set of settings.
//!
//! When nothing but a setting, a secret or a binding of a Worker changes, Cloudflare may go on
//! with the isolates that are there. So each request looks whether the service still is that of
//! its `env`. One of other settings is made anew, and with it everything that the old one
//! remembered; requests that are under way keep the service that they began with.

use core::cell::RefCell;
use std::rc::Rc;

use js_sys::{JSON, JsString, Reflect};
use wasm_bindgen::JsValue;
use worker::Env;

use super::bindings::{self, WorkerPorts};
use super::names::{DB, KV};
use crate::domain::credential::hashing::HashMemory;
use crate::ports::{Log, LogValue};
use crate::service::Service;
use crate::service::config::Misconfiguration;

/// The service, or that it cannot be.
pub(super) type Isolate = Result<Service, Misconfiguration>;

thread_local! {
    static CONFIGURED: RefCell<Option<Configured>> = const { RefCell::new(None) };
    /// An isolate has memory for the hashes of one service, and wasm gives none back: the next
    /// service takes over that of the last one.
    static MEMORY: Rc<HashMemory> = Rc::default();
}

/// A service, and all that it was made from.
struct Configured {
    isolate: Rc<Isolate>,
    inputs: Vec<Input>,
}

/// Something of `env` that the service was made from.
struct Input {
    name: String,
    /// The name as the runtime has it: made once, not at each request.
    key: JsValue,
    /// What stood there, compared first: `===` costs next to nothing.
    value: JsValue,
    /// What it says: a binding or a table may be another object at each request.
    meaning: Option<String>,
}

/// The service of this `env`. Its problems are logged when they are found: once.
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
        return service;
    }
    let told = LogValue::Texts(&problems);
    ports.error("service.misconfigured", &[("problems", told)]);
    Err(Misconfiguration { problems })
}

/// The runtime's own normalisation: its tables are there anyway.
fn nfkc(text: &str) -> String {
    String::from(JsString::from(text).normalize("NFKC"))
}

/// A var or secret as text. TOML numbers and tables arrive as numbers and objects: they
/// count, as the JSON they are. An empty text counts as absent. Of a binding: whether it is one.
fn meaning(env: &Env, name: &str, value: &JsValue) -> Option<String> {
    let bound = match name {
        DB => Some(env.d1(DB).is_ok()),
        KV => Some(env.kv(KV).is_ok()),
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
