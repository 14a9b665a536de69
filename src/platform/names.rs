//! The names of the bindings, and looking them up. `wrangler.toml` has the same names
//! (`tests/layers.rs`).

use core::cell::OnceCell;

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

/// What `cell` has, looked up when it is first asked for: many requests need no store.
pub(super) fn looked_up<T, E>(
    cell: &OnceCell<T>,
    look_up: impl FnOnce() -> Result<T, E>,
) -> Result<&T, E> {
    if let Some(found) = cell.get() {
        return Ok(found);
    }
    let found = look_up()?;
    Ok(cell.get_or_init(|| found))
}
