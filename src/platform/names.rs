//! The names of the bindings. `tests/layers.rs` checks that `wrangler.toml` contains the same.

/// Users, roles, sessions, attempts, and the audit log.
pub(super) const DB: &str = "DB";
/// The revocation list and the user cache.
pub(super) const KV: &str = "KV";
/// The platform's mail service, if mails leave by it.
pub(super) const EMAIL: &str = "EMAIL";

/// The limiter of logins, mails and links, by client; of logins of known devices, by user; and of
/// changes of the password and the address, by session.
pub(super) const LOGIN_LIMITER: &str = "LOGIN_LIMITER";
/// The limiter of registrations, by client.
pub(super) const REGISTER_LIMITER: &str = "REGISTER_LIMITER";
/// The limiter of logins, registrations, mails, links, `GET /ready` and `GET /`, by IPv6 network.
pub(super) const NETWORK_LIMITER: &str = "NETWORK_LIMITER";
/// The limiter of a session's requests that reach the database or KV, and of `GET /ready` and
/// `GET /`, by client.
pub(super) const SESSION_LIMITER: &str = "SESSION_LIMITER";
