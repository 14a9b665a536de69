//! Latchkey: cookie auth at the edge, as one Cloudflare Worker.
//!
//! ```text
//! platform ──► server ──► api ──► web ──► service ──► store ──► ports ──► domain
//! ```
//!
//! A layer may depend only on the layers to its right (`tests/layers.rs` checks this). `platform`
//! is the only code that uses the `worker` crate, and is compiled for wasm32 only. All other code
//! also runs natively, with the SQL on SQLite.
//!
//! # Reading order
//!
//! 1. [`api`]: the table of the endpoints. Each file of it, such as `api/account/refresh.rs`, is
//!    one endpoint from its route to its answer.
//! 2. [`web::endpoint`]: what an endpoint is, and the order in which a request is checked.
//! 3. [`service::policy`]: who is calling. Only its policy creates an endpoint's actor.
//! 4. [`store`]: the SQL. A function's contract is documented at the function; `store/rotate.rs`
//!    rotates refresh tokens, `store/log_in.rs` begins a session.
//! 5. [`domain::session::token`]: what a token contains, and how its claims are checked.
//! 6. [`server`]: one request from its head to its log line.
//!
//! # One request
//!
//! `POST /api/account/refresh`: `platform::fetch` copies the head, and [`server::handle`] makes the
//! checks that need only the head. `web::router` finds the endpoint, `web::endpoint::answer` runs
//! its policy (`RefreshTokenHolder`: the signature and the times of the cookie), counts the
//! session, and calls the endpoint. The endpoint runs one statement ([`store::rotate`]), signs the
//! pair that follows from the row ([`service::issue`]), and answers with both cookies.

pub mod api;
pub mod domain;
#[cfg(all(target_arch = "wasm32", feature = "platform"))]
mod platform;
pub mod ports;
pub mod server;
pub mod service;
pub mod store;
#[cfg(test)]
mod testing;
pub mod web;
