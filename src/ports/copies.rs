//! Copies that may be late, lost or unavailable: the revocation list and the user cache.

use serde::{Deserialize, Serialize};

use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::identity::user::Profile;
use crate::domain::time::{Seconds, UnixSeconds};

/// Refresh tokens whose session has ended, in KV. The list refuses them when the database does not
/// answer, and never decides in favour of a token.
pub trait RevocationList {
    /// Returns whether the token's session is known to have ended. `false` when nothing is known or
    /// the list is unavailable.
    async fn has_ended(&self, token: TokenId) -> bool;

    /// Remembers a token for `ttl`, until it expires. Best effort.
    async fn list_ended(&self, token: TokenId, ttl: Seconds);
}

/// A copy of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CachedAccount {
    /// The user.
    pub user: Profile,
    /// The sessions that were live at `read_at`.
    pub sessions: Vec<SessionId>,
    /// When the database was read. The copy is valid for a bounded time from then on.
    pub read_at: UnixSeconds,
}

/// Copies of accounts for display, in KV.
pub trait UserCache {
    /// Returns the copy, however old. `None` when there is none, it cannot be parsed, or the cache
    /// is unavailable.
    async fn find_copy(&self, user: UserId) -> Option<CachedAccount>;

    /// Stores a copy. Best effort.
    async fn keep_copy(&self, account: &CachedAccount);

    /// Deletes the copy. Best effort.
    async fn drop_copy(&self, user: UserId);

    /// Returns whether the cache answers at all.
    async fn responds(&self) -> bool;
}
