use super::{BreachCheck, CacheBounds, CookieSettings, HomePage, Hsts, ProfileConsistency};
use crate::domain::session::keys::tests::jwk;
use crate::domain::time::Seconds;
use crate::service::Service;

/// Configures the minimal set of settings with `changes`. An empty value removes a setting.
pub(crate) fn configure(changes: &[(&str, &str)]) -> Result<Service, Vec<String>> {
    let keys = format!(r#"{{"keys":[{}]}}"#, jwk(1, "k1"));
    Service::configure(|name| {
        if let Some((_, value)) = changes.iter().find(|(key, _)| *key == name) {
            return (!value.is_empty()).then(|| (*value).to_owned());
        }
        match name {
            "ISSUER" => Some("https://auth.example.org".to_owned()),
            "AUDIENCE" => Some("app".to_owned()),
            "JWT_KEYS" => Some(keys.clone()),
            _ => None,
        }
    })
    .map_err(|misconfiguration| misconfiguration.problems)
}

#[test]
fn defaults_are_those_of_the_design() {
    let config = configure(&[]).map_err(drop).unwrap().config;
    assert_eq!(config.issuance.access_lifetime, Seconds::new(600));
    assert_eq!(config.sessions.idle, Seconds::new(604_800));
    assert_eq!(config.sessions.absolute, Seconds::new(2_592_000));
    assert_eq!(config.sessions.grace, Seconds::new(10));
    let bounds = CacheBounds {
        from_read: Seconds::new(60),
        in_isolate: Seconds::new(5),
    };
    assert_eq!(config.profile, ProfileConsistency::Cached(bounds));
    assert_eq!(config.passwords.min_code_points, 8);
    assert_eq!(config.breach_check, BreachCheck::Off);
    assert_eq!(config.default_role.as_str(), "application-access");
    assert!(config.allowed_origins.is_empty());
    assert_eq!(config.cookies, CookieSettings::default());
    assert_eq!(config.hsts, Hsts::Host);
    assert_eq!(config.home_page, HomePage::Off);
    assert!(config.warnings.is_empty());
}

#[test]
fn every_problem_is_reported_at_once_by_name() {
    let problems = configure(&[
        ("ISSUER", ""),
        ("JWT_KEYS", "changeme"),
        ("REFRESH_GRACE_SECONDS", "61"),
        ("PROFILE_CONSISTENCY", "eventual"),
    ])
    .err()
    .unwrap();
    let names: Vec<&str> = problems
        .iter()
        .filter_map(|problem| problem.split(':').next())
        .collect();
    assert_eq!(
        names,
        [
            "ISSUER",
            "JWT_KEYS",
            "REFRESH_GRACE_SECONDS",
            "PROFILE_CONSISTENCY"
        ]
    );
    assert!(!problems.concat().contains("changeme"));
}

#[test]
fn each_setting_has_bounds() {
    for (name, value) in [
        ("ISSUER", "auth.example.org"),
        ("ISSUER", "http://auth.example.org"),
        ("ISSUER", "https://auth.example.org/"),
        ("AUDIENCE", "https://auth.example.org"),
        ("AUDIENCE", "a b"),
        ("ACCESS_TOKEN_TTL_SECONDS", "59"),
        ("ACCESS_TOKEN_TTL_SECONDS", "3601"),
        ("ACCESS_TOKEN_TTL_SECONDS", "ten"),
        ("ACCESS_TOKEN_TTL_SECONDS", "-600"),
        ("REFRESH_IDLE_TTL_SECONDS", "2592001"),
        ("REFRESH_ABSOLUTE_TTL_SECONDS", "604799"),
        ("USER_CACHE_TTL_SECONDS", "301"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("BREACH_CHECK", "ON"),
        ("BREACH_CHECK", "true"),
        ("ARGON2_MEMORY_KIB", "7167"),
        ("ARGON2_MEMORY_KIB", "47105"),
        ("ARGON2_ITERATIONS", "1"),
        ("DEFAULT_ROLE", "Admin"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "null"),
        (
            "ALLOWED_ORIGINS",
            "https://app.example.org, http://app.example.org",
        ),
        ("COOKIE_DOMAIN", ".example.org"),
        ("COOKIE_DOMAIN", "org"),
        ("COOKIE_DOMAIN", "Example.org"),
        ("COOKIE_DOMAIN", "example.org."),
        ("COOKIE_DOMAIN", "127.0.0.1"),
        ("FORMER_COOKIE_DOMAINS", "org"),
        ("FORMER_COOKIE_DOMAINS", "example.org, example.com"),
        (
            "FORMER_COOKIE_DOMAINS",
            "example.org, example.org, example.org, example.org, auth.example.org",
        ),
        ("LOCAL_COOKIE_PREFIX", "__Host-"),
        ("LOCAL_COOKIE_PREFIX", "a b"),
        ("LOCAL_COOKIE_PREFIX", "a="),
        ("LOCAL_COOKIE_PREFIX", "a123456789012345678901234567890123"),
        ("HSTS", "on"),
        ("HSTS", "includeSubDomains"),
        ("TRUSTED_FRONT_END_KEY", "secret"),
        ("PASSWORD_PEPPERS", "secret"),
        ("PASSWORD_PEPPERS", "1:AAAAAAAAAAAAAAAAAAAA"),
        ("PASSWORD_PEPPERS", "none,none"),
        ("PASSWORD_PEPPERS", "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAA,none"),
        ("PASSWORD_PEPPERS", "None,1:AAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("PASSWORD_PEPPERS", "1-2:AAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        (
            "PASSWORD_PEPPERS",
            "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAA,1:AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ),
    ] {
        let problems = configure(&[(name, value)]).err();
        assert_eq!(problems.map(|list| list.len()), Some(1), "{name}={value}");
    }
}

#[test]
fn lists_and_domains_are_read() {
    let config = configure(&[
        (
            "ALLOWED_ORIGINS",
            "https://app.example.org, http://localhost:5173",
        ),
        ("COOKIE_DOMAIN", "example.org"),
        ("BREACH_CHECK", "on"),
        ("PROFILE_CONSISTENCY", "strict"),
    ])
    .map_err(drop)
    .unwrap()
    .config;
    assert_eq!(
        config.allowed_origins,
        ["https://app.example.org", "http://localhost:5173"]
    );
    assert_eq!(config.cookies.domain.as_deref(), Some("example.org"));
    assert_eq!(config.breach_check, BreachCheck::On);
    assert_eq!(config.profile, ProfileConsistency::Strict);
}

#[test]
fn a_cookie_domain_that_browsers_refuse_is_a_problem() {
    for (issuer, domain, is_fine) in [
        ("https://auth.example.org", "example.org", true),
        ("https://auth.example.org", "auth.example.org", true),
        ("https://auth.example.org:8443", "example.org", true),
        ("https://a.b.example.co.uk", "example.co.uk", true),
        (
            "https://latchkey.acme.workers.dev",
            "acme.workers.dev",
            true,
        ),
        // On this machine the cookies have no domain.
        ("http://localhost:8787", "example.org", true),
        ("https://auth.example.org", "example.com", false),
        ("https://auth.example.org", "app.example.org", false),
        ("https://auth.example.org", "x.auth.example.org", false),
        ("https://auth.example.org", "ample.org", false),
        ("https://auth.example.co.uk", "co.uk", false),
        ("https://auth.example.com.au", "com.au", false),
        ("https://auth.example.co.nz", "co.nz", false),
        ("https://latchkey.acme.workers.dev", "workers.dev", false),
        ("https://10.0.0.1", "0.0.1", false),
        ("https://10.0.0.1", "10.0.0.1", false),
        ("http://localhost:8787", "co.uk", false),
    ] {
        for name in ["COOKIE_DOMAIN", "FORMER_COOKIE_DOMAINS"] {
            let problems = configure(&[("ISSUER", issuer), (name, domain)]).err();
            let blamed = problems.map(|list| list.join("; "));
            assert_eq!(blamed.is_none(), is_fine, "{issuer} {domain}");
            assert!(blamed.is_none_or(|text| text.starts_with(name) && !text.contains(';')));
        }
    }
    let same = [
        ("COOKIE_DOMAIN", "example.org"),
        ("FORMER_COOKIE_DOMAINS", "example.org"),
    ];
    assert!(configure(&same).is_err());
}

#[test]
fn origins_that_get_no_cookies_are_warned_about() {
    for (issuer, origins, warned) in [
        (
            "https://auth.example.org",
            "https://app.example.org, https://example.org:8443",
            0,
        ),
        ("https://auth.example.org", "https://app.example.com", 1),
        (
            "https://auth.example.org",
            "http://localhost:5173, https://app.example.org",
            1,
        ),
        (
            "https://auth.example.co.uk",
            "https://example.co.uk, https://app.other.co.uk",
            1,
        ),
        ("http://localhost:8787", "http://localhost:5173", 0),
        (
            "http://localhost:8787",
            "http://127.0.0.1:5173, http://[::1]:5173",
            2,
        ),
        ("http://localhost:8787", "https://localhost:5173", 1),
    ] {
        let settings = [("ISSUER", issuer), ("ALLOWED_ORIGINS", origins)];
        let config = configure(&settings).map_err(drop).unwrap().config;
        assert_eq!(config.warnings.len(), warned, "{issuer} {origins}");
        for warning in &config.warnings {
            assert!(warning.starts_with("ALLOWED_ORIGINS: http"), "{warning}");
        }
    }
}

#[test]
fn hashes_that_would_hold_the_isolate_up_cannot_be_configured() {
    let problems = |memory: &str, iterations: &str| {
        let settings = [
            ("ARGON2_MEMORY_KIB", memory),
            ("ARGON2_ITERATIONS", iterations),
        ];
        configure(&settings).err().unwrap_or_default()
    };
    for (memory, iterations) in [("47104", "4"), ("19456", "10"), ("7168", "10")] {
        assert!(
            problems(memory, iterations).is_empty(),
            "{memory} {iterations}"
        );
    }
    for (memory, iterations) in [("47104", "5"), ("24576", "9"), ("32768", "7")] {
        let problems = problems(memory, iterations);
        assert_eq!(
            problems,
            ["ARGON2_ITERATIONS: is too high for ARGON2_MEMORY_KIB"]
        );
    }
}

#[test]
fn names_and_keys_are_read() {
    let config = configure(&[
        ("FORMER_COOKIE_DOMAINS", "example.org , auth.example.org"),
        ("LOCAL_COOKIE_PREFIX", "shop_"),
        ("HSTS", "off"),
        ("TRUSTED_FRONT_END_KEY", "0123456789abcdef0123456789abcdef"),
    ])
    .map_err(drop)
    .unwrap()
    .config;
    assert_eq!(
        config.cookies.former_domains,
        ["example.org", "auth.example.org"]
    );
    assert_eq!(config.cookies.local_prefix, "shop_");
    assert_eq!(config.hsts, Hsts::Off);
    assert!(
        config
            .front_ends
            .contain(b"0123456789abcdef0123456789abcdef")
    );
}

#[test]
fn peppers_may_be_known_before_they_are_used() {
    for text in [
        "none",
        "none,1:AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "",
    ] {
        assert!(configure(&[("PASSWORD_PEPPERS", text)]).is_ok(), "{text}");
    }
}

#[test]
fn only_a_service_on_this_machine_has_a_home_page_unless_told() {
    let local = ("ISSUER", "http://localhost:8787");
    for (settings, home_page) in [
        (&[][..], HomePage::Off),
        (&[local], HomePage::On),
        (&[("ISSUER", "http://[::1]:9000")], HomePage::On),
        (&[("HOME_PAGE", "on")], HomePage::On),
        (&[local, ("HOME_PAGE", "off")], HomePage::Off),
    ] {
        let config = configure(settings).map_err(drop).unwrap().config;
        assert_eq!(config.home_page, home_page, "{settings:?}");
    }
    let problems = configure(&[("HOME_PAGE", "yes")]).err().unwrap();
    assert_eq!(problems, ["HOME_PAGE: must be on or off"]);
}
