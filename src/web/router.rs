//! The router: finds the endpoint for a method and a path.

use http::Method;

use super::route::{self, Route};

/// The segments of a path that match the names in its pattern.
pub type Segments<'a> = Vec<(&'static str, &'a str)>;

/// The result of a lookup.
#[derive(Debug)]
pub enum Lookup<'a, E> {
    /// An endpoint, and the segments that match the names in its pattern, not parsed yet.
    Found(E, Segments<'a>),
    /// The path exists, with these methods.
    WrongMethod(Vec<&'static str>),
    /// The path does not exist.
    NotFound,
}

/// Finds the endpoint for a request. A path has one spelling: no case folding, no trailing slash,
/// no percent-decoding.
///
/// HEAD is GET without the body of the answer, on every route (RFC 9110, section 9.3.2).
#[must_use]
pub fn find<'a, E: Copy>(
    endpoints: impl Iterator<Item = (E, &'static Route)>,
    method: &Method,
    path: &'a str,
) -> Lookup<'a, E> {
    let wanted = match method.as_str() {
        "HEAD" => route::Method::Get.as_str(),
        name => name,
    };
    let mut allowed = Vec::new();
    for (endpoint, route) in endpoints {
        let Some(segments) = segments(route.path, path) else {
            continue;
        };
        if route.method.as_str() == wanted {
            return Lookup::Found(endpoint, segments);
        }
        allowed.push(route.method.as_str());
        if route.method == route::Method::Get {
            allowed.push("HEAD");
        }
    }
    if allowed.is_empty() {
        Lookup::NotFound
    } else {
        Lookup::WrongMethod(allowed)
    }
}

/// Returns whether a path matches a pattern.
#[must_use]
pub fn leads_to(pattern: &'static str, path: &str) -> bool {
    segments(pattern, path).is_some()
}

/// Returns the segments of a path that match the `{name}`s of a pattern. `None` when the pattern
/// does not match.
fn segments<'a>(pattern: &'static str, path: &'a str) -> Option<Segments<'a>> {
    let mut found = Vec::new();
    let mut given = path.split('/');
    for wanted in pattern.split('/') {
        let segment = given.next()?;
        let name = wanted
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) if !segment.is_empty() => found.push((name, segment)),
            None if wanted == segment => {}
            _ => return None,
        }
    }
    given.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::{Lookup, find};
    use crate::web::route::Route;

    const ROUTES: [Route; 5] = [
        Route::get("/health", "Health"),
        Route::get("/users", "List"),
        Route::delete("/users", "EndAll"),
        Route::delete("/users/{id}", "End"),
        Route::get("/users/{user}/sessions/{session}/x", "Nested"),
    ];

    fn look_up<'a>(method: &Method, path: &'a str) -> Lookup<'a, &'static str> {
        const TABLE: &[Route] = &ROUTES;
        let endpoints = TABLE.iter().map(|route| (route.operation, route));
        find(endpoints, method, path)
    }

    fn found(method: &Method, path: &str) -> Option<&'static str> {
        match look_up(method, path) {
            Lookup::Found(operation, _) => Some(operation),
            Lookup::WrongMethod(_) | Lookup::NotFound => None,
        }
    }

    #[test]
    fn a_path_has_one_spelling() {
        assert_eq!(found(&Method::GET, "/users"), Some("List"));
        for other in [
            "//users",
            "/users/",
            "/users/x/y",
            "/USERS",
            "/%75sers",
            "/users.css",
        ] {
            assert_eq!(found(&Method::GET, other), None, "{other}");
        }
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let Lookup::WrongMethod(allowed) = look_up(&Method::POST, "/users") else {
            panic!("found");
        };
        assert_eq!(allowed, ["GET", "HEAD", "DELETE"]);
        let Lookup::WrongMethod(allowed) = look_up(&Method::HEAD, "/users/x") else {
            panic!("found");
        };
        assert_eq!(allowed, ["DELETE"]);
        assert!(matches!(
            look_up(&Method::GET, "/nowhere"),
            Lookup::NotFound
        ));
    }

    #[test]
    fn head_is_answered_where_get_is() {
        assert_eq!(found(&Method::HEAD, "/health"), Some("Health"));
        assert_eq!(found(&Method::HEAD, "/users"), Some("List"));
    }

    #[test]
    fn a_name_is_one_segment_that_is_not_empty() {
        assert_eq!(found(&Method::DELETE, "/users/x"), Some("End"));
        for path in ["/users/", "/users/x/", "/users/x/y"] {
            assert_eq!(found(&Method::DELETE, path), None, "{path}");
        }
        let Lookup::Found(_, segments) = look_up(&Method::GET, "/users/1/sessions/2/x") else {
            panic!("not found");
        };
        assert_eq!(segments, [("user", "1"), ("session", "2")]);
        for path in [
            "/users/1/sessions//x",
            "/users/1/sessions/2",
            "/users/1/y/2/x",
        ] {
            assert_eq!(found(&Method::GET, path), None, "{path}");
        }
    }
}
