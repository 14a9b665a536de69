//! What an endpoint is, and how a request passes through it.
//!
//! The order (docs/http.md, section 1): the platform's limiter for the client, media type and
//! announced size, the policy, the limiter for the session, the body, its fields, and then the
//! endpoint itself.

use super::apart::apart;
use super::body::{self, Body, Incoming, RequestBody};
use super::problem::Refusal;
use super::reply::Answer;
use super::request::{Head, Received};
use super::route::Route;
use crate::domain::id::SessionId;
use crate::ports::Ports;
use crate::service::config::Config;
use crate::service::limits::{self, Budget};
use crate::service::policy::{Actor, Counted, Policy, device_of};
use crate::service::{Ctx, ServiceError};

/// An endpoint: one file of `api`.
pub trait Endpoint {
    /// The facts of its route.
    const ROUTE: Route;

    /// The caller, which only its policy creates.
    type Actor: Actor;

    /// The parsed request.
    type Input;

    /// Parses the request. Reports all faults at once.
    ///
    /// # Errors
    ///
    /// Refuses with 400, 404 or 422.
    fn input(request: &Received<'_>, config: &Config) -> Result<Self::Input, Refusal>;

    /// Performs the operation and answers.
    fn answer<P: Ports>(
        ctx: &Ctx<'_, P>,
        actor: Self::Actor,
        input: Self::Input,
    ) -> impl Future<Output = Answer>;
}

/// Answers a request to an endpoint.
///
/// The database is asked about the caller after the body has been read: the body may take seconds
/// to arrive, and an earlier confirmation would be outdated by then. The faults of a request are
/// reported only to a caller whom the policy confirms. For a request without faults, the endpoint's
/// own statement confirms the caller.
///
/// # Errors
///
/// Returns the [`Refusal`] of the first check that fails.
pub async fn answer<E: Endpoint, P: Ports>(
    ctx: &Ctx<'_, P>,
    head: Head<'_>,
    body: impl RequestBody,
) -> Answer {
    let Identified { actor, body } =
        apart(identify::<E::Actor, P>(ctx, &E::ROUTE, &head, body)).await?;
    match E::input(&Received { head, body }, ctx.config()) {
        Ok(input) => E::answer(ctx, actor, input).await,
        Err(refusal) => Err(apart(reported(ctx, &E::ROUTE, actor, refusal)).await),
    }
}

/// A caller whom the policy has identified, and the body of the request.
struct Identified<A> {
    actor: A,
    body: Body,
}

/// Passes everything before the fields. It is compiled for each kind of caller, and not for each
/// endpoint.
async fn identify<A: Actor, P: Ports>(
    ctx: &Ctx<'_, P>,
    route: &Route,
    head: &Head<'_>,
    body: impl RequestBody,
) -> Result<Identified<A>, Refusal> {
    let policy = A::POLICY;
    let budget = apart(charge(ctx, route, policy, head)).await?;
    let incoming = body::admit(head.headers, body, route.body)?;
    let actor = A::of(ctx, || head.presented())?.charged_to(budget);
    let session = actor.session_id();
    let counted_now = session.filter(|_| policy.counted == Counted::BySession);
    let body = apart(receive(ctx, route, counted_now, incoming)).await?;
    Ok(Identified { actor, body })
}

/// Returns the refusal of a request with faults, if the caller may learn of them.
async fn reported<A: Actor, P: Ports>(
    ctx: &Ctx<'_, P>,
    route: &Route,
    actor: A,
    refusal: Refusal,
) -> Refusal {
    let session = actor.session_id();
    let counted_late = session.filter(|_| A::POLICY.counted == Counted::BySessionWhenAsked);
    if let Err(error) = apart(count_session(ctx, route, counted_late)).await {
        return error.into();
    }
    match actor.confirm(ctx).await {
        Ok(()) => refusal,
        Err(error) => error.into(),
    }
}

/// Counts a request that is counted by its client, before anything else of it is looked at.
async fn charge<P: Ports>(
    ctx: &Ctx<'_, P>,
    route: &Route,
    policy: Policy,
    head: &Head<'_>,
) -> Result<Budget, ServiceError> {
    let Some(limited) = route.counted() else {
        return Ok(Budget::Client);
    };
    match policy.counted {
        Counted::ByClient => {
            limits::by_client(ctx, limited).await?;
            Ok(Budget::Client)
        }
        Counted::ByClientOrDevice => {
            let user = || Some(device_of(ctx, &head.presented())?.session.user);
            limits::by_client_or_device(ctx, limited, user).await
        }
        Counted::BySession | Counted::BySessionWhenAsked => Ok(Budget::Client),
    }
}

/// Counts the session, and reads the body.
async fn receive<P: Ports>(
    ctx: &Ctx<'_, P>,
    route: &Route,
    session: Option<SessionId>,
    incoming: Incoming<impl RequestBody>,
) -> Result<Body, Refusal> {
    count_session(ctx, route, session).await?;
    apart(incoming.read()).await
}

async fn count_session<P: Ports>(
    ctx: &Ctx<'_, P>,
    route: &Route,
    session: Option<SessionId>,
) -> Result<(), ServiceError> {
    if let (Some(session), Some(limited)) = (session, route.counted()) {
        apart(limits::by_session(ctx, limited, session)).await?;
    }
    Ok(())
}

/// Defines the table of an area: an enum with a variant for each endpoint, and the exhaustive match
/// that dispatches to it. Each endpoint's future is kept [`apart`].
macro_rules! endpoints {
    ($(#[$meta:meta])* $area:ident { $($module:ident::$endpoint:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $area {
            $(#[doc = concat!("The endpoint of `", stringify!($module), ".rs`.")]
            $endpoint,)+
        }

        impl $area {
            /// Every endpoint of the area.
            pub const ALL: &[Self] = &[$(Self::$endpoint),+];

            /// Returns the facts of the endpoint's route.
            #[must_use]
            pub const fn route(self) -> &'static $crate::web::route::Route {
                match self {
                    $(Self::$endpoint => {
                        const ROUTE: &$crate::web::route::Route =
                            &<$module::$endpoint as $crate::web::endpoint::Endpoint>::ROUTE;
                        ROUTE
                    })+
                }
            }

            /// Returns the endpoint's policy.
            #[must_use]
            pub const fn policy(self) -> $crate::service::policy::Policy {
                match self {
                    $(Self::$endpoint => <<$module::$endpoint as $crate::web::endpoint::Endpoint>::Actor
                        as $crate::service::policy::Actor>::POLICY,)+
                }
            }

            /// Answers a request to the endpoint.
            pub fn answer<'a, P: $crate::ports::Ports>(
                self,
                ctx: &'a $crate::service::Ctx<'a, P>,
                head: $crate::web::request::Head<'a>,
                body: impl $crate::web::body::RequestBody + 'a,
            ) -> ::core::pin::Pin<
                Box<dyn ::core::future::Future<Output = $crate::web::reply::Answer> + 'a>,
            > {
                use $crate::web::{apart::apart, endpoint::answer};
                match self {
                    $(Self::$endpoint => apart(answer::<$module::$endpoint, P>(ctx, head, body)),)+
                }
            }

            /// Returns the endpoint's part of the OpenAPI document.
            #[cfg(feature = "openapi")]
            #[must_use]
            pub fn part(self) -> $crate::web::documented::Part {
                match self {
                    $(Self::$endpoint => $crate::web::documented::Part::of::<$module::$endpoint>(),)+
                }
            }
        }
    };
}
pub(crate) use endpoints;

#[cfg(test)]
mod tests;
