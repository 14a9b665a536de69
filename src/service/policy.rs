//! Who is calling. An access policy is a type, the actor: nothing but its policy makes one, from
//! the tokens that a request presents, so an endpoint that takes the actor cannot run without the
//! policy.
//!
//! No policy asks the database. A token says who the caller claims to be; whether the session is
//! live is a condition of the statement that the endpoint runs, or of [`Member::account`].

use super::presented::{Named, PresentedTokens, is_contradicted, named, pick};
use super::{Ctx, Service, ServiceError};
use crate::domain::id::SessionId;
use crate::domain::session::SessionKey;
use crate::domain::session::token::{AccessClaims, RefreshClaims, Rejection, TokenDigest};
use crate::domain::time::Seconds;
use crate::ports::Ports;
use crate::store::users::{self, Account};

/// What the inventory of routes says of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The actor's name.
    pub actor: &'static str,
    /// The token that proves who is calling.
    pub proof: Proof,
    /// Whose budget of the platform's limiter a request uses.
    pub counted: Counted,
    /// The permission that the caller's role must have.
    pub permission: Option<&'static str>,
    /// The longest time since the caller's token was issued, for what must not be done with a token
    /// that somebody has found.
    pub max_age: Option<Seconds>,
}

/// Which token proves who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// None is needed.
    Nothing,
    /// An access token that has not expired.
    Access,
    /// A refresh token that has not expired.
    Refresh,
    /// A token of either kind, expired or not.
    Either,
}

/// Whose budget of the platform's limiter a request uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The client's, before anything else.
    ByClient,
    /// The session's, once its token is authentic.
    BySession,
    /// The session's, once the endpoint has to ask KV or the database.
    BySessionWhenAsked,
}

impl Policy {
    /// A policy without further conditions.
    #[must_use]
    pub const fn new(actor: &'static str, proof: Proof, counted: Counted) -> Self {
        Self {
            actor,
            proof,
            counted,
            permission: None,
            max_age: None,
        }
    }
}

/// The caller of an endpoint, as its policy has found them.
pub trait Actor: Sized {
    /// The policy that makes it.
    const POLICY: Policy;

    /// Judges the tokens of a request. `presented` reads them from its cookies.
    ///
    /// # Errors
    ///
    /// The reason why the request is not such an actor's.
    fn of<P: Ports>(
        ctx: &Ctx<'_, P>,
        presented: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError>;

    /// The session whose budget the request uses; `None` where there is no session or the endpoint
    /// counts by itself.
    fn counted_session(&self) -> Option<SessionId> {
        None
    }

    /// Asks the database whether the caller is who the token says, before a fault of the request is
    /// reported: nobody else learns of it.
    ///
    /// # Errors
    ///
    /// [`ServiceError::InvalidToken`] and the store's.
    fn confirm<P: Ports>(&self, _: &Ctx<'_, P>) -> impl Future<Output = Result<(), ServiceError>> {
        async { Ok(()) }
    }
}

/// Anyone; the cookies are not read.
#[derive(Clone, Copy, Debug)]
pub struct Anyone;

impl Actor for Anyone {
    const POLICY: Policy = Policy::new("Anyone", Proof::Nothing, Counted::ByClient);

    fn of<P: Ports>(
        _: &Ctx<'_, P>,
        _: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError> {
        Ok(Self)
    }
}

/// Anyone, with the sessions that the request's cookies name, if they name any.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// Two sessions at most, those of expired tokens included.
    pub carried: [Option<SessionKey>; 2],
    /// The holder of a refresh token that has not expired: perhaps a device that an account knows.
    pub device: Option<RefreshClaims>,
}

impl Actor for Visitor {
    const POLICY: Policy = Policy::new("Visitor", Proof::Nothing, Counted::ByClient);

    fn of<P: Ports>(
        ctx: &Ctx<'_, P>,
        presented: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError> {
        let presented = presented();
        let tokens = &ctx.service.tokens;
        let device = pick(&presented.refresh, |token| {
            tokens.verify_refresh(token, ctx.now)
        });
        let mut carried = named(&presented, tokens, ctx.now)
            .into_iter()
            .map(|named| named.session);
        Ok(Self {
            carried: [carried.next(), carried.next()],
            device: device.ok(),
        })
    }
}

/// The holder of an authentic refresh token; whether it still rotates is for the database.
///
/// KV is not asked whether it has ended: each refresh brings a token that nobody has asked for
/// yet, and a miss in KV takes longer than the database's own answer.
#[derive(Clone, Debug)]
pub struct RefreshTokenHolder {
    /// What the token says.
    pub claims: RefreshClaims,
}

impl Actor for RefreshTokenHolder {
    const POLICY: Policy = Policy::new("RefreshTokenHolder", Proof::Refresh, Counted::BySession);

    fn of<P: Ports>(
        ctx: &Ctx<'_, P>,
        presented: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError> {
        let claims = pick(&presented().refresh, |token| {
            ctx.service.tokens.verify_refresh(token, ctx.now)
        })?;
        ctx.caller.is(claims.session.user);
        Ok(Self { claims })
    }

    fn counted_session(&self) -> Option<SessionId> {
        Some(self.claims.session.id)
    }
}

/// The holder of an authentic token of either kind, expired or not: enough to end its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionHolder {
    /// The session. `None` when the token is so old that its session is over whatever has become of
    /// it: then there is nothing to ask the database.
    pub session: Option<SessionKey>,
}

impl Actor for SessionHolder {
    const POLICY: Policy = Policy::new("SessionHolder", Proof::Either, Counted::BySession);

    fn of<P: Ports>(
        ctx: &Ctx<'_, P>,
        presented: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError> {
        let presented = presented();
        let PresentedTokens { access, refresh } = &presented;
        if access.are_none() && refresh.are_none() {
            return Err(ServiceError::NotAuthenticated);
        }
        match named(&presented, &ctx.service.tokens, ctx.now).as_slice() {
            [Named { session, issued_at }] if !access.are_too_many() && !refresh.are_too_many() => {
                ctx.caller.is(session.user);
                // The session began before its token was issued.
                let is_over = issued_at.plus(ctx.config().sessions.absolute) <= ctx.now;
                Ok(Self {
                    session: (!is_over).then_some(*session),
                })
            }
            _ => Err(ServiceError::UnusableCookies),
        }
    }

    fn counted_session(&self) -> Option<SessionId> {
        self.session.map(|session| session.id)
    }
}

/// The holder of an authentic access token that has not expired: a signed-in person, if the session
/// is live. Each statement of such an endpoint has that as a condition.
#[derive(Clone, Debug)]
pub struct Member {
    /// What the token says.
    pub claims: AccessClaims,
}

impl Member {
    /// The caller's session, for the statements that have its being live as a condition.
    #[must_use]
    pub const fn session(&self) -> SessionKey {
        self.claims.session
    }

    /// What the database says of the caller now. One round trip.
    ///
    /// # Errors
    ///
    /// [`ServiceError::InvalidToken`] when the session is over or the user inactive, and the
    /// store's.
    pub async fn account<P: Ports>(&self, ctx: &Ctx<'_, P>) -> Result<Account, ServiceError> {
        let SessionKey { user, id } = self.session();
        let account = users::account(ctx.ports, user, ctx.now).await?;
        account
            .filter(|account| account.user.is_active && account.live_sessions.contains(&id))
            .ok_or(ServiceError::InvalidToken)
    }
}

impl Actor for Member {
    const POLICY: Policy = Policy::new("Member", Proof::Access, Counted::BySession);

    fn of<P: Ports>(
        ctx: &Ctx<'_, P>,
        presented: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError> {
        let claims = access_claims(ctx, &presented())?;
        Ok(Self { claims })
    }

    fn counted_session(&self) -> Option<SessionId> {
        Some(self.session().id)
    }

    async fn confirm<P: Ports>(&self, ctx: &Ctx<'_, P>) -> Result<(), ServiceError> {
        self.account(ctx).await.map(drop)
    }
}

/// A [`Member`] whose request may be answered from this isolate's memory: the endpoint counts it
/// once it has to ask KV or the database.
#[derive(Clone, Debug)]
pub struct Reader(pub Member);

impl Actor for Reader {
    const POLICY: Policy = Policy::new("Reader", Proof::Access, Counted::BySessionWhenAsked);

    fn of<P: Ports>(
        ctx: &Ctx<'_, P>,
        presented: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError> {
        Member::of(ctx, presented).map(Self)
    }

    async fn confirm<P: Ports>(&self, ctx: &Ctx<'_, P>) -> Result<(), ServiceError> {
        self.0.confirm(ctx).await
    }
}

fn access_claims<P: Ports>(
    ctx: &Ctx<'_, P>,
    presented: &PresentedTokens,
) -> Result<AccessClaims, ServiceError> {
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
    let is_shared = ctx.config().cookies.domain.is_some();
    if is_shared && is_contradicted(&presented.refresh, claims.session, tokens, ctx.now) {
        return Err(ServiceError::InvalidToken);
    }
    ctx.caller.is(claims.session.user);
    Ok(claims)
}
