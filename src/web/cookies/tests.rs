use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

use super::CookieStyle;
use crate::service::config::CookieSettings;
use crate::service::presented::PresentedTokens;
use crate::web::transport::Transport;

/// Settings with this `COOKIE_DOMAIN`, these `FORMER_COOKIE_DOMAINS` and no local prefix.
fn settings(domain: Option<&str>, former: &[&str]) -> CookieSettings {
    CookieSettings {
        domain: domain.map(str::to_owned),
        former_domains: former.iter().map(|&one| one.to_owned()).collect(),
        local_prefix: String::new(),
    }
}

fn read(settings: &CookieSettings, transport: Transport, lines: &[&[u8]]) -> PresentedTokens {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
    }
    CookieStyle::of(transport, settings).read(&headers)
}

/// The access and refresh values in a line, on https without a domain.
fn host(line: &str) -> (Vec<String>, Vec<String>) {
    let presented = read(&settings(None, &[]), Transport::Https, &[line.as_bytes()]);
    (
        presented.access.values().to_vec(),
        presented.refresh.values().to_vec(),
    )
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

#[test]
fn names_are_matched_exactly() {
    let both = (texts(&["a"]), texts(&["r"]));
    for line in [
        "x=1; __Host-access_token=a; __Host-refresh_token=r",
        "__Host-access_token=a;__Host-refresh_token=r",
        " __Host-access_token=a ;\t__Host-refresh_token=r\t;",
        "theirs=\u{fc}; __Host-access_token=a; __Host-refresh_token=r",
    ] {
        assert_eq!(host(line), both, "{line}");
    }
    for line in [
        "__host-access_token=a",
        "access_token=a",
        "__Secure-access_token=a",
        "__Host-access_token =a",
        "__Host-access_tokenx=a",
        "\u{2000}__Host-access_token=a",
        "__Host-access_token",
        "__Host-access_token=",
        "__Host-access_token=\"\"",
        "=__Host-access_token=a",
        "$__Host-access_token=a",
        "",
    ] {
        assert_eq!(host(line), (texts(&[]), texts(&[])), "{line}");
    }
}

#[test]
fn values_may_be_quoted() {
    for (line, value) in [
        (r#"__Host-access_token="a""#, "a"),
        (r#"$Version="1"; __Host-access_token="a";$Path="/""#, "a"),
        (
            r#"$Version=1; __Host-access_token="a"; $Path="/"; $Domain="example.org""#,
            "a",
        ),
        (r#"__Host-access_token="a"#, r#""a"#),
        (r#"__Host-access_token=a""#, r#"a""#),
        (r#"__Host-access_token=""a"""#, r#""a""#),
        (r#"__Host-access_token=""#, r#"""#),
    ] {
        assert_eq!(host(line), (texts(&[value]), texts(&[])), "{line}");
    }
    // A quoted string also ends at a semicolon: it can neither hide nor join cookies.
    let line = r#"theme="x; __Host-access_token=a; y""#;
    assert_eq!(host(line), (texts(&["a"]), texts(&[])));
    let line = r#"__Host-access_token="a; other=1; x=b""#;
    assert_eq!(host(line), (texts(&["\"a"]), texts(&[])));
}

#[test]
fn every_value_of_a_name_is_a_candidate_once() {
    for (line, access) in [
        (
            "__Host-access_token=a; __Host-access_token=b",
            &["a", "b"][..],
        ),
        (
            "__Host-access_token=b; x=1; __Host-access_token=a",
            &["b", "a"],
        ),
        ("__Host-access_token=a; __Host-access_token=\"a\"", &["a"]),
        ("__Host-access_token=; __Host-access_token=b", &["b"]),
    ] {
        assert_eq!(host(line), (texts(access), texts(&[])), "{line}");
    }
}

#[test]
fn nothing_behind_a_comma_is_an_auth_cookie() {
    for (line, access) in [
        ("theme=1, __Host-access_token=a", &[][..]),
        ("theme=1,__Host-access_token=a", &[]),
        ("theme=\"1, __Host-access_token=a\"", &[]),
        ("a=1;, __Host-access_token=a", &[]),
        (
            "theme=1, x=2, __Host-access_token=a; __Host-access_token=b",
            &["b"],
        ),
        ("__Host-access_token=a, __Host-access_token=b", &["a"]),
        ("__Host-access_token=a, other=1", &["a"]),
        ("$Version=1,__Host-access_token=a", &[]),
    ] {
        assert_eq!(host(line), (texts(access), texts(&[])), "{line}");
    }
}

#[test]
fn the_bytes_of_other_cookies_do_not_matter() {
    for other in [
        &b"x=\xff\xfe"[..],
        b"\x80\x81\xa0=1",
        b"x=\"",
        b"\\",
        b"=",
        b"\xe2\x80",
    ] {
        let line = [other, b"; __Host-access_token=a"].concat();
        let presented = read(&settings(None, &[]), Transport::Https, &[&line]);
        assert_eq!(presented.access.values(), ["a"], "{other:?}");
    }
}

#[test]
fn the_transport_and_the_settings_choose_the_name() {
    let line = b"access_token=1; __Host-access_token=2; __Secure-access_token=3; x_access_token=4";
    let mut prefixed = settings(Some("example.org"), &[]);
    prefixed.local_prefix = "x_".to_owned();
    for (settings, transport, value) in [
        (settings(None, &[]), Transport::LocalHttp, "1"),
        (settings(None, &[]), Transport::Https, "2"),
        (settings(Some("example.org"), &[]), Transport::Https, "3"),
        (
            settings(Some("example.org"), &[]),
            Transport::LocalHttp,
            "1",
        ),
        (prefixed.clone(), Transport::LocalHttp, "4"),
        (prefixed, Transport::Https, "3"),
    ] {
        let presented = read(&settings, transport, &[line]);
        assert_eq!(presented.access.values(), [value], "{settings:?}");
    }
}

const GONE: &str = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";

/// The lines that delete, except those of the refresh cookie, which differ only in name and
/// `SameSite`.
fn deleted(settings: &CookieSettings, transport: Transport) -> Vec<String> {
    let mut headers = HeaderMap::new();
    CookieStyle::of(transport, settings).delete(&mut headers);
    let lines: Vec<String> = headers
        .get_all(SET_COOKIE)
        .iter()
        .map(|line| line.to_str().unwrap().to_owned())
        .collect();
    for pair in lines.chunks(2) {
        let refresh = pair[0]
            .replace("access_token", "refresh_token")
            .replace("Lax", "Strict");
        assert_eq!(pair[1], refresh);
    }
    lines.into_iter().step_by(2).collect()
}

#[test]
fn deleting_repeats_the_attributes_in_each_scope_that_is_known() {
    let attributes = format!("Path=/; Secure; HttpOnly; SameSite=Lax; {GONE}");
    let own = format!("__Host-access_token=; {attributes}");
    let bare = format!("__Secure-access_token=; {attributes}");
    let of = |domain: &str| format!("__Secure-access_token=; Domain={domain}; {attributes}");

    let (none, domain) = (settings(None, &[]), settings(Some("example.org"), &[]));
    assert_eq!(deleted(&none, Transport::Https), [own.as_str()]);
    assert_eq!(
        deleted(&domain, Transport::Https),
        [own.clone(), bare.clone(), of("example.org")]
    );
    let former = settings(None, &["example.org"]);
    assert_eq!(
        deleted(&former, Transport::Https),
        [of("example.org"), own.clone()]
    );
    let moved = settings(Some("a.example.org"), &["example.org", "b.a.example.org"]);
    assert_eq!(
        deleted(&moved, Transport::Https),
        [
            of("example.org"),
            of("b.a.example.org"),
            own,
            bare,
            of("a.example.org")
        ]
    );

    let mut local = moved;
    local.local_prefix = "x_".to_owned();
    assert_eq!(
        deleted(&local, Transport::LocalHttp),
        [format!(
            "x_access_token=; Path=/; HttpOnly; SameSite=Lax; {GONE}"
        )]
    );
}
