//! The rules. Pure: no I/O, no clock, no randomness, no HTTP types.

pub mod audit;
pub mod credential;
pub mod id;
pub mod identity;
pub mod mail;
pub mod session;
pub mod site;
pub mod throttle;
pub mod time;
