//! Who is calling. Each access policy has one function here, and each gives an actor of its
//! own type: a handler that takes the actor cannot run without the policy.

use std::rc::Rc;

use super::audit::account_refused;
use super::config::ProfileConsistency;
use super::hash_queue::HashTicket;
use super::{AppError, Ctx, Service};
use crate::domain::audit::AuditEvent;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::throttle::AttemptKeys;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::domain::token::{AccessClaims, RefreshClaims, Rejection, TokenDigest};
use crate::domain::user::{Profile, User};
use crate::ports::{
    Account, Attempt, Attempted, Background, CachedAccount, Credentials, Entropy, Ports, UserCache,
    UserStore,
};

/// How far ahead another location's clock may have been when it wrote a copy.
const READ_AT_LEEWAY: Seconds = Seconds::new(5);

/// The auth cookies of a request, as they came.
#[derive(Clone, Default)]
pub struct PresentedTokens {
    /// The access cookie's value.
    pub access: Option<String>,
    /// The refresh cookie's value.
    pub refresh: Option<String>,
}

/// A signed-in person, for reading: perhaps from a copy of bounded age.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The person.
    pub profile: Profile,
}

/// A signed-in person whom the database has just confirmed.
#[derive(Clone, Debug)]
pub struct Member {
    /// What the access token says.
    pub claims: AccessClaims,
    /// The person.
    pub user: User,
}

/// The holder of an authentic access token that has not expired; whether its session still
/// lives is for the database.
#[derive(Clone, Debug)]
pub struct AccessHolder {
    /// What the token says.
    pub claims: AccessClaims,
}

/// A signed-in person whom the database has just confirmed, with the stored password hash.
#[derive(Debug)]
pub struct Owner<'a> {
    /// The session the request came in.
    pub session: SessionId,
    /// The person.
    pub credentials: Credentials,
    /// The counters that a success sets back.
    pub attempts: AttemptKeys,
    /// A place in the queue for the hash that the password costs; taken before anything was
    /// counted.
    pub place: HashTicket<'a>,
}

/// The holder of an authentic refresh token; whether it still rotates is for the database.
#[derive(Clone, Debug)]
pub struct RefreshHolder {
    /// What the token says.
    pub claims: RefreshClaims,
}

/// The holder of an authentic token of either kind, expired or not: enough to end its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionHolder {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
}

/// Policy: an access token of a live session, for reading.
///
/// With `PROFILE_CONSISTENCY=cached`, a copy younger than the bound will do, in this isolate's
/// memory for a few seconds or in KV. The bound counts
/// from the copy's read of the database (more exactly, from just before it), not from its
/// arrival in KV: however long KV takes to show or to drop an entry, no revoked token is
/// served for longer than that.
///
/// # Errors
///
/// [`AppError::NotAuthenticated`], [`AppError::InvalidToken`], [`AppError::TokenExpired`],
/// and the store's.
pub async fn reader<P: Ports>(
    ctx: &Ctx<'_, P>,
    presented: &PresentedTokens,
) -> Result<Reader, AppError> {
    let claims = access_claims(ctx, presented)?;
    let bounds = match ctx.config().profile {
        ProfileConsistency::Cached(bounds) => bounds,
        ProfileConsistency::Strict => {
            let account = confirmed_account(ctx, &claims).await?;
            let profile = Profile::from(account.user);
            return Ok(Reader { profile });
        }
    };
    let counts = |copy: &CachedAccount| counts(copy, &claims, bounds.from_read, ctx.now);
    let copies = &ctx.service.copies;
    if let Some(copy) = copies
        .find(claims.user, ctx.now)
        .filter(|copy| counts(copy))
    {
        let profile = copy.user.clone();
        return Ok(Reader { profile });
    }
    if let Some(copy) = ctx.ports.cache().find(claims.user).await
        && counts(&copy)
    {
        let profile = copy.user.clone();
        copies.keep(Rc::new(copy), bounds.in_isolate, ctx.now);
        return Ok(Reader { profile });
    }
    let Account {
        user,
        live_sessions,
    } = confirmed_account(ctx, &claims).await?;
    let profile = Profile::from(user);
    let copy = Rc::new(CachedAccount {
        user: profile.clone(),
        sessions: live_sessions,
        read_at: ctx.now,
    });
    copies.keep(Rc::clone(&copy), bounds.in_isolate, ctx.now);
    let cache = ctx.ports.cache().clone();
    ctx.ports
        .background()
        .run(async move { cache.keep(&copy).await });
    Ok(Reader { profile })
}

/// Policy: an authentic access token that has not expired. The database is not asked, so this
/// is enough for looking at the rest of the request, and for nothing else.
///
/// # Errors
///
/// [`AppError::NotAuthenticated`], [`AppError::InvalidToken`], [`AppError::TokenExpired`].
pub fn access_holder<P>(
    ctx: &Ctx<'_, P>,
    presented: &PresentedTokens,
) -> Result<AccessHolder, AppError> {
    access_claims(ctx, presented).map(|claims| AccessHolder { claims })
}

/// Policy: an access token, verified already, of a session that the database says is live, of
/// an active user.
///
/// # Errors
///
/// [`AppError::InvalidToken`] and the store's.
pub async fn confirmed_member<P: Ports>(
    ctx: &Ctx<'_, P>,
    holder: AccessHolder,
) -> Result<Member, AppError> {
    let account = confirmed_account(ctx, &holder.claims).await?;
    Ok(Member {
        claims: holder.claims,
        user: account.user,
    })
}

/// Policy: as [`confirmed_member`], and the stored password hash comes along, for a try of the current
/// password. Tries are counted like those of a login: somebody with a stolen access token
/// must not guess the password.
///
/// # Errors
///
/// [`AppError::InvalidToken`], [`AppError::Busy`], [`AppError::Throttled`] and the store's.
pub async fn owner<'a, P: Ports>(
    ctx: &Ctx<'a, P>,
    AccessHolder { claims }: AccessHolder,
) -> Result<Owner<'a>, AppError> {
    let place = ctx
        .service
        .hash_queue
        .enter(ctx.now)
        .ok_or(AppError::Busy)?;
    let attempt = Attempt {
        keys: ctx
            .service
            .throttle
            .of_password_change(claims.user, ctx.caller.client),
        id: TokenId::from_random(ctx.ports.entropy().bytes()?),
        now: ctx.now,
    };
    let found = ctx
        .ports
        .users()
        .credentials_in(claims.session, claims.user, &attempt)
        .await?;
    match found {
        Attempted::Admitted(found) => Ok(Owner {
            session: claims.session,
            credentials: found.ok_or(AppError::InvalidToken)?,
            attempts: attempt.keys,
            place,
        }),
        Attempted::Throttled(throttled) => {
            let event = (AuditEvent::Throttled, &attempt.keys.account);
            account_refused(ctx, event, Some(claims.user));
            Err(AppError::Throttled(throttled.pause))
        }
    }
}

/// Policy: an authentic refresh token.
///
/// KV is not asked whether it has ended: each refresh brings a token that nobody has asked for
/// yet, and a miss in KV takes longer than the database's own answer.
///
/// # Errors
///
/// [`AppError::NotAuthenticated`], [`AppError::InvalidToken`], [`AppError::TokenExpired`].
pub fn refresh_holder<P>(
    ctx: &Ctx<'_, P>,
    presented: &PresentedTokens,
) -> Result<RefreshHolder, AppError> {
    let token = presented
        .refresh
        .as_deref()
        .ok_or(AppError::NotAuthenticated)?;
    let claims = ctx
        .service
        .tokens
        .verify_refresh(token, ctx.now)
        .map_err(AppError::from)?;
    ctx.caller.is(claims.user);
    Ok(RefreshHolder { claims })
}

/// Policy: an authentic token of either kind, expired or not.
///
/// # Errors
///
/// [`AppError::NotAuthenticated`] without any auth cookie; [`AppError::InvalidToken`] when no
/// cookie holds an authentic token, or when two name different sessions or users.
pub fn session_holder<P>(
    ctx: &Ctx<'_, P>,
    presented: &PresentedTokens,
) -> Result<SessionHolder, AppError> {
    if presented.access.is_none() && presented.refresh.is_none() {
        return Err(AppError::NotAuthenticated);
    }
    match carried(ctx, presented) {
        [Some(one), Some(other)] if one != other => Err(AppError::InvalidToken),
        [Some(holder), _] | [None, Some(holder)] => {
            ctx.caller.is(holder.user);
            Ok(holder)
        }
        [None, None] => Err(AppError::InvalidToken),
    }
}

/// The sessions that a request's cookies name, expired tokens included; none is required.
#[must_use]
pub fn carried<P>(ctx: &Ctx<'_, P>, presented: &PresentedTokens) -> [Option<SessionHolder>; 2] {
    let tokens = &ctx.service.tokens;
    let access = presented.access.as_deref().and_then(|token| {
        let claims = even_expired(tokens.verify_access(token, ctx.now))?;
        Some(SessionHolder {
            session: claims.session,
            user: claims.user,
        })
    });
    let refresh = presented.refresh.as_deref().and_then(|token| {
        let claims = even_expired(tokens.verify_refresh(token, ctx.now))?;
        Some(SessionHolder {
            session: claims.session,
            user: claims.user,
        })
    });
    [access, refresh]
}

fn access_claims<P>(
    ctx: &Ctx<'_, P>,
    presented: &PresentedTokens,
) -> Result<AccessClaims, AppError> {
    let token = presented
        .access
        .as_deref()
        .ok_or(AppError::NotAuthenticated)?;
    let Service {
        tokens, verified, ..
    } = ctx.service;
    let digest = TokenDigest::of(token).ok_or(AppError::InvalidToken)?;
    let claims = if let Some(claims) = verified.find(digest) {
        tokens.judge_access(claims, ctx.now)?
    } else {
        let claims = tokens.verify_access(token, ctx.now)?;
        verified.keep(digest, claims.clone());
        claims
    };
    ctx.caller.is(claims.user);
    Ok(claims)
}

/// What the database says now, if the session is live and the user active.
async fn confirmed_account<P: Ports>(
    ctx: &Ctx<'_, P>,
    claims: &AccessClaims,
) -> Result<Account, AppError> {
    let account = ctx.ports.users().account(claims.user, ctx.now).await?;
    account
        .filter(|account| account.user.is_active && account.live_sessions.contains(&claims.session))
        .ok_or(AppError::InvalidToken)
}

fn even_expired<C>(verified: Result<C, Rejection<C>>) -> Option<C> {
    match verified {
        Ok(claims) | Err(Rejection::Expired(claims)) => Some(claims),
        Err(Rejection::Invalid) => None,
    }
}

/// Whether a copy may speak for the database: it is this user's, young enough, and says that
/// the user is active and the session live.
///
/// A copy that is older than the token does not count either: a token that is issued with a
/// change makes its holder see the change at once (`rename`).
fn counts(copy: &CachedAccount, claims: &AccessClaims, bound: Seconds, now: UnixSeconds) -> bool {
    copy.user.id == claims.user
        && copy.read_at <= now.plus(READ_AT_LEEWAY)
        && now < copy.read_at.plus(bound)
        && copy.read_at >= claims.issued_at
        && copy.user.is_active
        && copy.sessions.contains(&claims.session)
}
