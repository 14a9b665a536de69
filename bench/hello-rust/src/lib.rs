//! A Worker that does nothing.

use worker::{Context, Env, Headers, Request, Response, ResponseBuilder, Result, event};

#[event(fetch)]
async fn fetch(_: Request, _: Env, _: Context) -> Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    Ok(ResponseBuilder::new()
        .with_headers(headers)
        .fixed(br#"{"status":"ok"}"#.to_vec()))
}
