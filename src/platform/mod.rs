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

use worker::{Context, Env, Request, Response, ScheduleContext, ScheduledEvent, event};

use crate::ports::{Log, LogValue, Timer};
use crate::server;
use crate::service::clean_up::{Budget, clean_up};
use crate::service::outbox::deliver_due;
use crate::store::outbox::forget_given_up;
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

/// The schedule of the outbox in `wrangler.toml`. Any other schedule is that of the clean-up.
const EVERY_MINUTE: &str = "* * * * *";

/// Sends the mails that are due, or deletes dead rows. A failure is logged, and the next run tries
/// again.
#[event(scheduled)]
async fn scheduled(event: ScheduledEvent, env: Env, _: ScheduleContext) {
    let ports = WorkerPorts::new(env, None);
    let isolate = isolate::of(&ports);
    let Ok(service) = &*isolate else {
        return;
    };
    if let Err(error) = deliver_due(&ports, service).await {
        let cause = error.to_string().into();
        ports.error("outbox.failure", &[("error.cause", cause)]);
    }
    if event.cron() == EVERY_MINUTE {
        return;
    }
    if let Err(error) = forget_given_up(&ports, ports.now()).await {
        let cause = error.to_string().into();
        ports.error("outbox.failure", &[("error.cause", cause)]);
    }
    for cleaned in clean_up(&ports, &service.config, Budget::OF_A_RUN).await {
        ports.info(
            "cleanup.done",
            &[
                ("cleanup.table", cleaned.swept.as_str().into()),
                ("cleanup.removed", LogValue::Number(cleaned.removed as u64)),
                ("cleanup.rows_left", LogValue::Flag(!cleaned.is_done)),
            ],
        );
        if let Some(error) = &cleaned.failure {
            ports.error(
                "cleanup.failure",
                &[
                    ("cleanup.table", cleaned.swept.as_str().into()),
                    ("error.cause", error.to_string().into()),
                ],
            );
        }
    }
}
