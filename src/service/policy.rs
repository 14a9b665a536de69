//! Who is calling. Each access policy has one function here, and each gives an actor of its
//! own type: a handler that takes the actor cannot run without the policy.

use std::rc::Rc;

use super::candidates::{Claims, Named, PresentedTokens, is_contradicted, named, pick};
use super::config::ProfileConsistency;
use super::hash_queue::HashTicket;
use super::limits::{self, Limited};
use super::refusals::account_refused;
use super::{AppError, Ctx, Service};
use crate::domain::audit::AuditEvent;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::identity::user::Profile;
use crate::domain::session::token::{AccessClaims, RefreshClaims, Rejection, TokenDigest};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{CachedAccount, Ports};
use crate::store::Caller;
use crate::store::attempts::{self, Attempt, Attempted, Guess, PasswordHolder};
use crate::store::log_in::Carried;
use crate::store::users::{self, Account};

/// How far ahead another location's clock may have been when it wrote a copy.
const READ_AT_LEEWAY: Seconds = Seconds::new(5);

/// A signed-in person, for reading: perhaps from a copy of bounded age.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The person.
    pub profile: Profile,
}

/// The holder of an authentic access token that has not expired; whether its session still
/// lives is for the database.
#[derive(Clone, Debug)]
pub struct AccessHolder {
    /// What the token says.
    pub claims: AccessClaims,
}

impl AccessHolder {
    /// The session of the request, for the statements that hold it live themselves.
    #[must_use]
    pub const fn caller(&self) -> Caller {
        Caller {
            user: self.claims.user,
            session: self.claims.session,
        }
    }
}

/// A signed-in person whom the database has just confirmed, with the stored password hash.
#[derive(Debug)]
pub struct Owner<'a> {
    /// The session the request came in.
    pub caller: Caller,
    /// The person.
    pub holder: PasswordHolder,
    /// The counter that a success sets back.
    pub guess: Guess,
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
/// served for longer than that. What this isolate does not remember asks KV or the database, and
/// counts as `limited`.
///
/// # Errors
///
/// [`AppError::NotAuthenticated`], [`AppError::InvalidToken`], [`AppError::TokenExpired`],
/// [`AppError::Throttled`] and the store's.
pub async fn reader<P: Ports>(
    ctx: &Ctx<'_, P>,
    presented: &PresentedTokens,
    limited: Option<Limited>,
) -> Result<Reader, AppError> {
    let claims = access_claims(ctx, presented)?;
    let limit = async || match limited {
        Some(limited) => limits::by_session(ctx, limited, claims.session).await,
        None => Ok(()),
    };
    let bounds = match ctx.config().profile {
        ProfileConsistency::Cached(bounds) => bounds,
        ProfileConsistency::Strict => {
            limit().await?;
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
    limit().await?;
    if let Some(copy) = ctx.ports.find_copy(claims.user).await
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
    let ports = ctx.ports.clone();
    ctx.ports
        .in_background(async move { ports.keep_copy(&copy).await });
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

/// Asks the database whether the session of an authentic token is live: for a request whose other
/// faults are told to nobody else.
///
/// # Errors
///
/// [`AppError::InvalidToken`] and the store's.
pub async fn confirm<P: Ports>(ctx: &Ctx<'_, P>, holder: &AccessHolder) -> Result<(), AppError> {
    confirmed_account(ctx, &holder.claims).await.map(drop)
}

/// Policy: an access token of a live session, and the stored password hash comes along, for a try
/// of the current password. Tries are counted like those of a login: somebody with a stolen access
/// token must not guess the password.
///
/// # Errors
///
/// [`AppError::InvalidToken`], [`AppError::Busy`], [`AppError::Throttled`] and the store's.
pub async fn owner<'a, P: Ports>(
    ctx: &Ctx<'a, P>,
    holder: AccessHolder,
) -> Result<Owner<'a>, AppError> {
    let place = ctx
        .service
        .hash_queue
        .enter(ctx.now)
        .ok_or(AppError::Busy)?;
    let caller = holder.caller();
    let attempt = Attempt {
        keys: ctx
            .service
            .throttle
            .of_password_change(caller.user, caller.session),
        id: TokenId::from_random(ctx.ports.random_bytes()?),
        now: ctx.now,
    };
    match attempts::change_password(ctx.ports, &attempt, caller).await? {
        Attempted::Admitted(guess, Some(holder)) => Ok(Owner {
            caller,
            holder,
            guess,
            place,
        }),
        Attempted::Throttled(throttled) if throttled.user.is_some() => {
            let event = (AuditEvent::Throttled, &attempt.keys.account);
            account_refused(ctx, event, throttled.user);
            Err(AppError::Throttled(throttled.pause))
        }
        // An attempt from a session that is over is not let through, and finds no user.
        Attempted::Admitted(_, None) | Attempted::Throttled(_) => Err(AppError::InvalidToken),
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
    let claims = pick(&presented.refresh, |token| {
        ctx.service.tokens.verify_refresh(token, ctx.now)
    })?;
    ctx.caller.is(claims.user);
    Ok(RefreshHolder { claims })
}

/// Policy: an authentic token of either kind, expired or not. `None` when it is so old that its
/// session is over whatever has become of it: then there is nothing to ask the database.
///
/// # Errors
///
/// [`AppError::NotAuthenticated`] without any auth cookie; [`AppError::InvalidToken`] when no
/// cookie holds an authentic token, when two name different sessions or users, or when there are
/// too many to tell.
pub fn session_holder<P>(
    ctx: &Ctx<'_, P>,
    presented: &PresentedTokens,
) -> Result<Option<SessionHolder>, AppError> {
    let PresentedTokens { access, refresh } = presented;
    if access.are_none() && refresh.are_none() {
        return Err(AppError::NotAuthenticated);
    }
    match named(presented, &ctx.service.tokens, ctx.now).as_slice() {
        [Named { holder, issued_at }] if !access.are_too_many() && !refresh.are_too_many() => {
            ctx.caller.is(holder.user);
            // The session began before its token was issued.
            let is_over = issued_at.plus(ctx.service.config.sessions.absolute) <= ctx.now;
            Ok((!is_over).then_some(*holder))
        }
        _ => Err(AppError::InvalidToken),
    }
}

/// The sessions that a request's cookies name.
#[derive(Clone, Copy, Debug, Default)]
pub struct CarriedSessions {
    /// Two of them at most, expired tokens included.
    pub sessions: [Option<Carried>; 2],
    /// The holder of a refresh token that has not expired: perhaps a device that an account knows.
    pub device: Option<CarriedDevice>,
}

/// The holder of an authentic refresh token that has not expired.
#[derive(Clone, Copy, Debug)]
pub struct CarriedDevice {
    /// The session that the token names.
    pub session: Caller,
    /// The token's id.
    pub refresh_id: TokenId,
}

/// The sessions that a login's cookies name; none is required.
#[must_use]
pub fn carried_sessions<P>(ctx: &Ctx<'_, P>, presented: &PresentedTokens) -> CarriedSessions {
    let tokens = &ctx.service.tokens;
    let refresh = pick(&presented.refresh, |token| {
        tokens.verify_refresh(token, ctx.now)
    });
    let device = refresh.ok().map(|claims| CarriedDevice {
        session: Caller {
            user: claims.user,
            session: claims.session,
        },
        refresh_id: claims.id,
    });
    let named = named(presented, tokens, ctx.now);
    let mut carried = named.into_iter().map(|named| Carried {
        user: named.holder.user,
        session: named.holder.session,
    });
    CarriedSessions {
        sessions: [carried.next(), carried.next()],
        device,
    }
}

fn access_claims<P>(
    ctx: &Ctx<'_, P>,
    presented: &PresentedTokens,
) -> Result<AccessClaims, AppError> {
    let Service {
        tokens, verified, ..
    } = ctx.service;
    let claims = pick(&presented.access, |token| {
        let digest = TokenDigest::of(token).ok_or(Rejection::Invalid)?;
        if let Some(claims) = verified.find(digest) {
            return tokens.judge_access(claims, ctx.now);
        }
        let claims = tokens.verify_access(token, ctx.now)?;
        verified.keep(digest, claims.clone());
        Ok(claims)
    })?;
    let is_shared = ctx.service.config.cookies.domain.is_some();
    if is_shared && is_contradicted(&presented.refresh, claims.holder(), tokens, ctx.now) {
        return Err(AppError::InvalidToken);
    }
    ctx.caller.is(claims.user);
    Ok(claims)
}

/// What the database says now, if the session is live and the user active.
async fn confirmed_account<P: Ports>(
    ctx: &Ctx<'_, P>,
    claims: &AccessClaims,
) -> Result<Account, AppError> {
    let account = users::account(ctx.ports, claims.user, ctx.now).await?;
    account
        .filter(|account| account.user.is_active && account.live_sessions.contains(&claims.session))
        .ok_or(AppError::InvalidToken)
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
