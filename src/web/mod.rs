//! The building blocks of endpoints, based on the `http` crate's types. They know no endpoint.

pub mod apart;
pub mod body;
pub mod cookies;
#[cfg(feature = "openapi")]
pub mod documented;
pub mod endpoint;
pub mod fields;
pub mod form;
pub mod headers;
pub mod mail_fields;
mod media_type;
mod multipart;
pub mod problem;
pub mod reply;
pub mod request;
pub mod route;
pub mod router;
pub mod transport;
pub mod value;
