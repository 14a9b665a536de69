//! Copies of profiles, which make a busy client's reads free: in this isolate's memory for a few
//! seconds, and in KV. Losing them costs time only.
//!
//! A copy is valid for a bounded time from its read of the database (more exactly, from just before
//! it), not from its arrival here or in KV. However long KV takes to show or to delete an entry, no
//! revoked token is accepted for longer than that.

use std::rc::Rc;

use super::config::{CacheBounds, ProfileConsistency};
use super::limits::{self, Limited};
use super::memory::Places;
use super::policy::Member;
use super::{Ctx, ServiceError};
use crate::domain::id::UserId;
use crate::domain::identity::user::Profile;
use crate::domain::session::token::AccessClaims;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{CachedAccount, Ports};

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

/// What an endpoint asks of the caller's account.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The highest age of a copy, if the endpoint accepts less than the settings do. Zero asks the
    /// database.
    pub max_age: Option<Seconds>,
    /// How the platform's limiter counts the request, once KV or the database has to be asked.
    pub counted: Option<Limited>,
}

/// Returns the caller's account as a copy of bounded age shows it, or as the database has it now.
/// `read_at` is never later than the read that the answer comes from. One round trip at most, and
/// one read of KV.
///
/// # Errors
///
/// [`ServiceError::Throttled`], [`ServiceError::InvalidToken`] when the session is over or the user
/// inactive, and the store's.
pub async fn read_account<P: Ports>(
    ctx: &Ctx<'_, P>,
    member: &Member,
    wanted: Wanted,
) -> Result<Rc<CachedAccount>, ServiceError> {
    let bounds = match ctx.config().profile {
        ProfileConsistency::Cached(bounds) => Some(bounds),
        ProfileConsistency::Strict => None,
    };
    let cache = bounds.map(|bounds| ProfileCache {
        ctx,
        claims: &member.claims,
        bounds: CacheBounds {
            from_read: wanted
                .max_age
                .unwrap_or(bounds.from_read)
                .min(bounds.from_read),
            ..bounds
        },
    });
    let may_be_a_copy = wanted.max_age != Some(Seconds::new(0));
    let copies = cache.as_ref().filter(|_| may_be_a_copy);
    if let Some(account) = copies.and_then(ProfileCache::in_isolate) {
        return Ok(account);
    }
    if let Some(limited) = wanted.counted {
        limits::by_session(ctx, limited, member.session().id).await?;
    }
    if let Some(copies) = copies
        && let Some(account) = copies.in_kv().await
    {
        return Ok(account);
    }
    let account = member.account(ctx).await?;
    let account = Rc::new(CachedAccount {
        user: Profile::from(account.user),
        sessions: account.live_sessions,
        read_at: ctx.now,
    });
    if let Some(cache) = cache {
        cache.keep_in_isolate(Rc::clone(&account));
        // A write to KV costs as much as ten thousand rows read: callers that ask for fresher
        // knowledge than the settings do, perhaps at each request, do not cause one.
        let is_usual = |age: Seconds| bounds.is_some_and(|bounds| age >= bounds.from_read);
        if wanted.max_age.is_none_or(is_usual) {
            cache.keep_in_kv(&account);
        }
    }
    Ok(account)
}

/// The copies of one caller's account that are valid for one token.
struct ProfileCache<'a, P> {
    ctx: &'a Ctx<'a, P>,
    claims: &'a AccessClaims,
    bounds: CacheBounds,
}

impl<P: Ports> ProfileCache<'_, P> {
    /// The copy in this isolate's memory. Asks nothing outside.
    fn in_isolate(&self) -> Option<Rc<CachedAccount>> {
        let kept = self.ctx.service.copies.0.get(self.claims.session.user)?;
        let counts = self.ctx.now < kept.until && self.counts(&kept.account);
        counts.then_some(kept.account)
    }

    /// The copy in KV, which this isolate keeps from now on.
    async fn in_kv(&self) -> Option<Rc<CachedAccount>> {
        let copy = self.ctx.ports.find_copy(self.claims.session.user).await?;
        if !self.counts(&copy) {
            return None;
        }
        let copy = Rc::new(copy);
        self.keep_in_isolate(Rc::clone(&copy));
        Some(copy)
    }

    /// Keeps an account in KV, in the background.
    fn keep_in_kv(&self, account: &Rc<CachedAccount>) {
        let (ports, copy) = (self.ctx.ports.clone(), Rc::clone(account));
        self.ctx
            .ports
            .in_background(async move { ports.keep_copy(&copy).await });
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
