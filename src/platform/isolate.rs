//! What an isolate keeps: the service, configured once.

use core::cell::OnceCell;
use std::rc::Rc;

use js_sys::{JSON, JsString, Reflect};
use wasm_bindgen::JsValue;
use worker::Env;

use super::bindings;
use super::runtime::ConsoleLog;
use crate::app::Service;
use crate::app::config::Misconfiguration;
use crate::ports::{Line, Log, Member};

/// The service, or that it cannot be.
pub(super) type Isolate = Result<Service, Misconfiguration>;

thread_local! {
    /// Settings, secrets and bindings cannot change under an isolate: a deployment starts new
    /// ones.
    static ISOLATE: OnceCell<Rc<Isolate>> = const { OnceCell::new() };
}

/// The service of this isolate. Its problems are logged when they are found: once.
pub(super) fn of(env: &Env) -> Rc<Isolate> {
    ISOLATE.with(|cell| Rc::clone(cell.get_or_init(|| Rc::new(configure(env)))))
}

fn configure(env: &Env) -> Isolate {
    let mut problems = bindings::missing(env);
    let service = Service::configure(|name| setting(env, name)).map(|it| it.with_nfkc(nfkc));
    if let Err(misconfiguration) = &service {
        problems.extend(misconfiguration.problems.iter().cloned());
    }
    if problems.is_empty() {
        if let Ok(Service { config, .. }) = &service
            && !config.warnings.is_empty()
        {
            let members = [("warnings", Member::Texts(&config.warnings))];
            ConsoleLog::default().line(&Line::warn("service.doubtful_settings", &members));
        }
        return service;
    }
    let members = [("problems", Member::Texts(&problems))];
    ConsoleLog::default().line(&Line::error("service.misconfigured", &members));
    Err(Misconfiguration { problems })
}

/// The runtime's own normalisation: its tables are there anyway.
fn nfkc(text: &str) -> String {
    String::from(JsString::from(text).normalize("NFKC"))
}

/// A var or secret as text. TOML numbers and tables arrive as numbers and objects: they
/// count, as the JSON they are. An empty text counts as absent.
fn setting(env: &Env, name: &str) -> Option<String> {
    let value = Reflect::get(env.as_ref(), &JsValue::from_str(name)).ok()?;
    if value.is_undefined() || value.is_null() {
        return None;
    }
    value
        .as_string()
        .or_else(|| JSON::stringify(&value).ok()?.as_string())
        .filter(|text| !text.is_empty())
}
