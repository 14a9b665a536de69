//! What every request meets before its endpoint, and every answer on its way out.

use http::{Method, Request};
use serde_json::json;

use super::{BASE, Client, World};
use crate::web::endpoint::{BodyKind, ROUTES};

#[test]
fn the_order_of_refusals() {
    let world = World::new(&[]);
    let request = || Request::patch(format!("{BASE}/api/account/password"));
    let big = vec![b'x'; 8_193];
    for (request, status) in [
        (
            request()
                .uri("http://auth.example.org/api/account/password")
                .body(big.clone()),
            403,
        ),
        (
            request()
                .header("sec-fetch-site", "cross-site")
                .body(big.clone()),
            403,
        ),
        (
            request()
                .header("content-type", "text/plain")
                .body(big.clone()),
            415,
        ),
        (
            request()
                .header("content-type", "application/json")
                .body(big.clone()),
            413,
        ),
        (
            request()
                .header("content-type", "application/json")
                .header("content-length", "8193")
                .body(Vec::new()),
            413,
        ),
        (
            request()
                .header("content-type", "application/json")
                .body(b"{".to_vec()),
            401,
        ),
    ] {
        assert_eq!(world.send(request.unwrap()).status, status);
    }
    assert_eq!(world.round_trips(), 0);
}

#[test]
fn media_types_are_exact() {
    let world = World::new(&[]);
    for route in ROUTES
        .iter()
        .filter(|route| route.body != BodyKind::Nothing)
    {
        for (media_type, is_read) in [
            (Some("application/json"), true),
            (Some("Application/JSON; charset=\"UTF-8\""), true),
            (
                Some("application/x-www-form-urlencoded"),
                route.body == BodyKind::JsonOrForm,
            ),
            (Some("application/json; charset=utf-16"), false),
            (Some("application/json; boundary=x"), false),
            (Some("application/jsonp"), false),
            (Some("text/plain"), false),
            (Some("multipart/form-data; boundary=x"), false),
            (None, false),
        ] {
            let mut request = Request::builder()
                .method(&route.method)
                .uri(format!("{BASE}{}", route.path));
            if let Some(media_type) = media_type {
                request = request.header("content-type", media_type);
            }
            let status = world.send(request.body(b"{}".to_vec()).unwrap()).status;
            assert_eq!(status != 415, is_read, "{} {media_type:?}", route.path);
        }
    }
}

#[test]
fn health_is_the_same_for_everybody_whatever_they_send() {
    let world = World::new(&[]);
    let request = Request::get(format!("{BASE}/health?x=%ff"))
        .header("cookie", "__Host-access_token=a; __Host-access_token=b")
        .header("content-length", "9000");
    let answer = world.send(request.body(vec![b' '; 9_000]).unwrap());
    assert_eq!((answer.status, answer.body), (200, json!({"status": "ok"})));
}

#[test]
fn every_answer_has_the_headers() {
    let world = World::new(&[]);
    for path in ["/health", "/nowhere", "/api/account/profile"] {
        let answer = world.call(&mut Client::default(), (Method::GET, path), None);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            ),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", "max-age=63072000"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert_eq!(answer.header("x-request-id").map(str::len), Some(36));
        assert_eq!(answer.header("vary"), None);
    }
}

#[test]
fn a_callers_request_id_is_taken_when_it_is_a_uuid() {
    let world = World::new(&[]);
    let id = |sent: &str| {
        let request = Request::get(format!("{BASE}/nowhere")).header("x-request-id", sent);
        let answer = world.send(request.body(Vec::new()).unwrap());
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert_eq!(answer.body["requestId"], json!(id));
        id
    };
    let uuid = "01a1fd55-7a80-7fff-bfff-ffffffffffff";
    assert_eq!(id(uuid), uuid);
    for other in [
        "x",
        "01a1fd557a807fffbfffffffffffffff",
        "{01a1fd55-7a80-7fff-bfff-ffffffffffff}",
    ] {
        assert_ne!(id(other), other);
    }
}

#[test]
fn cors_answers_the_listed_origins_alone() {
    let world = World::new(&[("ALLOWED_ORIGINS", "https://app.example.org")]);
    let send = |method: Method, origin: &str| {
        let request = Request::builder()
            .method(method)
            .uri(format!("{BASE}/api/account/profile"))
            .header("origin", origin)
            .header("access-control-request-method", "GET");
        world.send(request.body(Vec::new()).unwrap())
    };
    let answer = send(Method::GET, "https://app.example.org");
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.example.org")
    );
    assert_eq!(
        answer.header("access-control-allow-credentials"),
        Some("true")
    );
    assert_eq!(
        answer.header("cross-origin-resource-policy"),
        Some("same-site")
    );
    assert_eq!(answer.header("vary"), Some("Origin"));
    let preflight = send(Method::OPTIONS, "https://app.example.org");
    assert_eq!(preflight.status, 204);
    assert_eq!(
        preflight.header("access-control-allow-methods"),
        Some("GET, PATCH")
    );
    for origin in [
        "null",
        "https://app.example.org.evil.example",
        "https://evil-app.example.org",
        "http://app.example.org",
        "https://app.example.org:8443",
        "https://APP.example.org",
        "https://app.example.org/",
        "https://auth.example.org",
        "*",
    ] {
        for method in [Method::GET, Method::OPTIONS] {
            let answer = send(method.clone(), origin);
            assert_eq!(
                answer.header("access-control-allow-origin"),
                None,
                "{origin}"
            );
            assert_eq!(answer.status, if method == Method::GET { 401 } else { 405 });
            assert_eq!(answer.header("vary"), Some("Origin"));
        }
    }
}

#[test]
fn a_request_is_one_log_line_without_what_the_client_sent() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    world.ports.log.0.borrow_mut().clear();
    world.refresh(&mut client);
    let lines = world.ports.log.0.borrow();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["event"], "http.request");
    assert_eq!(lines[0]["http.operation"], "RefreshAccessToken");
    assert_eq!(lines[0]["http.status"], 204);
    let text = lines[0].to_string();
    assert!(!text.contains(client.refresh.as_deref().unwrap()));
    assert!(!text.contains("example.org"));
}

#[test]
fn https_is_pinned_as_the_setting_says_and_never_on_this_machine() {
    for (setting, expected) in [
        ("", Some("max-age=63072000")),
        ("host", Some("max-age=63072000")),
        ("subdomains", Some("max-age=63072000; includeSubDomains")),
        ("off", None),
    ] {
        let world = World::new(&[("HSTS", setting)]);
        for path in ["/health", "/nowhere"] {
            let header = |base: &str| {
                let request = Request::get(format!("{base}{path}"));
                let answer = world.send(request.body(Vec::new()).unwrap());
                answer
                    .header("strict-transport-security")
                    .map(str::to_owned)
            };
            assert_eq!(header(BASE).as_deref(), expected, "{setting} {path}");
            for base in [
                "http://localhost:8787",
                "https://localhost:8787",
                "https://127.0.0.1",
                "https://[::1]:9000",
                "http://auth.example.org",
            ] {
                assert_eq!(header(base), None, "{base}");
            }
        }
    }
}

#[test]
fn what_does_not_fit_the_settings_is_misconfigured_and_the_log_says_why() {
    let domain = ("COOKIE_DOMAIN", "example.org");
    let local = ("ISSUER", "http://localhost:8787");
    for (settings, uri, name) in [
        (&[local][..], "https://auth.example.org", "ISSUER:"),
        (&[local], "https://localhost:8787", "ISSUER:"),
        (
            &[domain],
            "https://latchkey.acme.workers.dev",
            "COOKIE_DOMAIN:",
        ),
        (
            &[domain],
            "https://auth.example.org.evil.example",
            "COOKIE_DOMAIN:",
        ),
    ] {
        let world = World::new(settings);
        for path in [
            "/health",
            "/nowhere",
            "/api/account/profile",
            "/api/account/login",
        ] {
            let request = Request::get(format!("{uri}{path}"));
            let answer = world.send(request.body(Vec::new()).unwrap());
            assert_eq!(
                (answer.status, answer.code()),
                (503, "misconfigured"),
                "{uri}{path}"
            );
            assert!(answer.header("retry-after").is_some());
            assert!(answer.cookies().is_empty());
        }
        let log = format!("{:?}", world.ports.log.0.borrow());
        assert!(log.contains(name), "{log}");
    }
}
