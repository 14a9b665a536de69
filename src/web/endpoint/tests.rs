//! Policies with data: a permission, a maximum age. An endpoint names such an actor and cannot run
//! without its check.

use std::rc::Rc;

use core::marker::PhantomData;

use http::HeaderMap;
use http::header::COOKIE;
use pollster::block_on;

use super::{Endpoint, answer};
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::session::SessionKey;
use crate::domain::session::token::AccessClaims;
use crate::domain::throttle::ClientPrefix;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::Ports;
use crate::service::caller::Caller;
use crate::service::config::Config;
use crate::service::config::tests::configure;
use crate::service::policy::{Actor, Member, Policy};
use crate::service::presented::PresentedTokens;
use crate::service::{Ctx, ServiceError};
use crate::testing::MemoryPorts;
use crate::web::cookies::CookieStyle;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::{Answer, Reply};
use crate::web::request::{Head, Received};
use crate::web::route::Route;
use crate::web::transport::Transport;

const NOW: UnixSeconds = UnixSeconds::new(1_795_251_600);

/// An operation that a role may permit.
trait Permission {
    const NAME: &'static str;
    const ROLES: &'static [&'static str];
}

struct UsersRead;

impl Permission for UsersRead {
    const NAME: &'static str = "users.read";
    const ROLES: &'static [&'static str] = &["admin"];
}

/// A caller whose role has a permission, with a token of at most a certain age.
struct Permitted<P, const SECONDS: u32>(PhantomData<P>);

impl<P: Permission, const SECONDS: u32> Actor for Permitted<P, SECONDS> {
    const POLICY: Policy = Policy {
        actor: "Permitted",
        permission: Some(P::NAME),
        max_age: Some(Seconds::new(SECONDS)),
        ..Member::POLICY
    };

    fn of<Q: Ports>(
        ctx: &Ctx<'_, Q>,
        presented: impl FnOnce() -> PresentedTokens,
    ) -> Result<Self, ServiceError> {
        let Member { claims } = Member::of(ctx, presented)?;
        let is_old = claims.issued_at.plus(Seconds::new(SECONDS)) <= ctx.now;
        if is_old || !P::ROLES.contains(&claims.role.as_str()) {
            return Err(ServiceError::InvalidToken);
        }
        Ok(Self(PhantomData))
    }
}

struct ListUsers;

impl Endpoint for ListUsers {
    const ROUTE: Route = Route::get("/api/admin/users/{user}/sessions/{session}", "List");
    type Actor = Permitted<UsersRead, 300>;
    type Input = String;

    fn input(request: &Received<'_>, _: &Config) -> Result<String, Refusal> {
        let (user, session) = (request.segment("user"), request.segment("session"));
        Ok(format!("{user} {session}"))
    }

    async fn answer<P: Ports>(_: &Ctx<'_, P>, Permitted(_): Self::Actor, asked: String) -> Answer {
        assert_eq!(asked, "u s");
        Ok(Reply::no_content())
    }
}

/// Returns the code of the refusal for a token of this role and age. `None` when it is admitted.
fn refusal(role: &str, age: i64) -> Option<Code> {
    let service = configure(&[]).map_err(|list| list.join("; ")).unwrap();
    let service = Rc::new(service);
    let issued_at = UnixSeconds::new(NOW.get() - age);
    let token = service.tokens.sign_access(&AccessClaims {
        session: SessionKey {
            user: UserId::new(0, &[1; 10]),
            id: SessionId::from_random([2; 16]),
        },
        role: role.to_owned(),
        issued_at,
        expires_at: issued_at.plus(Seconds::new(600)),
        id: TokenId::from_random([3; 16]),
    });
    let mut headers = HeaderMap::new();
    let line = format!("__Host-access_token={}", token.unwrap().expose());
    headers.insert(COOKIE, line.parse().unwrap());
    let ports = MemoryPorts::default();
    let caller = Caller::new(String::new(), ClientPrefix::parse(None), None);
    let ctx = Ctx {
        service: &service,
        ports: &ports,
        now: NOW,
        caller: &caller,
    };
    let head = Head {
        headers: &headers,
        segments: vec![("user", "u"), ("session", "s")],
        query: None,
        cookies: CookieStyle::of(Transport::Https, &service.config.cookies),
    };
    let answer = block_on(answer::<ListUsers, _>(&ctx, head, Vec::new()));
    answer.err().map(|refusal| refusal.code)
}

#[test]
fn an_endpoint_cannot_run_without_the_permission_and_the_age_of_its_policy() {
    assert_eq!(refusal("admin", 299), None);
    assert_eq!(refusal("admin", 300), Some(Code::InvalidToken));
    assert_eq!(refusal("application-access", 0), Some(Code::InvalidToken));
}

#[test]
fn the_inventory_knows_what_a_policy_carries() {
    let policy = <ListUsers as Endpoint>::Actor::POLICY;
    assert_eq!(policy.permission, Some("users.read"));
    assert_eq!(policy.max_age, Some(Seconds::new(300)));
}
