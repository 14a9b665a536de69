//! The names of the bindings; `wrangler.toml` has the same (`tests/layers.rs`).

/// Users, roles, sessions, login attempts.
pub(super) const DB: &str = "DB";
/// The revocation list and the user cache.
pub(super) const KV: &str = "KV";

/// Logins, by client; changes of passwords, by session.
pub(super) const LOGIN_LIMITER: &str = "LOGIN_LIMITER";
/// Registrations.
pub(super) const REGISTER_LIMITER: &str = "REGISTER_LIMITER";
/// Logins and registrations, by IPv6 network.
pub(super) const NETWORK_LIMITER: &str = "NETWORK_LIMITER";
/// What a session asks of the database or of KV.
pub(super) const SESSION_LIMITER: &str = "SESSION_LIMITER";
