//! The devices where a person is logged in.

pub mod end_sessions;
