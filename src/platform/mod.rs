//! The only code that uses `worker`: the entry points, the bindings, the clock.

mod bindings;
mod breach;
mod d1;
mod isolate;
mod kv;
mod limiter;
mod mail;
mod names;
mod request;
mod runtime;
mod whole_reader;

use worker::{Context, Env, Request, Response, ScheduleContext, ScheduledEvent, event};

use crate::ports::Timer;
use crate::server;
use crate::service::schedule;
use bindings::WorkerPorts;

/// Answers a request. The `Err` of the signature never occurs: the platform would answer it with
/// its own text.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let ports = WorkerPorts::new(env, Some(context));
    let isolate = isolate::of(&ports);
    let request = request::to_http(request, &ports.0.env);
    let response = match &*isolate {
        Ok(service) => server::handle(request, service, &ports, ports.now()).await,
        Err(_) => server::refuse_misconfigured(request, &ports),
    };
    request::to_worker(response)
}

/// Runs what the schedule is for.
#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _: ScheduleContext) {
    let ports = WorkerPorts::new(env, None);
    let isolate = isolate::of(&ports);
    if let Ok(service) = &*isolate {
        schedule::run(&ports, service, &event.cron()).await;
    }
}
