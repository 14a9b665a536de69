//! The rules, pure: no I/O, no clock, no randomness, no HTTP types.

pub mod audit;
pub mod breach;
pub mod common_passwords;
pub mod device;
pub mod email;
pub mod hashing;
pub mod id;
pub mod keys;
pub mod password;
pub mod session;
pub mod site;
pub mod throttle;
pub mod time;
pub mod token;
pub mod user;
