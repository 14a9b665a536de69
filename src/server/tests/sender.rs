//! Whose address counts: the connected client's, or that of the visitor that a trusted front end
//! names.

use http::{Method, Request};
use serde_json::json;

use super::{Answer, BASE, Client, PASSWORD, World};
use crate::web::request::Country;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const SERVER: &str = "198.51.100.7";

/// Logs in through a server, which adds these headers.
fn log_in(world: &World, email: &str, password: &str, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"username": email, "password": password}).to_string();
    let mut request = Request::post(format!("{BASE}/api/account/login"))
        .header("content-type", "application/json")
        .header("cf-connecting-ip", SERVER)
        .extension(Country("US".to_owned()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(body.into_bytes()).unwrap())
}

/// Whether the free failures of one account with `first` slow its next attempt with `second`.
fn shares_a_counter(
    settings: &[(&str, &str)],
    first: &[(&str, &str)],
    second: &[(&str, &str)],
) -> bool {
    let world = World::new(settings);
    world.register("ada@example.org");
    for _ in 0..crate::domain::throttle::FREE_FAILURES {
        let answer = log_in(&world, "ada@example.org", "wrong horse", first);
        assert_eq!(answer.code(), "invalid_credentials");
    }
    match log_in(&world, "ada@example.org", PASSWORD, second).status {
        429 => true,
        204 => false,
        status => panic!("{status}"),
    }
}

#[test]
fn visitors_of_a_trusted_front_end_are_counted_one_by_one() {
    let trusted = [("TRUSTED_FRONT_END_KEY", KEY)];
    let visitor = |address| [("x-front-end-key", KEY), ("x-visitor-address", address)];
    assert!(shares_a_counter(&trusted, &[], &[]));
    for (one, other, shared) in [
        ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("2001:db8::1", "2001:db8::2", true),
        ("2001:db8::1", "2001:db8:1::1", false),
        ("::ffff:192.0.2.1", "192.0.2.1", true),
    ] {
        let (one, other) = (visitor(one), visitor(other));
        assert_eq!(
            shares_a_counter(&trusted, &one, &other),
            shared,
            "{one:?} {other:?}"
        );
        assert!(!shares_a_counter(&trusted, &one, &[]), "{one:?}");
    }
}

#[test]
fn without_the_key_nobody_chooses_an_address() {
    let two = format!("another-key-of-thirty-two-characters-, {KEY}");
    let visitor = ("x-visitor-address", "192.0.2.1");
    let (half, long) = (&KEY[..31], format!("{KEY}0"));
    for (setting, key) in [
        ("", KEY),
        (KEY, ""),
        (KEY, half),
        (KEY, &long),
        (KEY, &two),
        (KEY, &KEY.to_uppercase()),
    ] {
        let setting = [("TRUSTED_FRONT_END_KEY", setting)];
        let headers = [("x-front-end-key", key), visitor];
        assert!(
            shares_a_counter(&setting, &headers, &[]),
            "{setting:?} {key}"
        );
    }
    let trusted = [("TRUSTED_FRONT_END_KEY", KEY)];
    for headers in [
        &[visitor][..],
        &[visitor, ("x-forwarded-for", "192.0.2.1")],
        &[("x-front-end-key", KEY)],
        &[("x-front-end-key", KEY), ("x-visitor-address", "zqx")],
        &[
            ("x-front-end-key", KEY),
            ("x-visitor-address", "192.0.2.1, 192.0.2.2"),
        ],
        &[
            ("x-front-end-key", KEY),
            ("x-visitor-address", "192.0.2.1:80"),
        ],
        &[("x-front-end-key", KEY), ("x-forwarded-for", "192.0.2.1")],
    ] {
        assert!(shares_a_counter(&trusted, headers, &[]), "{headers:?}");
    }
    // Each of several keys is accepted.
    let both = [("TRUSTED_FRONT_END_KEY", two.as_str())];
    let named = [("x-front-end-key", KEY), visitor];
    assert!(!shares_a_counter(&both, &named, &[]));
}

#[test]
fn the_country_is_the_visitors_or_none() {
    let world = World::new(&[("TRUSTED_FRONT_END_KEY", KEY)]);
    world.register("ada@example.org");
    let named = [("x-front-end-key", KEY), ("x-visitor-address", "192.0.2.1")];
    for (country, expected) in [
        (None, None),
        (Some("DE"), Some("DE")),
        (Some("de"), None),
        (Some("DEU"), None),
        (Some("\u{fc}"), None),
    ] {
        let mut headers = named.to_vec();
        headers.extend(country.map(|country| ("x-visitor-country", country)));
        assert_eq!(
            country_of(&world, &headers).as_deref(),
            expected,
            "{country:?}"
        );
    }
    let unknown = [
        ("x-visitor-address", "192.0.2.1"),
        ("x-visitor-country", "DE"),
    ];
    assert_eq!(country_of(&world, &unknown).as_deref(), Some("US"));
}

/// The country in the list of sessions, after a login with these headers.
fn country_of(world: &World, headers: &[(&str, &str)]) -> Option<String> {
    let answer = log_in(world, "ada@example.org", PASSWORD, headers);
    assert_eq!(answer.status, 204);
    let mut client = Client::default();
    client.keep(&answer);
    let list = world.call(&mut client, (Method::GET, "/api/account/sessions"), None);
    let sessions = list.body.as_array().unwrap().clone();
    let own = sessions.iter().find(|session| session["current"] == true);
    own.unwrap()["country"].as_str().map(str::to_owned)
}
