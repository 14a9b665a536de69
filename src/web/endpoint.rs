//! The router: every endpoint, with its method, its path, its access policy and its body.
//!
//! The policy is the variant of [`Endpoint`], so that an endpoint cannot be without one; a
//! handler of a group takes the actor that only the group's policy makes.

use http::Method;

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
    Owner(ForOwner),
}

/// Endpoints for anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForAnyone {
    /// `GET /health`
    Health,
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

/// Endpoints that change something for a signed-in person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForOwner {
    /// `PATCH /api/account/password`
    ChangePassword,
}

/// Which bodies an endpoint reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// None; what comes all the same is not looked at.
    Nothing,
    /// `application/json`
    Json,
    /// `application/json` or `application/x-www-form-urlencoded`
    JsonOrForm,
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Route {
    /// The one method.
    pub method: Method,
    /// The one spelling of the path.
    pub path: &'static str,
    /// What is there, and for whom.
    pub endpoint: Endpoint,
    /// The contract's name of the operation.
    pub operation: &'static str,
    /// Which bodies it reads.
    pub body: BodyKind,
}

/// Every endpoint.
pub const ROUTES: [Route; 7] = [
    Route {
        method: Method::GET,
        path: "/health",
        endpoint: Endpoint::Anyone(ForAnyone::Health),
        operation: "Health",
        body: BodyKind::Nothing,
    },
    Route {
        method: Method::POST,
        path: "/api/account/register",
        endpoint: Endpoint::Anyone(ForAnyone::Register),
        operation: "AccountRegister",
        body: BodyKind::Json,
    },
    Route {
        method: Method::POST,
        path: "/api/account/login",
        endpoint: Endpoint::Anyone(ForAnyone::LogIn),
        operation: "AccountLogin",
        body: BodyKind::JsonOrForm,
    },
    Route {
        method: Method::POST,
        path: "/api/account/refresh",
        endpoint: Endpoint::RefreshHolder(ForRefreshHolder::Refresh),
        operation: "RefreshAccessToken",
        body: BodyKind::Nothing,
    },
    Route {
        method: Method::POST,
        path: "/api/account/logout",
        endpoint: Endpoint::SessionHolder(ForSessionHolder::LogOut),
        operation: "AccountLogout",
        body: BodyKind::Nothing,
    },
    Route {
        method: Method::PATCH,
        path: "/api/account/password",
        endpoint: Endpoint::Owner(ForOwner::ChangePassword),
        operation: "AccountUpdatePwd",
        body: BodyKind::Json,
    },
    Route {
        method: Method::GET,
        path: "/api/account/profile",
        endpoint: Endpoint::Reader(ForReader::Profile),
        operation: "AccountProfile",
        body: BodyKind::Nothing,
    },
];

/// What a method and a path lead to.
#[derive(Debug)]
pub enum Lookup {
    /// An endpoint.
    Found(&'static Route),
    /// The path exists, with these methods.
    WrongMethod(Vec<&'static Method>),
    /// It does not.
    NotFound,
}

/// Looks a request up. Paths have one spelling: no case folding, no trailing slash, no
/// percent-decoding.
#[must_use]
pub fn find(method: &Method, path: &str) -> Lookup {
    static TABLE: [Route; ROUTES.len()] = ROUTES;
    let mut allowed = Vec::new();
    for route in TABLE.iter().filter(|route| route.path == path) {
        if route.method == *method {
            return Lookup::Found(route);
        }
        allowed.push(&route.method);
    }
    if allowed.is_empty() {
        Lookup::NotFound
    } else {
        Lookup::WrongMethod(allowed)
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::{Lookup, ROUTES, find};

    #[test]
    fn each_route_is_found_by_its_one_spelling() {
        for route in &ROUTES {
            assert!(
                matches!(find(&route.method, route.path), Lookup::Found(found) if found.endpoint == route.endpoint)
            );
            for other in [
                format!("/{}", route.path),
                format!("{}/", route.path),
                format!("{}.css", route.path),
                format!("{};x", route.path),
                route.path.to_uppercase(),
                route.path.replace('a', "%61"),
            ] {
                if other != route.path {
                    assert!(
                        matches!(find(&route.method, &other), Lookup::NotFound),
                        "{other}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let Lookup::WrongMethod(allowed) = find(&Method::DELETE, "/api/account/login") else {
            panic!("found");
        };
        assert_eq!(allowed, [&Method::POST]);
    }
}
