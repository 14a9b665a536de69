//! The endpoints: a folder for each area, a file for each endpoint. An area's `mod.rs` contains its
//! table, and this module the table of the areas.

pub mod account;
pub mod operations;
pub mod recovery;
pub mod sessions;

use core::pin::Pin;

use crate::ports::Ports;
use crate::service::Ctx;
use crate::service::config::{Config, HomePage};
use crate::service::policy::Policy;
use crate::web::body::RequestBody;
use crate::web::reply::Answer;
use crate::web::request::Head;
use crate::web::route::{Offered, Route};
use account::Account;
use operations::Operations;
use recovery::Recovery;
use sessions::Sessions;

/// An endpoint, by area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Registering, logging in and out, the profile, the password, the activity.
    Account(Account),
    /// The sessions of a user.
    Sessions(Sessions),
    /// The ways back into an account.
    Recovery(Recovery),
    /// Endpoints for operators.
    Operations(Operations),
}

impl Endpoint {
    /// Returns every endpoint, in the order of the documents.
    pub fn all() -> impl Iterator<Item = Self> {
        let account = Account::ALL.iter().copied().map(Self::Account);
        let sessions = Sessions::ALL.iter().copied().map(Self::Sessions);
        let operations = Operations::ALL.iter().copied().map(Self::Operations);
        let recovery = Recovery::ALL.iter().copied().map(Self::Recovery);
        operations.chain(account).chain(sessions).chain(recovery)
    }

    /// Returns every endpoint with the facts of its route.
    pub fn table() -> impl Iterator<Item = (Self, &'static Route)> {
        Self::all().map(|endpoint| (endpoint, endpoint.route()))
    }

    /// Returns the endpoints that a deployment offers, with the facts of their routes.
    pub fn offered(config: &Config) -> impl Iterator<Item = (Self, &'static Route)> {
        let has_home_page = config.home_page == HomePage::On;
        Self::table().filter(move |(_, route)| match route.offered {
            Offered::Always => true,
            Offered::IfWanted => has_home_page,
        })
    }

    /// Returns the facts of the endpoint's route.
    #[must_use]
    pub const fn route(self) -> &'static Route {
        match self {
            Self::Account(endpoint) => endpoint.route(),
            Self::Sessions(endpoint) => endpoint.route(),
            Self::Recovery(endpoint) => endpoint.route(),
            Self::Operations(endpoint) => endpoint.route(),
        }
    }

    /// Returns the endpoint's policy.
    #[must_use]
    pub const fn policy(self) -> Policy {
        match self {
            Self::Account(endpoint) => endpoint.policy(),
            Self::Sessions(endpoint) => endpoint.policy(),
            Self::Recovery(endpoint) => endpoint.policy(),
            Self::Operations(endpoint) => endpoint.policy(),
        }
    }

    /// Answers a request to the endpoint.
    pub fn answer<'a, P: Ports>(
        self,
        ctx: &'a Ctx<'a, P>,
        head: Head<'a>,
        body: impl RequestBody + 'a,
    ) -> Pin<Box<dyn Future<Output = Answer> + 'a>> {
        match self {
            Self::Account(endpoint) => endpoint.answer(ctx, head, body),
            Self::Sessions(endpoint) => endpoint.answer(ctx, head, body),
            Self::Recovery(endpoint) => endpoint.answer(ctx, head, body),
            Self::Operations(endpoint) => endpoint.answer(ctx, head, body),
        }
    }

    /// Returns the endpoint's part of the OpenAPI document.
    #[cfg(feature = "openapi")]
    #[must_use]
    pub fn part(self) -> crate::web::documented::Part {
        match self {
            Self::Account(endpoint) => endpoint.part(),
            Self::Sessions(endpoint) => endpoint.part(),
            Self::Recovery(endpoint) => endpoint.part(),
            Self::Operations(endpoint) => endpoint.part(),
        }
    }
}
