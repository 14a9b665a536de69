//! The settings: every number in one place, with its unit, default, bounds and source.
//!
//! Reading reports every problem at once, by name, and never a value: one of them is a secret.

use core::ops::RangeInclusive;
use core::str::FromStr;

use super::Service;
use super::hash_queue::HashQueue;
use super::origin::{is_domain_name, is_origin};
use base64ct::{Base64UrlUnpadded, Encoding};

use crate::domain::hashing::{HashCost, ITERATIONS, MEMORY_KIB, PasswordHasher, Pepper};
use crate::domain::keys::KeyRing;
use crate::domain::password::PasswordPolicy;
use crate::domain::session::SessionPolicy;
use crate::domain::throttle::ThrottleKeys;
use crate::domain::time::Seconds;
use crate::domain::token::{Issuance, Tokens};
use crate::domain::user::RoleSlug;

/// Memory times passes of the weakest setting that OWASP's Password Storage Cheat Sheet
/// gives for Argon2id (m = 7,168 KiB, t = 5).
const LEAST_HASH_WORK: u32 = 7_168 * 5;

/// Where a profile may be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileConsistency {
    /// From a copy that is at most this old, counted from its read of the database.
    Cached(Seconds),
    /// From the database, at each request.
    Strict,
}

/// The settings of a deployment, each within its bounds.
#[derive(Clone, Debug)]
pub struct Config {
    /// `ISSUER`, `AUDIENCE`, `ACCESS_TOKEN_TTL_SECONDS`, `REFRESH_IDLE_TTL_SECONDS`.
    pub issuance: Issuance,
    /// `REFRESH_IDLE_TTL_SECONDS`, `REFRESH_ABSOLUTE_TTL_SECONDS`, `REFRESH_GRACE_SECONDS`.
    pub sessions: SessionPolicy,
    /// `PASSWORD_MIN_LENGTH`.
    pub passwords: PasswordPolicy,
    /// `PROFILE_CONSISTENCY`, `USER_CACHE_TTL_SECONDS`.
    pub profile: ProfileConsistency,
    /// `DEFAULT_ROLE`.
    pub default_role: RoleSlug,
    /// `ALLOWED_ORIGINS`.
    pub allowed_origins: Vec<String>,
    /// `COOKIE_DOMAIN`.
    pub cookie_domain: Option<String>,
}

/// Everything that is wrong with the settings: `NAME: what`, no values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misconfiguration {
    /// One entry for each setting that is missing or out of bounds.
    pub problems: Vec<String>,
}

impl Service {
    /// Reads the settings through `lookup`, which answers a name with its value.
    ///
    /// # Errors
    ///
    /// [`Misconfiguration`] with every problem.
    pub fn configure(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Misconfiguration> {
        let mut reader = Reader {
            lookup,
            problems: Vec::new(),
        };
        let service = read_service(&mut reader);
        match service {
            Some(service) if reader.problems.is_empty() => Ok(service),
            _ => Err(Misconfiguration {
                problems: reader.problems,
            }),
        }
    }
}

fn read_service<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>) -> Option<Service> {
    let issuer = reader.required(
        "ISSUER",
        "must be an origin such as https://auth.example.org",
        |text| is_origin(text).then(|| text.to_owned()),
    );
    let audience = reader.required(
        "AUDIENCE",
        "must have 1 to 200 visible ASCII characters",
        |text| {
            ((1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()))
                .then(|| text.to_owned())
        },
    );
    if issuer.is_some() && issuer == audience {
        // A refresh token's audience is the issuer: it must not be the access token's as well.
        reader.problem("AUDIENCE", "must differ from ISSUER");
    }
    let keys = match (reader.lookup)("JWT_KEYS")
        .as_deref()
        .map(KeyRing::from_jwk_set)
    {
        Some(Ok(keys)) => Some(keys),
        Some(Err(fault)) => {
            reader.problem("JWT_KEYS", &fault.to_string());
            None
        }
        None => {
            reader.problem("JWT_KEYS", "is missing");
            None
        }
    };
    let (access, sessions) = read_lifetimes(reader);
    let cache = reader.number("USER_CACHE_TTL_SECONDS", 60, 1..=300);
    let profile = match (reader.lookup)("PROFILE_CONSISTENCY").as_deref() {
        None | Some("cached") => ProfileConsistency::Cached(Seconds::new(cache)),
        Some("strict") => ProfileConsistency::Strict,
        Some(_) => {
            reader.problem("PROFILE_CONSISTENCY", "must be cached or strict");
            ProfileConsistency::Strict
        }
    };
    let min_code_points = reader.number("PASSWORD_MIN_LENGTH", 8, 8..=64);
    let cost = HashCost {
        memory_kib: reader.number("ARGON2_MEMORY_KIB", HashCost::OWASP.memory_kib, MEMORY_KIB),
        iterations: reader.number("ARGON2_ITERATIONS", HashCost::OWASP.iterations, ITERATIONS),
    };
    if cost.memory_kib.saturating_mul(cost.iterations) < LEAST_HASH_WORK {
        reader.problem("ARGON2_ITERATIONS", "is too low for ARGON2_MEMORY_KIB");
    }
    let peppers = reader.or_default(
        "PASSWORD_PEPPERS",
        "",
        "must be id:base64url, of 16 to 64 bytes each, separated by commas",
        read_peppers,
    );
    let default_role = reader.or_default(
        "DEFAULT_ROLE",
        "application-access",
        "must be lower-case letters, digits and hyphens",
        RoleSlug::parse,
    );
    let allowed_origins = reader.or_default(
        "ALLOWED_ORIGINS",
        "",
        "must be origins such as https://app.example.org, separated by commas",
        read_origins,
    );
    let cookie_domain = reader.or_default(
        "COOKIE_DOMAIN",
        "",
        "must be a domain such as example.org",
        read_cookie_domain,
    );
    let config = Config {
        issuance: Issuance {
            issuer: issuer?,
            audience: audience?,
            access_lifetime: access,
            refresh_lifetime: sessions.idle,
        },
        sessions,
        passwords: PasswordPolicy {
            min_code_points: min_code_points as usize,
        },
        profile,
        default_role: default_role?,
        allowed_origins: allowed_origins?,
        cookie_domain: cookie_domain?,
    };
    let keys = keys?;
    Some(Service {
        throttle: ThrottleKeys::new(keys.derive_secret("latchkey/throttle/v1")),
        tokens: Tokens::new(keys, config.issuance.clone()),
        hasher: PasswordHasher::new(cost).with_peppers(peppers?),
        hash_queue: HashQueue::default(),
        config,
    })
}

fn read_lifetimes<L: Fn(&str) -> Option<String>>(
    reader: &mut Reader<L>,
) -> (Seconds, SessionPolicy) {
    let access = reader.number("ACCESS_TOKEN_TTL_SECONDS", 600, 60..=3_600);
    let idle = reader.number("REFRESH_IDLE_TTL_SECONDS", 604_800, 300..=31_536_000);
    let absolute = reader.number("REFRESH_ABSOLUTE_TTL_SECONDS", 2_592_000, 300..=31_536_000);
    if idle > absolute {
        reader.problem(
            "REFRESH_IDLE_TTL_SECONDS",
            "must not exceed REFRESH_ABSOLUTE_TTL_SECONDS",
        );
    }
    let grace = reader.number("REFRESH_GRACE_SECONDS", 10, 0..=60);
    let sessions = SessionPolicy {
        idle: Seconds::new(idle),
        absolute: Seconds::new(absolute),
        grace: Seconds::new(grace),
    };
    (Seconds::new(access), sessions)
}

struct Reader<L> {
    lookup: L,
    problems: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    fn problem(&mut self, name: &str, what: &str) {
        self.problems.push(format!("{name}: {what}"));
    }

    fn required<T>(
        &mut self,
        name: &str,
        rule: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let Some(text) = (self.lookup)(name) else {
            self.problem(name, "is missing");
            return None;
        };
        let value = parse(&text);
        if value.is_none() {
            self.problem(name, rule);
        }
        value
    }

    fn or_default<T>(
        &mut self,
        name: &str,
        default: &str,
        rule: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = parse((self.lookup)(name).as_deref().unwrap_or(default));
        if value.is_none() {
            self.problem(name, rule);
        }
        value
    }

    fn number(&mut self, name: &str, default: u32, bounds: RangeInclusive<u32>) -> u32 {
        let Some(text) = (self.lookup)(name) else {
            return default;
        };
        match u32::from_str(&text) {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                let (low, high) = bounds.into_inner();
                self.problem(name, &format!("must be a number from {low} to {high}"));
                default
            }
        }
    }
}

fn read_origins(text: &str) -> Option<Vec<String>> {
    let origins: Vec<String> = text
        .split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .map(str::to_owned)
        .collect();
    origins
        .iter()
        .all(|origin| is_origin(origin))
        .then_some(origins)
}

/// `id:secret,id:secret`: ids of 1 to 8 letters and digits, secrets in base64url.
fn read_peppers(text: &str) -> Option<Vec<Pepper>> {
    let mut peppers: Vec<Pepper> = Vec::new();
    for entry in text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
    {
        let (id, secret) = entry.split_once(':')?;
        let secret = Base64UrlUnpadded::decode_vec(secret).ok()?;
        let well_formed = (1..=8).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && (16..=64).contains(&secret.len())
            && peppers.iter().all(|other| other.id != id);
        if !well_formed {
            return None;
        }
        peppers.push(Pepper {
            id: id.to_owned(),
            secret,
        });
    }
    Some(peppers)
}

/// A domain of at least two labels; `None` inside means "not set".
#[expect(
    clippy::option_option,
    reason = "outer: whether the setting can be read; inner: whether it is set"
)]
fn read_cookie_domain(text: &str) -> Option<Option<String>> {
    match text {
        "" => Some(None),
        text if text.contains('.') && is_domain_name(text) => Some(Some(text.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::ProfileConsistency;
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
        assert_eq!(config.profile, ProfileConsistency::Cached(Seconds::new(60)));
        assert_eq!(config.passwords.min_code_points, 8);
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
        assert_eq!(config.profile, ProfileConsistency::Strict);
    }
}
