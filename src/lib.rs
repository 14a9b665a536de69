//! Latchkey: cookie auth at the edge, as one Cloudflare Worker.
//!
//! ```text
//! platform ──► server ──► api ──► web ──► service ──► store ──► ports ──► domain
//! ```
//!
//! A layer uses the layers to its right and nothing else (`tests/layers.rs`). `platform` is
//! the only code that names the `worker` crate and is compiled for wasm32 alone; everything else
//! also runs natively, the SQL on SQLite.
//!
//! # Reading order
//!
//! 1. [`api`]: the table of the endpoints. A file of it, such as `api/account/refresh.rs`, is one
//!    endpoint from its route to its answer.
//! 2. [`web::endpoint`]: what an endpoint is, and the order in which a request is judged.
//! 3. [`service::policy`]: who is calling. An endpoint's actor is made by its policy alone.
//! 4. [`store`]: the SQL. A function's contract is above its statement; `store/rotate.rs` is the
//!    rotation of refresh tokens, `store/log_in.rs` the beginning of a session.
//! 5. [`domain::session::token`]: what a token says, and how its claims are checked.
//! 6. [`server`]: one request from its head to its line in the log.
//!
//! # One request
//!
//! `POST /api/account/refresh`: `platform::fetch` copies the head, and [`server::handle`] refuses
//! what the head alone can refuse. `web::router` finds the endpoint, `web::endpoint::answer` runs
//! its policy (`RefreshTokenHolder`: the signature and the times of the cookie), counts the session,
//! and calls the endpoint. The endpoint runs one statement ([`store::rotate`]), signs the pair that
//! the row stands for ([`service::issue`]), and replies with both cookies.

pub mod api;
pub mod domain;
#[cfg(target_arch = "wasm32")]
mod platform;
pub mod ports;
pub mod server;
pub mod service;
pub mod store;
#[cfg(test)]
mod testing;
pub mod web;
