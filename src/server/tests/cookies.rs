//! Auth cookies that appear twice, or beside those of other users: which one counts, and when none
//! does.

use http::header::COOKIE;
use http::{Method, Request};
use serde_json::json;

use super::{Answer, BASE, Client, PASSWORD, START, World};

const DOMAIN: &[(&str, &str)] = &[("COOKIE_DOMAIN", "example.org")];
const PROFILE: (Method, &str) = (Method::GET, "/api/account/profile");
const REFRESH: (Method, &str) = (Method::POST, "/api/account/refresh");
const LOG_OUT: (Method, &str) = (Method::POST, "/api/account/logout");

/// Sends a request with this line of cookies, in which `*` is replaced by the prefix of the names.
fn send(world: &World, (method, path): (Method, &str), cookies: &str) -> Answer {
    let prefix = match world.service.config.cookies.domain {
        Some(_) => "__Secure-",
        None => "__Host-",
    };
    let request = Request::builder()
        .method(method)
        .uri(format!("{BASE}{path}"))
        .header(COOKIE, cookies.replace('*', prefix));
    world.send(request.body(Vec::new()).unwrap())
}

/// Logs in a registered user. Returns access and refresh token.
fn tokens(world: &World, email: &str) -> [String; 2] {
    let body = json!({"username": email, "password": PASSWORD}).to_string();
    let request = Request::post(format!("{BASE}/api/account/login"))
        .header("content-type", "application/json");
    let answer = world.send(request.body(body.into_bytes()).unwrap());
    assert_eq!(answer.status, 204);
    let value = |name: &str| {
        let lines = answer.cookies();
        let line = lines.iter().rev().find(|line| line.contains(name)).unwrap();
        let value = line.split_once('=').unwrap().1;
        value.split(';').next().unwrap().to_owned()
    };
    [value("access_token"), value("refresh_token")]
}

/// A world with two users, and a session of each.
fn two_people(settings: &[(&str, &str)]) -> (World, [String; 2], [String; 2]) {
    let world = World::new(settings);
    world.register("ada@example.org");
    world.register("eve@example.org");
    let ada = tokens(&world, "ada@example.org");
    let eve = tokens(&world, "eve@example.org");
    (world, ada, eve)
}

#[test]
fn what_does_not_verify_does_not_matter() {
    for settings in [&[][..], DOMAIN] {
        let (world, [access, refresh], _) = two_people(settings);
        let (other, [foreign, foreign_refresh], _) =
            two_people(&[("ISSUER", "https://auth.staging.example.org")]);
        drop(other);
        for stray in [
            "x",
            "zqx.zqx.zqx",
            &foreign,
            &refresh,
            &format!("{access}x"),
            &"y".repeat(5_000),
        ] {
            for line in [
                format!("*access_token={stray}; *access_token={access}"),
                format!("*access_token={access}; *access_token={stray}"),
            ] {
                assert_eq!(send(&world, PROFILE, &line).status, 200, "{line}");
            }
        }
        let line = format!("*refresh_token={foreign_refresh}; *refresh_token={refresh}");
        assert_eq!(send(&world, REFRESH, &line).status, 204);
    }
}

#[test]
fn two_sessions_in_one_name_are_ambiguous_and_nothing_changes() {
    for settings in [&[][..], DOMAIN] {
        let (world, [access, refresh], [tossed, tossed_refresh]) = two_people(settings);
        let before = world.round_trips();
        assert!(before > 0);
        for (route, line) in [
            (
                PROFILE,
                format!("*access_token={access}; *access_token={tossed}"),
            ),
            (
                PROFILE,
                format!("*access_token={tossed}; *access_token={access}"),
            ),
            (
                REFRESH,
                format!("*refresh_token={refresh}; *refresh_token={tossed_refresh}"),
            ),
        ] {
            let answer = send(&world, route, &line);
            assert_eq!((answer.status, answer.code()), (400, "malformed_request"));
            assert!(answer.cookies().is_empty());
        }
        // A log-out ends neither, and deletes the cookies that it can.
        for line in [
            format!("*refresh_token={refresh}; *refresh_token={tossed_refresh}"),
            format!("*access_token={access}; *refresh_token={tossed_refresh}"),
        ] {
            let answer = send(&world, LOG_OUT, &line);
            assert_eq!((answer.status, answer.code()), (401, "invalid_token"));
            assert!(answer.cookies().len() >= 2);
        }
        assert_eq!(world.round_trips(), 0);
        for token in [access, tossed] {
            assert_eq!(
                send(&world, PROFILE, &format!("*access_token={token}")).status,
                200
            );
        }
    }
}

#[test]
fn a_tossed_access_cookie_does_not_stand_in_for_one_that_has_lapsed() {
    let (world, [_, refresh], [tossed, tossed_refresh]) = two_people(DOMAIN);
    for line in [
        format!("*access_token={tossed}; *refresh_token={refresh}"),
        format!("*refresh_token=zqx; *refresh_token={refresh}; *access_token={tossed}"),
    ] {
        let answer = send(&world, PROFILE, &line);
        assert_eq!(
            (answer.status, answer.code()),
            (401, "invalid_token"),
            "{line}"
        );
    }
    for line in [
        format!("*access_token={tossed}"),
        format!("*access_token={tossed}; *refresh_token={tossed_refresh}"),
        format!("*access_token={tossed}; *refresh_token=zqx"),
        format!(
            "*access_token={tossed}; *refresh_token={refresh}; *refresh_token={tossed_refresh}"
        ),
    ] {
        assert_eq!(send(&world, PROFILE, &line).status, 200, "{line}");
    }
    // `__Host-` makes that impossible, so no signature is checked for it.
    let (world, [_, refresh], [access, _]) = two_people(&[]);
    let line = format!("*access_token={access}; *refresh_token={refresh}");
    assert_eq!(send(&world, PROFILE, &line).status, 200);
}

#[test]
fn of_two_tokens_of_one_session_the_newer_counts() {
    let (world, [access, refresh], _) = two_people(DOMAIN);
    world.pass(60);
    let answer = send(&world, REFRESH, &format!("*refresh_token={refresh}"));
    let newer = answer
        .cookies()
        .last()
        .unwrap()
        .split_once('=')
        .unwrap()
        .1
        .to_owned();
    let newer = newer.split(';').next().unwrap();
    // After the grace the older one alone would end the session.
    world.pass(60);
    for line in [
        format!("*refresh_token={refresh}; *refresh_token={newer}"),
        format!("*refresh_token={newer}; *refresh_token={refresh}"),
    ] {
        assert_eq!(send(&world, REFRESH, &line).status, 204, "{line}");
    }
    assert_eq!(
        send(&world, PROFILE, &format!("*access_token={access}")).status,
        200
    );
}

#[test]
fn an_expired_token_counts_when_no_other_does() {
    let (world, [old, _], _) = two_people(DOMAIN);
    world.pass(601);
    let [new, _] = tokens(&world, "eve@example.org");
    for (line, status, code) in [
        (format!("*access_token={old}; *access_token={new}"), 200, ""),
        (format!("*access_token={new}; *access_token={old}"), 200, ""),
        (
            format!("*access_token={old}; *access_token=x"),
            401,
            "token_expired",
        ),
        (
            format!("*access_token=x; *access_token={old}"),
            401,
            "token_expired",
        ),
        (
            "*access_token=x; *access_token=y".to_owned(),
            401,
            "invalid_token",
        ),
    ] {
        let answer = send(&world, PROFILE, &line);
        assert_eq!((answer.status, answer.code()), (status, code), "{line}");
    }
}

/// This number of distinct cookie values that never verify, each followed by a semicolon.
fn stray(name: &str, count: usize) -> String {
    let pairs: Vec<String> = (0..count).map(|n| format!("*{name}=zqx{n}; ")).collect();
    pairs.concat()
}

#[test]
fn more_values_than_a_browser_has_are_refused_without_a_signature_each() {
    let (world, [access, refresh], _) = two_people(&[]);
    for (count, status) in [(7, 200), (8, 400), (80, 400)] {
        let line = format!("{}*access_token={access}", stray("access_token", count));
        assert_eq!(send(&world, PROFILE, &line).status, status, "{count}");
    }
    let line = format!("*refresh_token={refresh}; {}", stray("refresh_token", 8));
    assert_eq!(send(&world, REFRESH, &line).status, 400);
    let answer = send(&world, LOG_OUT, &line);
    assert_eq!((answer.status, answer.cookies().len()), (401, 2));
    assert_eq!(
        send(&world, PROFILE, &format!("*access_token={access}")).status,
        200
    );
}

#[test]
fn logging_in_and_registering_do_not_depend_on_the_cookies_that_are_there() {
    for settings in [&[][..], DOMAIN] {
        let (world, [access, refresh], [other, other_refresh]) = two_people(settings);
        for (n, line) in [
            format!("*access_token={access}; *access_token={other}"),
            format!(
                "*refresh_token={refresh}; *refresh_token={other_refresh}; *access_token=\u{1}"
            ),
            format!("theme=1, *access_token={access}"),
            stray("refresh_token", 20),
        ]
        .into_iter()
        .enumerate()
        {
            for (path, field, status) in [("login", "username", 204), ("register", "email", 201)] {
                let email = if path == "login" {
                    "ada"
                } else {
                    ["b", "c", "d", "e"][n]
                };
                let body = json!({field: format!("{email}@example.org"), "password": PASSWORD});
                let prefix = if settings.is_empty() {
                    "__Host-"
                } else {
                    "__Secure-"
                };
                let line = line.replace('*', prefix).replace('\u{1}', "\u{fc}");
                let request = Request::post(format!("{BASE}/api/account/{path}"))
                    .header("content-type", "application/json")
                    .header(COOKIE, line.as_bytes());
                let answer = world.send(request.body(body.to_string().into_bytes()).unwrap());
                assert_eq!(answer.status, status, "{line}");
            }
        }
    }
}

#[test]
fn a_login_ends_the_sessions_that_it_carries_in_two_scopes() {
    let (world, [access, refresh], [other, other_refresh]) = two_people(DOMAIN);
    let line = format!("__Secure-refresh_token={refresh}; __Secure-refresh_token={other_refresh}");
    let body = json!({"username": "ada@example.org", "password": PASSWORD}).to_string();
    let request = Request::post(format!("{BASE}/api/account/login"))
        .header("content-type", "application/json")
        .header(COOKIE, line);
    assert_eq!(
        world.send(request.body(body.into_bytes()).unwrap()).status,
        204
    );
    for token in [refresh, other_refresh] {
        let answer = send(&world, REFRESH, &format!("*refresh_token={token}"));
        assert_eq!(answer.code(), "invalid_token");
    }
    drop((access, other));
}

#[test]
fn whoever_has_a_cookie_of_a_former_domain_gets_one_of_the_new_domain_and_loses_it() {
    let moved = [
        ("COOKIE_DOMAIN", "example.org"),
        ("FORMER_COOKIE_DOMAINS", "auth.example.org"),
    ];
    let (world, [_, refresh], _) = two_people(&moved);
    let answer = send(&world, REFRESH, &format!("*refresh_token={refresh}"));
    let lines = answer.cookies();
    assert_eq!(lines.len(), 4);
    for line in &lines[..2] {
        assert!(
            line.contains("_token=; Domain=auth.example.org; "),
            "{line}"
        );
        assert!(
            line.contains("; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
            "{line}"
        );
    }
    for line in &lines[2..] {
        assert!(line.contains("; Domain=example.org; "), "{line}");
        assert!(!line.contains("Max-Age=0"), "{line}");
    }
}

#[test]
fn expires_says_what_max_age_says() {
    let world = World::new(&[]);
    world.now.set(START);
    let mut ada = Client::default();
    world.register("ada@example.org");
    let answer = world.log_in(&mut ada, "ada@example.org");
    let [access, refresh] = answer.cookies()[..] else {
        panic!("{:?}", answer.cookies());
    };
    assert!(
        access.ends_with("; Max-Age=600; Expires=Sat, 21 Nov 2026 09:10:00 GMT"),
        "{access}"
    );
    assert!(
        refresh.ends_with("; Max-Age=604800; Expires=Sat, 28 Nov 2026 09:00:00 GMT"),
        "{refresh}"
    );
}
