use super::{BreachCheck, CacheBounds, ProfileConsistency};
use crate::app::Service;
use crate::domain::keys::tests::jwk;
use crate::domain::time::Seconds;

/// The smallest set of settings that works, with `changes` on top; an empty value removes.
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
    assert_eq!(config.cookie_domain, None);
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
        ("PASSWORD_PEPPERS", "secret"),
        ("PASSWORD_PEPPERS", "1:AAAAAAAAAAAAAAAAAAAA"),
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
    assert_eq!(config.cookie_domain.as_deref(), Some("example.org"));
    assert_eq!(config.breach_check, BreachCheck::On);
    assert_eq!(config.profile, ProfileConsistency::Strict);
}
