//! Visitors: callers who need no token, and whose cookies may still name sessions.

use super::{Actor, Counted, Policy, Proof};
use crate::domain::credential::mailed_login::BrowserSecret;
use crate::domain::session::SessionKey;
use crate::domain::session::token::RefreshClaims;
use crate::ports::Ports;
use crate::service::limits::Budget;
use crate::service::presented::{PresentedTokens, named, pick};
use crate::service::{Ctx, ServiceError};

/// Anyone, with the cookies of the request, which are not verified before the body is read.
#[derive(Clone, Default)]
pub struct Visitor {
    presented: PresentedTokens,
}

/// The sessions that a visitor's cookies name.
#[derive(Clone, Debug, Default)]
pub struct CarriedSessions {
    /// At most two sessions, including those of expired tokens.
    pub sessions: [Option<SessionKey>; 2],
    /// The claims of a refresh token that has not expired: perhaps of a device that an account
    /// knows.
    pub device: Option<RefreshClaims>,
}

impl Visitor {
    /// Verifies the cookies. None is required.
    #[must_use]
    pub fn carried<P: Ports>(&self, ctx: &Ctx<'_, P>) -> CarriedSessions {
        let mut carried = named(&self.presented, &ctx.service.tokens, ctx.now)
            .into_iter()
            .map(|named| named.session);
        CarriedSessions {
            sessions: [carried.next(), carried.next()],
            device: device_of(ctx, &self.presented),
        }
    }

    /// Returns the secret of a browser that has asked to log in by mail. `None` also for several:
    /// one of them may have been planted.
    #[must_use]
    pub fn browser(&self) -> Option<BrowserSecret> {
        match self.presented.login_request.values() {
            [value] => BrowserSecret::parse(value),
            _ => None,
        }
    }
}

impl Actor for Visitor {
    const POLICY: Policy = Policy::new("Visitor", Proof::Nothing, Counted::ByClient);

    fn of<P: Ports>(
        _: &Ctx<'_, P>,
        presented: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError> {
        Ok(Self {
            presented: presented(),
        })
    }
}

/// A [`Visitor`] who logs in, perhaps on a known device. Others who use up the budget of its client
/// must not keep a known device from logging in, so it has another one.
pub struct LoginVisitor {
    visitor: Visitor,
    budget: Budget,
}

impl LoginVisitor {
    /// Verifies the cookies. None is required.
    #[must_use]
    pub fn carried<P: Ports>(&self, ctx: &Ctx<'_, P>) -> CarriedSessions {
        self.visitor.carried(ctx)
    }

    /// Returns whether only a known device may try: the budget of the client is used up.
    #[must_use]
    pub const fn must_be_known(&self) -> bool {
        matches!(self.budget, Budget::Device)
    }
}

impl Actor for LoginVisitor {
    const POLICY: Policy = Policy::new("LoginVisitor", Proof::Nothing, Counted::ByClientOrDevice);

    fn of<P: Ports>(
        ctx: &Ctx<'_, P>,
        presented: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError> {
        Ok(Self {
            visitor: Visitor::of(ctx, presented)?,
            // The narrower one, until it is known which.
            budget: Budget::Device,
        })
    }

    fn charged_to(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }
}

/// Returns the claims of the refresh token that counts, if it has not expired.
#[must_use]
pub fn device_of<P: Ports>(ctx: &Ctx<'_, P>, presented: &PresentedTokens) -> Option<RefreshClaims> {
    let verified = pick(&presented.refresh, |token| {
        ctx.service.tokens.verify_refresh(token, ctx.now)
    });
    verified.ok()
}
