//! The router: every endpoint, with its method, its path, its access policy and its body.
//!
//! The policy is the variant of [`Endpoint`], so that an endpoint that looks at more than the
//! head of a request cannot be without one; a handler of a group takes the actor that only the
//! group's policy makes.

use http::Method;

use crate::ports::Limiter;
use crate::service::limits::Limited;
use crate::web::body::BodyKind;

/// How a route is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// The same for everybody: only the head of the request is looked at.
    Constant(Constant),
    /// As its access policy says.
    Judged(Endpoint),
}

/// An endpoint, by access policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Anyone may call it.
    Anyone(ForAnyone),
    /// The caller holds an authentic refresh token.
    RefreshHolder(ForRefreshHolder),
    /// The caller holds an authentic token of either kind, expired or not.
    SessionHolder(ForSessionHolder),
    /// The caller is signed in; a copy of bounded age may say so.
    Reader(ForReader),
    /// The caller is signed in; the database says so.
    Member(ForMember),
    /// The caller is signed in; the database says so, and gives the password hash.
    Owner(ForOwner),
}

/// Endpoints with one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constant {
    /// `GET /health`
    Health,
}

/// Endpoints for anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForAnyone {
    /// `POST /api/account/register`
    Register,
    /// `POST /api/account/login`
    LogIn,
}

/// Endpoints for the holder of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForRefreshHolder {
    /// `POST /api/account/refresh`
    Refresh,
}

/// Endpoints for the holder of any token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForSessionHolder {
    /// `POST /api/account/logout`
    LogOut,
}

/// Endpoints that read for a signed-in person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForReader {
    /// `GET /api/account/profile`
    Profile,
}

/// Endpoints for a signed-in person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForMember {
    /// `PATCH /api/account/profile`
    Rename,
    /// `GET /api/account/sessions`
    ListSessions,
    /// `GET /api/account/activity?cursor=…&limit=…`
    ListActivity,
    /// `DELETE /api/account/sessions?scope=others|all`
    EndSessions,
    /// `DELETE /api/account/sessions/{id}`
    EndSession,
}

/// Endpoints for a signed-in person who proves the password as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForOwner {
    /// `PATCH /api/account/password`
    ChangePassword,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Route {
    /// The one method; GET answers HEAD as well.
    pub method: Method,
    /// The one spelling of the path; a last segment `{id}` stands for any one segment.
    pub path: &'static str,
    /// What is there, and for whom.
    pub handler: Handler,
    /// The contract's name of the operation.
    pub operation: &'static str,
    /// Which bodies it reads.
    pub body: BodyKind,
    /// The platform's limiter that counts it before it reaches the database or KV: by client where
    /// anyone may call it, otherwise by session. `None` for what reaches neither.
    pub limiter: Option<Limiter>,
}

/// Every endpoint.
pub const ROUTES: [Route; 12] = [
    Route {
        method: Method::GET,
        path: "/health",
        handler: Handler::Constant(Constant::Health),
        operation: "Health",
        body: BodyKind::Nothing,
        limiter: None,
    },
    Route {
        method: Method::POST,
        path: "/api/account/register",
        handler: Handler::Judged(Endpoint::Anyone(ForAnyone::Register)),
        operation: "AccountRegister",
        body: BodyKind::Json,
        limiter: Some(Limiter::Register),
    },
    Route {
        method: Method::POST,
        path: "/api/account/login",
        handler: Handler::Judged(Endpoint::Anyone(ForAnyone::LogIn)),
        operation: "AccountLogin",
        body: BodyKind::JsonOrForm,
        limiter: Some(Limiter::Login),
    },
    Route {
        method: Method::POST,
        path: "/api/account/refresh",
        handler: Handler::Judged(Endpoint::RefreshHolder(ForRefreshHolder::Refresh)),
        operation: "RefreshAccessToken",
        body: BodyKind::Nothing,
        limiter: Some(Limiter::Session),
    },
    Route {
        method: Method::POST,
        path: "/api/account/logout",
        handler: Handler::Judged(Endpoint::SessionHolder(ForSessionHolder::LogOut)),
        operation: "AccountLogout",
        body: BodyKind::Nothing,
        limiter: Some(Limiter::Session),
    },
    Route {
        method: Method::PATCH,
        path: "/api/account/password",
        handler: Handler::Judged(Endpoint::Owner(ForOwner::ChangePassword)),
        operation: "AccountUpdatePwd",
        body: BodyKind::Json,
        limiter: Some(Limiter::Login),
    },
    Route {
        method: Method::GET,
        path: "/api/account/profile",
        handler: Handler::Judged(Endpoint::Reader(ForReader::Profile)),
        operation: "AccountProfile",
        body: BodyKind::Nothing,
        limiter: Some(Limiter::Session),
    },
    Route {
        method: Method::PATCH,
        path: "/api/account/profile",
        handler: Handler::Judged(Endpoint::Member(ForMember::Rename)),
        operation: "AccountUpdateProfile",
        body: BodyKind::Json,
        limiter: Some(Limiter::Session),
    },
    Route {
        method: Method::GET,
        path: "/api/account/sessions",
        handler: Handler::Judged(Endpoint::Member(ForMember::ListSessions)),
        operation: "AccountSessions",
        body: BodyKind::Nothing,
        limiter: Some(Limiter::Session),
    },
    Route {
        method: Method::DELETE,
        path: "/api/account/sessions",
        handler: Handler::Judged(Endpoint::Member(ForMember::EndSessions)),
        operation: "AccountEndSessions",
        body: BodyKind::Nothing,
        limiter: Some(Limiter::Session),
    },
    Route {
        method: Method::DELETE,
        path: "/api/account/sessions/{id}",
        handler: Handler::Judged(Endpoint::Member(ForMember::EndSession)),
        operation: "AccountEndSession",
        body: BodyKind::Nothing,
        limiter: Some(Limiter::Session),
    },
    Route {
        method: Method::GET,
        path: "/api/account/activity",
        handler: Handler::Judged(Endpoint::Member(ForMember::ListActivity)),
        operation: "AccountActivity",
        body: BodyKind::Nothing,
        limiter: Some(Limiter::Session),
    },
];

/// What a method and a path lead to.
#[derive(Debug)]
pub enum Lookup<'a> {
    /// An endpoint, and what stands in the path for `{id}`, not looked at yet.
    Found(&'static Route, Option<&'a str>),
    /// The path exists, with these methods.
    WrongMethod(Vec<&'static Method>),
    /// It does not.
    NotFound,
}

/// Looks a request up. Paths have one spelling: no case folding, no trailing slash, no
/// percent-decoding.
///
/// HEAD is GET without the body of the answer, on every route (RFC 9110, section 9.3.2).
#[must_use]
pub fn find<'a>(method: &Method, path: &'a str) -> Lookup<'a> {
    static TABLE: [Route; ROUTES.len()] = ROUTES;
    static HEAD: Method = Method::HEAD;
    let wanted = if *method == HEAD {
        &Method::GET
    } else {
        method
    };
    let mut allowed = Vec::new();
    for route in &TABLE {
        let Some(id) = route.matches(path) else {
            continue;
        };
        if route.method == *wanted {
            return Lookup::Found(route, id);
        }
        allowed.push(&route.method);
        if route.method == Method::GET {
            allowed.push(&HEAD);
        }
    }
    if allowed.is_empty() {
        Lookup::NotFound
    } else {
        Lookup::WrongMethod(allowed)
    }
}

impl Route {
    /// What the platform's limiters count, if they count it.
    #[must_use]
    pub fn limited(&self) -> Option<Limited> {
        self.limiter.map(|limiter| Limited {
            limiter,
            operation: self.operation,
        })
    }

    /// `Some` when the path is this route's, with the segment in the place of `{id}`.
    #[expect(
        clippy::option_option,
        reason = "outer: whether the path matches; inner: whether the route has an id"
    )]
    fn matches<'a>(&self, path: &'a str) -> Option<Option<&'a str>> {
        match self.path.strip_suffix("{id}") {
            None => (self.path == path).then_some(None),
            Some(before) => path
                .strip_prefix(before)
                .filter(|id| !id.is_empty() && !id.contains('/'))
                .map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::{Lookup, ROUTES, find};

    #[test]
    fn each_route_is_found_by_its_one_spelling() {
        for route in &ROUTES {
            let path = route.path.replace("{id}", "x");
            assert!(
                matches!(find(&route.method, &path), Lookup::Found(found, _) if found.handler == route.handler)
            );
            for other in [
                format!("/{path}"),
                format!("{path}/"),
                format!("{path}/x/y"),
                path.to_uppercase(),
                path.replacen('a', "%61", 1),
            ] {
                assert!(
                    matches!(find(&route.method, &other), Lookup::NotFound),
                    "{other}"
                );
            }
            for other in [format!("{path}.css"), format!("{path};x")] {
                let is_id = route.path.ends_with("{id}");
                let found = matches!(find(&route.method, &other), Lookup::Found(..));
                assert_eq!(found, is_id, "{other}");
            }
        }
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let Lookup::WrongMethod(allowed) = find(&Method::DELETE, "/api/account/login") else {
            panic!("found");
        };
        assert_eq!(allowed, [&Method::POST]);
        let Lookup::WrongMethod(allowed) = find(&Method::POST, "/api/account/sessions") else {
            panic!("found");
        };
        assert_eq!(allowed, [&Method::GET, &Method::HEAD, &Method::DELETE]);
    }

    #[test]
    fn head_is_answered_where_get_is_and_nowhere_else() {
        for route in &ROUTES {
            let path = route.path.replace("{id}", "x");
            let has_get = matches!(find(&Method::GET, &path), Lookup::Found(..));
            match find(&Method::HEAD, &path) {
                Lookup::Found(found, _) => assert!(has_get && found.method == Method::GET),
                Lookup::WrongMethod(allowed) => {
                    assert!(!has_get && !allowed.contains(&&Method::HEAD), "{path}");
                }
                Lookup::NotFound => panic!("{path}"),
            }
        }
        assert!(matches!(find(&Method::HEAD, "/nowhere"), Lookup::NotFound));
    }

    #[test]
    fn an_id_is_one_segment_that_is_not_empty() {
        let find = |path| find(&Method::DELETE, path);
        assert!(matches!(
            find("/api/account/sessions/x"),
            Lookup::Found(_, Some("x"))
        ));
        assert!(matches!(
            find("/api/account/sessions"),
            Lookup::Found(_, None)
        ));
        for path in [
            "/api/account/sessions/",
            "/api/account/sessions/x/",
            "/api/account/sessions/x/y",
        ] {
            assert!(matches!(find(path), Lookup::NotFound), "{path}");
        }
    }
}
