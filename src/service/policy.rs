//! Access policies: who is calling. The type of a policy's actor is created only by that policy,
//! from the tokens that a request presents, so an endpoint that takes the actor cannot run without
//! the policy.
//!
//! No policy asks the database. A token claims who the caller is; whether the session is live is a
//! condition of the statement that the endpoint runs, or of [`Member::account`].

mod visitor;

use super::limits::Budget;
use super::presented::{Named, PresentedTokens, is_contradicted, named, pick};
use super::{Ctx, Service, ServiceError};
use crate::domain::id::SessionId;
use crate::domain::session::SessionKey;
use crate::domain::session::token::{AccessClaims, RefreshClaims, Rejection, TokenDigest};
use crate::domain::time::Seconds;
use crate::ports::Ports;
use crate::store::users::{self, Account};

pub use visitor::{CarriedSessions, LoginVisitor, Visitor, device_of};

/// The facts of a policy, for the inventory of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The actor's name.
    pub actor: &'static str,
    /// The token that proves who is calling.
    pub proof: Proof,
    /// The owner of the limiter's budget that a request uses.
    pub counted: Counted,
    /// The permission that the caller's role must have.
    pub permission: Option<&'static str>,
    /// The maximum time since the caller's token was issued, for operations that a stolen token
    /// must not be sufficient for.
    pub max_age: Option<Seconds>,
}

/// The token that proves who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// None is required.
    Nothing,
    /// An access token that has not expired.
    Access,
    /// A refresh token that has not expired.
    Refresh,
    /// A token of either kind, expired or not.
    Either,
}

/// The owner of the limiter's budget that a request uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The client, before anything else.
    ByClient,
    /// The client, before anything else. When its budget is used up, the user whose refresh token
    /// the request contains: such a request serves a known device only.
    ByClientOrDevice,
    /// The session, once its token is authentic.
    BySession,
    /// The session, once the endpoint has to ask KV or the database.
    BySessionWhenAsked,
}

impl Policy {
    /// Creates a policy without further conditions.
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

/// The caller of an endpoint, as its policy has established them.
pub trait Actor: Sized {
    /// The policy that creates the actor.
    const POLICY: Policy;

    /// Checks the tokens of a request. `presented` reads them from its cookies.
    ///
    /// # Errors
    ///
    /// Returns why the policy refuses the request.
    fn of<P: Ports>(
        ctx: &Ctx<'_, P>,
        presented: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError>;

    /// Returns the session that the token names, whose budget the request uses. `None` where there is
    /// none.
    fn session_id(&self) -> Option<SessionId> {
        None
    }

    /// Takes note of the budget that the request uses, where a policy has several.
    #[must_use]
    fn charged_to(self, _: Budget) -> Self {
        self
    }

    /// Asks the database whether the token's claims hold, before a fault of the request is
    /// reported: only a confirmed caller learns of it.
    ///
    /// # Errors
    ///
    /// Returns [`ServiceError::InvalidToken`] when they do not hold, and the errors of the store.
    fn confirm<P: Ports>(&self, _: &Ctx<'_, P>) -> impl Future<Output = Result<(), ServiceError>> {
        async { Ok(()) }
    }
}

/// Any client. The cookies are not read.
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

/// The holder of an authentic refresh token. The database decides whether it still rotates.
///
/// KV is not asked whether its session has ended: each refresh presents a token that has not been
/// looked up before, and a miss in KV takes longer than the database's own answer.
#[derive(Clone, Debug)]
pub struct RefreshTokenHolder {
    /// The claims of the token.
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

    fn session_id(&self) -> Option<SessionId> {
        Some(self.claims.session.id)
    }
}

/// The holder of an authentic token of either kind, expired or not, which is enough to end its
/// session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionHolder {
    /// The session. `None` when the token is so old that its session has certainly expired, and the
    /// database need not be asked.
    pub session: Option<SessionKey>,
}

impl Actor for SessionHolder {
    const POLICY: Policy = Policy::new("SessionHolder", Proof::Either, Counted::BySession);

    fn of<P: Ports>(
        ctx: &Ctx<'_, P>,
        presented: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError> {
        let presented = presented();
        let PresentedTokens {
            access, refresh, ..
        } = &presented;
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

    fn session_id(&self) -> Option<SessionId> {
        self.session.map(|session| session.id)
    }
}

/// The holder of an authentic access token that has not expired: a signed-in user, if the session
/// is live. Each statement of such an endpoint has that as a condition.
#[derive(Clone, Debug)]
pub struct Member {
    /// The claims of the token.
    pub claims: AccessClaims,
}

impl Member {
    /// Returns the caller's session, for the statements that require it to be live.
    #[must_use]
    pub const fn session(&self) -> SessionKey {
        self.claims.session
    }

    /// Reads the caller's account. One round trip.
    ///
    /// # Errors
    ///
    /// Returns [`ServiceError::InvalidToken`] when the session is not live or the user is inactive,
    /// and the errors of the store.
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

    fn session_id(&self) -> Option<SessionId> {
        Some(self.session().id)
    }

    async fn confirm<P: Ports>(&self, ctx: &Ctx<'_, P>) -> Result<(), ServiceError> {
        self.account(ctx).await.map(drop)
    }
}

/// A [`Member`] whose request may be answered from this isolate's memory. The endpoint counts it
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

    fn session_id(&self) -> Option<SessionId> {
        self.0.session_id()
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
    } = &**ctx.service;
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
