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

/// The most different values of one auth cookie that are verified. A browser that has seen a few
/// settings of this service, or another service beside it, has two or three; each costs a
/// signature, and a stranger must not buy many with one request.
const MAX_CANDIDATES: usize = 8;

/// The auth cookies of a request, as they came.
#[derive(Clone, Default)]
pub struct PresentedTokens {
    /// The access cookie's values.
    pub access: Candidates,
    /// The refresh cookie's values.
    pub refresh: Candidates,
}

/// The different values of one auth cookie: a browser sends one for each domain and path that it
/// was set for, in an order that says nothing (RFC 6265, sections 5.4 and 8.6).
#[derive(Clone, Default)]
pub struct Candidates {
    values: Vec<String>,
    are_too_many: bool,
}

impl Candidates {
    /// Adds a value; one that is empty, or there already, changes nothing.
    pub fn add(&mut self, value: &str) {
        if value.is_empty() || self.values.iter().any(|other| other == value) {
            return;
        }
        if self.values.len() < MAX_CANDIDATES {
            self.values.push(value.to_owned());
        } else {
            self.are_too_many = true;
        }
    }

    /// The values, in their order.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }
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

/// Policy: an access token of a session that the database says is live, of an active user.
///
/// # Errors
///
/// As [`reader`].
pub async fn member<P: Ports>(
    ctx: &Ctx<'_, P>,
    presented: &PresentedTokens,
) -> Result<Member, AppError> {
    confirmed_member(ctx, access_holder(ctx, presented)?).await
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

/// Policy: as [`member`], for somebody whose token has been verified already.
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

/// Policy: as [`member`], and the stored password hash comes along, for a try of the current
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
    let claims = pick(&presented.refresh, |token| {
        ctx.service.tokens.verify_refresh(token, ctx.now)
    })?;
    ctx.caller.is(claims.user);
    Ok(RefreshHolder { claims })
}

/// Policy: an authentic token of either kind, expired or not.
///
/// # Errors
///
/// [`AppError::NotAuthenticated`] without any auth cookie; [`AppError::InvalidToken`] when no
/// cookie holds an authentic token, when two name different sessions or users, or when there are
/// too many to tell.
pub fn session_holder<P>(
    ctx: &Ctx<'_, P>,
    presented: &PresentedTokens,
) -> Result<SessionHolder, AppError> {
    let PresentedTokens { access, refresh } = presented;
    if access.values.is_empty() && refresh.values.is_empty() {
        return Err(AppError::NotAuthenticated);
    }
    match named(ctx, presented).as_slice() {
        [holder] if !access.are_too_many && !refresh.are_too_many => {
            ctx.caller.is(holder.user);
            Ok(*holder)
        }
        _ => Err(AppError::InvalidToken),
    }
}

/// Two of the sessions that a request's cookies name, expired tokens included; none is required.
#[must_use]
pub fn carried<P>(ctx: &Ctx<'_, P>, presented: &PresentedTokens) -> [Option<SessionHolder>; 2] {
    let mut holders = named(ctx, presented).into_iter();
    [holders.next(), holders.next()]
}

/// The different sessions that authentic tokens name, expired ones included.
fn named<P>(ctx: &Ctx<'_, P>, presented: &PresentedTokens) -> Vec<SessionHolder> {
    let tokens = &ctx.service.tokens;
    let mut holders = Vec::new();
    let mut add = |holder: Option<SessionHolder>| {
        if let Some(holder) = holder.filter(|holder| !holders.contains(holder)) {
            holders.push(holder);
        }
    };
    for token in &presented.access.values {
        add(even_expired(tokens.verify_access(token, ctx.now)).map(|claims| claims.holder()));
    }
    for token in &presented.refresh.values {
        add(even_expired(tokens.verify_refresh(token, ctx.now)).map(|claims| claims.holder()));
    }
    holders
}

/// What the tokens of both kinds say.
trait Claims {
    fn holder(&self) -> SessionHolder;
    fn issued_at(&self) -> UnixSeconds;
}

impl Claims for AccessClaims {
    fn holder(&self) -> SessionHolder {
        SessionHolder {
            session: self.session,
            user: self.user,
        }
    }
    fn issued_at(&self) -> UnixSeconds {
        self.issued_at
    }
}

impl Claims for RefreshClaims {
    fn holder(&self) -> SessionHolder {
        SessionHolder {
            session: self.session,
            user: self.user,
        }
    }
    fn issued_at(&self) -> UnixSeconds {
        self.issued_at
    }
}

/// The token that counts: the one that verifies. A cookie that does not is another service's, or
/// was tossed by a sibling subdomain, and does not matter.
///
/// Of several tokens of one session the newest counts: a refresh in one scope leaves its
/// predecessor in the other. Tokens of different sessions are ambiguous: one may have been tossed,
/// and would let its owner read what the person then does. An expired token counts when no other
/// does.
///
/// # Errors
///
/// [`AppError::NotAuthenticated`], [`AppError::InvalidToken`], [`AppError::TokenExpired`], and
/// [`AppError::Ambiguous`], also for more than [`MAX_CANDIDATES`] values: the ones that are not
/// looked at could hide an ambiguity.
fn pick<C: Claims>(
    candidates: &Candidates,
    verify: impl Fn(&str) -> Result<C, Rejection<C>>,
) -> Result<C, AppError> {
    if candidates.are_too_many {
        return Err(AppError::Ambiguous);
    }
    let mut refusal = AppError::NotAuthenticated;
    let mut newest: Option<C> = None;
    for token in &candidates.values {
        match verify(token) {
            Ok(claims) => match &newest {
                Some(other) if other.holder() != claims.holder() => {
                    return Err(AppError::Ambiguous);
                }
                Some(other) if other.issued_at() > claims.issued_at() => {}
                _ => newest = Some(claims),
            },
            Err(Rejection::Expired(_)) => refusal = AppError::TokenExpired,
            Err(Rejection::Invalid) if refusal == AppError::NotAuthenticated => {
                refusal = AppError::InvalidToken;
            }
            Err(Rejection::Invalid) => {}
        }
    }
    newest.ok_or(refusal)
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
