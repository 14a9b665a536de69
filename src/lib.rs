//! Latchkey: cookie auth at the edge, as one Cloudflare Worker.
//!
//! ```text
//! platform ──► server ──► api ──► web ──► service ──► store ──► ports ──► domain
//! ```
//!
//! An arrow may be used, nothing else (`tests/layers.rs` checks it). `platform` is the only
//! code that names the `worker` crate, and it is compiled for wasm32 alone; everything else
//! runs natively.

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
