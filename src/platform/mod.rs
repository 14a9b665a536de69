//! The only code that names `worker`: the entry points, the bindings, the clock.

mod bindings;
mod breach;
mod d1;
mod isolate;
mod kv;
mod limiter;
mod names;
mod request;
mod runtime;

use serde_json::json;
use worker::{
    Context, Env, Request, Response, ScheduleContext, ScheduledEvent, console_error, console_log,
    event,
};

use crate::app::clean_up::clean_up;
use crate::ports::Timer;
use crate::web;

/// Answers a request. The `Err` of the signature never occurs: an error that reached the
/// macro would be answered with the platform's own text.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let isolate = isolate::of(&env);
    let request = request::to_http(request);
    let response = match (&*isolate, bindings::WorkerPorts::new(&env, context)) {
        (Ok(service), Ok(ports)) => {
            web::handle(request, service, (&ports, runtime::RuntimeTimer.now())).await
        }
        (Err(_), _) | (_, Err(_)) => {
            let log = runtime::ConsoleLog::default();
            web::refuse_misconfigured(request, (&log, &runtime::RuntimeEntropy))
        }
    };
    request::to_worker(response)
}

/// Removes dead rows. What fails is logged, and tried again by the next run.
#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    let isolate = isolate::of(&env);
    let (Ok(service), Ok(database)) = (&*isolate, env.d1(names::DB)) else {
        return;
    };
    let database = d1::Database::new(database);
    match clean_up(&database, &service.config, runtime::RuntimeTimer.now()).await {
        Ok(cleaned) => {
            let line = json!({
                "level": "info",
                "event": "cleanup.done",
                "cleanup.sessions": cleaned.sessions,
                "cleanup.attempts": cleaned.attempts,
                "cleanup.events": cleaned.events,
            });
            console_log!("{line}");
        }
        Err(error) => {
            let line = json!({
                "level": "error",
                "event": "cleanup.failure",
                "error.cause": format!("{error:?}"),
            });
            console_error!("{line}");
        }
    }
}
