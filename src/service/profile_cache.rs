//! Copies of profiles, which make a busy client's reads free: in this isolate's memory for a few
//! seconds, and in KV. Losing them costs time only.
//!
//! A copy is valid for a bounded time from its read of the database (more exactly, from just before
//! it), not from its arrival here or in KV. However long KV takes to show or to delete an entry, no
//! revoked token is accepted for longer than that.

use std::rc::Rc;

use super::Ctx;
use super::config::CacheBounds;
use super::memory::Places;
use crate::domain::id::UserId;
use crate::domain::identity::user::Profile;
use crate::domain::session::token::AccessClaims;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{CachedAccount, Ports};
use crate::store::users::Account;

/// How far ahead the clock that wrote a copy may be, at another location.
const READ_AT_LEEWAY: Seconds = Seconds::new(5);

/// The copies in this isolate's memory.
pub struct IsolateCopies(Places<UserId, Kept>);

#[derive(Clone)]
struct Kept {
    account: Rc<CachedAccount>,
    until: UnixSeconds,
}

impl Default for IsolateCopies {
    fn default() -> Self {
        Self(Places::new())
    }
}

/// The copies of one caller's profile that are valid for one token.
pub struct ProfileCache<'a, P> {
    ctx: &'a Ctx<'a, P>,
    claims: &'a AccessClaims,
    bounds: CacheBounds,
}

impl<'a, P: Ports> ProfileCache<'a, P> {
    /// Creates the view of the copies for the holder of this token.
    #[must_use]
    pub const fn new(ctx: &'a Ctx<'a, P>, claims: &'a AccessClaims, bounds: CacheBounds) -> Self {
        Self {
            ctx,
            claims,
            bounds,
        }
    }

    /// Returns the copy in this isolate's memory. No call.
    #[must_use]
    pub fn in_isolate(&self) -> Option<Profile> {
        let kept = self.ctx.service.copies.0.get(self.claims.session.user)?;
        let counts = self.ctx.now < kept.until && self.counts(&kept.account);
        counts.then(|| kept.account.user.clone())
    }

    /// Returns the copy in KV, and keeps it in this isolate's memory.
    pub async fn in_kv(&self) -> Option<Profile> {
        let copy = self.ctx.ports.find_copy(self.claims.session.user).await?;
        if !self.counts(&copy) {
            return None;
        }
        let profile = copy.user.clone();
        self.keep_in_isolate(Rc::new(copy));
        Some(profile)
    }

    /// Keeps what the database has just returned: here at once, in KV in the background.
    #[must_use]
    pub fn keep(&self, account: Account) -> Profile {
        let profile = Profile::from(account.user);
        let copy = Rc::new(CachedAccount {
            user: profile.clone(),
            sessions: account.live_sessions,
            read_at: self.ctx.now,
        });
        self.keep_in_isolate(Rc::clone(&copy));
        let ports = self.ctx.ports.clone();
        self.ctx
            .ports
            .in_background(async move { ports.keep_copy(&copy).await });
        profile
    }

    fn keep_in_isolate(&self, account: Rc<CachedAccount>) {
        let span = self.bounds.in_isolate;
        if span > Seconds::new(0) {
            let (user, until) = (account.user.id, self.ctx.now.plus(span));
            let kept = Kept { account, until };
            self.ctx.service.copies.0.set(user, Some(kept));
        }
    }

    /// Returns whether a copy may replace a read of the database: it is this user's, recent enough,
    /// and contains an active user and the caller's live session.
    ///
    /// A copy that is older than the token does not count either: a token that is issued with a
    /// change shows its holder the change at once (`api::account::rename`).
    fn counts(&self, copy: &CachedAccount) -> bool {
        let (claims, now) = (self.claims, self.ctx.now);
        copy.user.id == claims.session.user
            && copy.read_at <= now.plus(READ_AT_LEEWAY)
            && now < copy.read_at.plus(self.bounds.from_read)
            && copy.read_at >= claims.issued_at
            && copy.user.is_active
            && copy.sessions.contains(&claims.session.id)
    }
}

/// Deletes the copies of a user whose data or sessions have changed: this isolate's at once, the
/// one in KV in the background. The latter may be lost: the copy is then older than it could be,
/// but within its bound.
pub fn drop_copies<P: Ports>(ctx: &Ctx<'_, P>, user: UserId) {
    ctx.service.copies.0.set(user, None);
    let ports = ctx.ports.clone();
    ctx.ports
        .in_background(async move { ports.drop_copy(user).await });
}
