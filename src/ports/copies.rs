//! Copies that may be late, lost or down: the revocation list and the user cache.

use serde::{Deserialize, Serialize};

use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::identity::user::Profile;
use crate::domain::time::{Seconds, UnixSeconds};

/// Refresh tokens whose session is over for good, in KV: refuses when the database has no
/// answer, and never decides in favour of a token.
pub trait RevocationList {
    /// Whether the token is known to have ended; not when nothing is known, or the list is down.
    async fn has_ended(&self, token: TokenId) -> bool;

    /// Remembers a token until it expires, best effort. `ttl` is how long that is.
    async fn list_ended(&self, token: TokenId, ttl: Seconds);
}

/// A copy of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CachedAccount {
    /// The user.
    pub user: Profile,
    /// The sessions that were live.
    pub sessions: Vec<SessionId>,
    /// When the database was asked; the copy counts for a bounded time from here.
    pub read_at: UnixSeconds,
}

/// Copies of accounts for display, in KV.
pub trait UserCache {
    /// The copy, of whatever age; `None` when there is none, it cannot be read, or the cache
    /// is down.
    async fn find_copy(&self, user: UserId) -> Option<CachedAccount>;

    /// Keeps a copy, best effort.
    async fn keep_copy(&self, account: &CachedAccount);

    /// Drops the copy, best effort.
    async fn drop_copy(&self, user: UserId);
}
