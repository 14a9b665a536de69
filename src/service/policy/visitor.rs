//! Visitors: callers who need no token, and whose cookies may still name sessions.

use super::{Actor, Counted, Policy, Proof};
use crate::domain::credential::mailed_login::BrowserSecret;
use crate::domain::session::SessionKey;
use crate::domain::session::token::RefreshClaims;
use crate::ports::Ports;
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
        let tokens = &ctx.service.tokens;
        let device = pick(&self.presented.refresh, |token| {
            tokens.verify_refresh(token, ctx.now)
        });
        let mut carried = named(&self.presented, tokens, ctx.now)
            .into_iter()
            .map(|named| named.session);
        CarriedSessions {
            sessions: [carried.next(), carried.next()],
            device: device.ok(),
        }
    }
}

impl Visitor {
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
