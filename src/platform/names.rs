//! The names of the bindings. `wrangler.toml` has the same ones (`tests/layers.rs`).

/// Users, roles, sessions, login attempts.
pub(super) const DB: &str = "DB";
/// The revocation list and the user cache.
pub(super) const KV: &str = "KV";

/// Logins and changes of passwords.
pub(super) const LOGIN_LIMITER: &str = "LOGIN_LIMITER";
/// Registrations.
pub(super) const REGISTER_LIMITER: &str = "REGISTER_LIMITER";
/// Refreshes.
pub(super) const REFRESH_LIMITER: &str = "REFRESH_LIMITER";
