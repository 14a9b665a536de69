//! The checks of every request before its endpoint, and the headers of every answer.

use http::request::Builder;
use http::{Method, Request};
use serde_json::json;

use super::{BASE, Client, World};
use crate::api::Endpoint;
use crate::service::policy::Proof;
use crate::web::body::BodyKind;
use crate::web::body::{ReadError, RequestBody};
use crate::web::route::Route;

/// A body that fails the test when it is read.
struct Untouched;

impl RequestBody for Untouched {
    async fn read(self, _: usize) -> Result<Vec<u8>, ReadError> {
        panic!("the body was read");
    }
}

/// A body that cannot be read.
struct Failing(ReadError);

impl RequestBody for Failing {
    async fn read(self, _: usize) -> Result<Vec<u8>, ReadError> {
        Err(self.0)
    }
}

/// The operations that read a body without a session.
const OPEN: [&str; 2] = ["AccountRegister", "AccountLogin"];

fn routes(filter: impl Fn(&Route) -> bool) -> impl Iterator<Item = &'static Route> {
    Endpoint::all()
        .map(Endpoint::route)
        .filter(move |route| filter(route))
}

fn to(route: &Route) -> Builder {
    let path = route.path.replace("{id}", "x");
    Request::builder()
        .method(route.method.as_str())
        .uri(format!("{BASE}{path}"))
        .header("content-type", "application/json")
}

#[test]
fn the_order_of_refusals() {
    let world = World::new(&[]);
    let request = || Request::patch(format!("{BASE}/api/account/password"));
    let json = || request().header("content-type", "application/json");
    let live = world.person("ada@example.org").cookie_line().unwrap();
    world.round_trips();
    for (request, status) in [
        (
            request().uri("http://auth.example.org/api/account/password"),
            403,
        ),
        (request().header("sec-fetch-site", "cross-site"), 403),
        (request().header("content-type", "text/plain"), 415),
        (json().header("content-encoding", "gzip"), 415),
        (json().header("content-length", "8193"), 413),
        (json(), 401),
        (json().header("cookie", "__Host-access_token=x"), 401),
    ] {
        assert_eq!(world.send(request.body(Untouched).unwrap()).status, status);
    }
    let signed_in = || json().header("cookie", &live);
    let too_large = signed_in().body(vec![b'x'; 8_193]);
    assert_eq!(world.send(too_large.unwrap()).status, 413);
    assert_eq!(world.round_trips(), 0);
    assert_eq!(
        world.send(signed_in().body(b"{".to_vec()).unwrap()).status,
        400
    );
}

#[test]
fn nobody_without_a_token_has_a_body_read() {
    let world = World::new(&[]);
    for endpoint in Endpoint::all() {
        if endpoint.policy().proof != Proof::Nothing {
            let route = endpoint.route();
            let answer = world.send(to(route).body(Untouched).unwrap());
            assert_eq!(answer.code(), "not_authenticated", "{}", route.operation);
        }
    }
}

#[test]
fn an_endpoint_without_a_body_does_not_touch_one() {
    let world = World::new(&[]);
    for route in routes(|route| route.body == BodyKind::Nothing) {
        let client = world.person(&format!("{}@example.org", route.operation));
        for length in ["2", "500", "1000000000", "4294967296", "x"] {
            let request = to(route)
                .header("content-length", length)
                .header("content-encoding", "gzip")
                .header("cookie", client.cookie_line().unwrap());
            let answer = world.send(request.body(Untouched).unwrap());
            // The answer to the same request without a body; some require a parameter.
            assert!(
                matches!(answer.status, 200 | 204 | 401 | 404 | 422),
                "{} {length}: {}",
                route.operation,
                answer.status
            );
        }
    }
}

#[test]
fn a_body_that_does_not_come_is_told_apart_from_one_that_cannot_be_read() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    for route in routes(|route| route.body != BodyKind::Nothing) {
        for (error, code) in [
            (ReadError::TooSlow, "request_timeout"),
            (ReadError::TooLarge, "body_too_large"),
            (ReadError::Broken, "malformed_request"),
        ] {
            let request = to(route).header("cookie", client.cookie_line().unwrap());
            let answer = world.send(request.body(Failing(error)).unwrap());
            assert_eq!(answer.code(), code, "{}", route.operation);
            assert!(answer.cookies().is_empty());
        }
    }
}

#[test]
fn an_announced_size_is_judged_whatever_its_number() {
    let world = World::new(&[]);
    for route in routes(|route| OPEN.contains(&route.operation)) {
        for length in [
            "8193",
            "2147483648",
            "4294967295",
            "4294967296",
            "4294967298",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999999999",
            "0000000000000000000008193",
        ] {
            let request = to(route).header("content-length", length);
            let answer = world.send(request.body(Untouched).unwrap());
            assert_eq!(answer.code(), "body_too_large", "{length}");
        }
        let request = to(route).header("content-length", "0");
        let answer = world.send(request.body(Untouched).unwrap());
        assert_eq!(answer.code(), "malformed_request");
    }
}

#[test]
fn a_coded_body_is_refused_with_the_coding_that_is_taken() {
    let world = World::new(&[]);
    for route in routes(|route| OPEN.contains(&route.operation)) {
        for coding in [
            "gzip",
            "br",
            "GZIP",
            "x-gzip",
            "zstd",
            "identity, gzip",
            "aes128gcm",
        ] {
            let request = to(route).header("content-encoding", coding);
            let answer = world.send(request.body(Untouched).unwrap());
            assert_eq!(answer.code(), "unsupported_media_type", "{coding}");
            assert_eq!(answer.header("accept-encoding"), Some("identity"));
        }
        for coding in ["identity", "", "Identity"] {
            let request = to(route).header("content-encoding", coding);
            let answer = world.send(request.body(b"{}".to_vec()).unwrap());
            assert_eq!(answer.code(), "validation_failed", "{coding}");
        }
    }
}

#[test]
fn media_types_are_exact() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    for route in routes(|route| route.body != BodyKind::Nothing) {
        for (media_type, is_read) in [
            (Some("application/json"), true),
            (Some("Application/JSON; charset=\"UTF-8\""), true),
            (Some("application/json; charset=utf8"), true),
            (Some("application/json; boundary=x"), true),
            (
                Some("application/x-www-form-urlencoded"),
                route.body == BodyKind::JsonOrForm,
            ),
            (
                Some("application/x-www-form-urlencoded; charset=us-ascii"),
                route.body == BodyKind::JsonOrForm,
            ),
            (
                Some("multipart/form-data; boundary=x"),
                route.body == BodyKind::JsonOrForm,
            ),
            (Some("multipart/form-data"), false),
            (Some("application/json; charset=utf-16"), false),
            (Some("application/jsonp"), false),
            (Some("text/plain"), false),
            (None, false),
        ] {
            let mut request = Request::builder()
                .method(route.method.as_str())
                .uri(format!("{BASE}{}", route.path))
                .header("cookie", client.cookie_line().unwrap());
            if let Some(media_type) = media_type {
                request = request.header("content-type", media_type);
            }
            let status = world.send(request.body(b"{}".to_vec()).unwrap()).status;
            assert_eq!(status != 415, is_read, "{} {media_type:?}", route.path);
        }
    }
}

#[test]
fn head_is_get_without_the_body() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    let send = |method: Method, path: &str, is_signed_in: bool| {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"));
        if is_signed_in {
            request = request.header("cookie", client.cookie_line().unwrap());
        }
        world.send(request.body(Untouched).unwrap())
    };
    let paths = routes(|route| route.method.as_str() == "GET").map(|route| route.path);
    for path in paths.chain(["/nowhere", "/api/account/activity?limit=0"]) {
        for is_signed_in in [true, false] {
            let get = send(Method::GET, path, is_signed_in);
            let mut head = send(Method::HEAD, path, is_signed_in);
            assert_eq!(head.status, get.status, "{path}");
            assert_eq!(head.bytes, 0, "{path}");
            let length = head.headers.remove("content-length");
            let expected = (get.bytes > 0).then(|| get.bytes.to_string());
            assert_eq!(length.map(|one| one.to_str().unwrap().to_owned()), expected);
            head.headers.remove("x-request-id");
            let mut expected = get.headers;
            expected.remove("x-request-id");
            assert_eq!(head.headers, expected, "{path}");
        }
    }
    let refused = send(Method::HEAD, "/api/account/login", false);
    assert_eq!((refused.status, refused.bytes), (405, 0));
    assert_eq!(refused.header("allow"), Some("POST"));
    let refused = send(Method::POST, "/health", false);
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
}

#[test]
fn every_401_says_how_to_authenticate_and_nothing_else_does() {
    let world = World::new(&[]);
    let mut client = world.person("ada@example.org");
    let wrong = json!({"username": "ada@example.org", "password": "wrong password"});
    let change = json!({"currentPassword": "wrong password", "newPassword": "another horse"});
    let nobody = &mut Client::default();
    let answers = [
        world.refresh(nobody),
        world.log_out(nobody),
        world.profile(nobody),
        world.call(nobody, (Method::POST, "/api/account/login"), Some(wrong)),
        world.call(
            &mut client,
            (Method::PATCH, "/api/account/password"),
            Some(change),
        ),
        world.call(nobody, (Method::GET, "/nowhere"), None),
        world.call(nobody, (Method::PUT, "/health"), None),
        world.profile(&client),
    ];
    for answer in &answers {
        let challenge = answer.header("www-authenticate");
        let expected = (answer.status == 401).then_some("Cookie realm=\"account\"");
        assert_eq!(challenge, expected, "{} {}", answer.status, answer.code());
    }
    let refused = answers.iter().filter(|answer| answer.status == 401);
    assert_eq!(refused.count(), 5);
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
fn a_clients_request_id_is_kept_beside_our_own_and_never_in_its_place() {
    let world = World::new(&[]);
    let seen = |sent: &str| {
        world.ports.log.0.borrow_mut().clear();
        let request = Request::get(format!("{BASE}/nowhere")).header("x-request-id", sent);
        let answer = world.send(request.body(Vec::new()).unwrap());
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert_eq!(answer.body["requestId"], json!(id));
        assert!(uuid::Uuid::try_parse(&id).is_ok() && id != sent);
        let lines = world.ports.log.0.borrow();
        lines[0]["client.request_id"].clone()
    };
    let uuid = "01a1fd55-7a80-7fff-bfff-ffffffffffff";
    assert_eq!(seen(uuid), uuid);
    assert_eq!(seen(&uuid.to_uppercase()), uuid);
    for other in [
        "",
        "x",
        "01a1fd557a807fffbfffffffffffffff",
        "{01a1fd55-7a80-7fff-bfff-ffffffffffff}",
        "urn:uuid:01a1fd55-7a80-7fff-bfff-ffffffffffff",
        "01a1fd55-7a80-7fff-bfff-ffffffffffff, 01a1fd55-7a80-7fff-bfff-ffffffffffff",
    ] {
        assert_eq!(seen(other), json!(null), "{other}");
    }
}

#[test]
fn nobody_files_an_event_under_another_request() {
    let world = World::new(&[]);
    let client = world.person("ada@example.org");
    let path = "/api/account/activity";
    let events = || {
        world
            .call(&mut client.clone(), (Method::GET, path), None)
            .body
    };
    let id = events()["events"][0]["requestId"].clone();
    world.pass(1);
    let body = json!({"username": "ada@example.org", "password": "wrong password"});
    let request = Request::post(format!("{BASE}/api/account/login"))
        .header("content-type", "application/json")
        .header("x-request-id", id.as_str().unwrap());
    let body = serde_json::to_vec(&body).unwrap();
    let refused = world.send(request.body(body).unwrap());
    assert_eq!(refused.status, 401);
    let failed = &events()["events"][0];
    assert_eq!(failed["event"], "login_failed");
    assert_eq!(failed["requestId"], refused.body["requestId"]);
    assert_ne!(failed["requestId"], id);
}

#[test]
fn a_preflight_allows_what_monitoring_and_common_clients_add() {
    let world = World::new(&[("ALLOWED_ORIGINS", "https://app.example.org")]);
    let send = |origin: &str| {
        let request = Request::options(format!("{BASE}/api/account/login"))
            .header("origin", origin)
            .header("access-control-request-method", "POST");
        world.send(request.body(Vec::new()).unwrap())
    };
    let answer = send("https://app.example.org");
    let allowed: Vec<String> = answer
        .header("access-control-allow-headers")
        .unwrap()
        .split(", ")
        .map(str::to_lowercase)
        .collect();
    for name in [
        "content-type",
        "x-request-id",
        "sentry-trace",
        "baggage",
        "traceparent",
        "tracestate",
        "x-requested-with",
        "cache-control",
        "pragma",
        "expires",
        "accept-language",
        "b3",
        "authorization",
        "x-b3-traceid",
        "x-datadog-trace-id",
        "newrelic",
        "x-csrf-token",
        "if-none-match",
        "x-correlation-id",
        "request-id",
        "x-amzn-trace-id",
    ] {
        assert!(allowed.iter().any(|one| one == name), "{name}");
    }
    // A wildcard has no effect on requests with credentials.
    assert!(!allowed.iter().any(|one| one == "*"));
    let refused = send("https://evil.example");
    assert_eq!(refused.header("access-control-allow-headers"), None);
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
        Some("GET, HEAD, PATCH")
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
