//! The endpoints: what each reads, does and answers.

pub mod account;
pub mod dispatch;
pub mod endpoint;
mod form;
mod member;
pub mod sessions;
