//! The only code that names `worker`: the entry point, the bindings, the clock.

mod bindings;
mod d1;
mod isolate;
mod kv;
mod request;

use worker::{Context, Env, Request, Response, event};

use crate::web;

/// Answers a request. The `Err` of the signature never occurs: an error that reached the
/// macro would be answered with the platform's own text.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let isolate = isolate::of(&env);
    let request = request::to_http(request);
    let response = match (&*isolate, bindings::WorkerPorts::new(&env, context)) {
        (Ok(service), Ok(ports)) => web::handle(request, service, (&ports, isolate::now())).await,
        (Err(_), _) | (_, Err(_)) => {
            let log = bindings::ConsoleLog::default();
            web::refuse_misconfigured(request, (&log, &bindings::RuntimeEntropy))
        }
    };
    request::to_worker(response)
}
