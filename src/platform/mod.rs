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

use worker::{Context, Env, Request, Response, ScheduleContext, ScheduledEvent, event};

use crate::ports::{Line, Log, Member, Timer};
use crate::server;
use crate::service::clean_up::{Budget, clean_up};

/// Answers a request. The `Err` of the signature never occurs: an error that reached the
/// macro would be answered with the platform's own text.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let isolate = isolate::of(&env);
    let request = request::to_http(request);
    let response = if let Ok(service) = &*isolate {
        let ports = bindings::WorkerPorts::new(&env, context);
        server::handle(request, service, (&ports, runtime::RuntimeTimer.now())).await
    } else {
        let log = runtime::ConsoleLog::default();
        server::refuse_misconfigured(request, (&log, &runtime::RuntimeEntropy))
    };
    request::to_worker(response)
}

/// Removes dead rows. What fails is logged, and tried again by the next run.
#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    let isolate = isolate::of(&env);
    let Ok(service) = &*isolate else {
        return;
    };
    let database = d1::D1::new(env);
    let log = runtime::ConsoleLog::default();
    for cleaned in clean_up(
        &database,
        &runtime::RuntimeTimer,
        &service.config,
        Budget::OF_A_RUN,
    )
    .await
    {
        let members = [
            ("cleanup.table", cleaned.swept.as_str().into()),
            ("cleanup.removed", Member::Number(cleaned.removed as u64)),
            ("cleanup.rows_left", Member::Flag(!cleaned.is_done)),
        ];
        log.line(&Line::info("cleanup.done", &members));
        if let Some(error) = &cleaned.failure {
            let cause = error.to_string();
            let members = [
                ("cleanup.table", cleaned.swept.as_str().into()),
                ("error.cause", cause.as_str().into()),
            ];
            log.line(&Line::error("cleanup.failure", &members));
        }
    }
}
