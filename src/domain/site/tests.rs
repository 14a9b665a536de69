use super::{is_ip_address, is_public_suffix, is_within, site};

#[test]
fn what_belongs_to_nobody_is_a_public_suffix() {
    for domain in [
        "org",
        "localhost",
        "co.uk",
        "com.au",
        "co.jp",
        "or.at",
        "org.za",
        "com.br",
        "net.nz",
        "gov.in",
        "anything.ck",
        "tokyo.jp",
        "ltd.uk",
        "qc.ca",
        "asso.fr",
        "gen.nz",
        "ny.us",
        "eu.org",
        "uk.com",
        "run.app",
        "appspot.com",
        "workers.dev",
        "github.io",
    ] {
        assert!(is_public_suffix(domain), "{domain}");
    }
    for domain in [
        "example.org",
        "example.co.uk",
        "co.example",
        "com.example",
        "co.de",
        "uk.co",
        "tokyo.com",
        "acme.tokyo.jp",
        "ab.uk",
        "ku.co",
        "acme.workers.dev",
        "www.anything.ck",
    ] {
        assert!(!is_public_suffix(domain), "{domain}");
    }
}

#[test]
fn a_site_is_what_somebody_registered() {
    for (host, expected) in [
        ("auth.example.org", "example.org"),
        ("a.b.c.example.co.uk", "example.co.uk"),
        ("example.org", "example.org"),
        ("latchkey.acme.workers.dev", "acme.workers.dev"),
        ("localhost", "localhost"),
        ("auth.localhost", "auth.localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("co.uk", "co.uk"),
    ] {
        assert_eq!(site(host), expected, "{host}");
    }
}

#[test]
fn addresses_and_parents_are_told_from_names() {
    for host in ["127.0.0.1", "10.1", "2130706433", "[::1]", "a.b.7"] {
        assert!(is_ip_address(host), "{host}");
    }
    for host in ["example.org", "1.example.org", "4chan.org", "a.7b"] {
        assert!(!is_ip_address(host), "{host}");
    }
    assert!(is_within("auth.example.org", "example.org"));
    assert!(is_within("example.org", "example.org"));
    assert!(!is_within("notexample.org", "example.org"));
    assert!(!is_within("example.org", "auth.example.org"));
}
