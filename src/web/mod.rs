//! The wire format, on the `http` crate's types. Knows no endpoint.

pub mod apart;
pub mod body;
pub mod call;
pub mod cookies;
pub mod fields;
pub mod headers;
mod media_type;
mod multipart;
pub mod problem;
pub mod transport;
