//! The settings: every number in one place, with its unit, default, bounds and source.
//!
//! Reading reports every problem at once, by name, and never a value: one of them is a secret.

use core::ops::RangeInclusive;
use core::str::FromStr;

use super::Service;
use super::front_end::FrontEndKeys;
use super::hash_queue::HashQueue;
use super::origin::is_origin;
use super::recent::{AccountCopies, VerifiedTokens};
use super::refusals::Refusals;
use base64ct::{Base64UrlUnpadded, Encoding};

use crate::domain::credential::hashing::{
    HashCost, ITERATIONS, MEMORY_KIB, PasswordHasher, Pepper, Peppers,
};
use crate::domain::credential::password::PasswordPolicy;
use crate::domain::identity::user::RoleSlug;
use crate::domain::session::SessionPolicy;
use crate::domain::session::keys::KeyRing;
use crate::domain::session::token::{Issuance, Tokens};
use crate::domain::throttle::ThrottleKeys;
use crate::domain::time::Seconds;
pub use browsers::Hsts;
pub use cookies::CookieSettings;

mod browsers;
mod cookies;

/// Memory times passes of the weakest setting that OWASP's Password Storage Cheat Sheet
/// gives for Argon2id (m = 7,168 KiB, t = 5).
const LEAST_HASH_WORK: u32 = 7_168 * 5;
/// 24 hours.
const SECONDS_A_DAY: u32 = 86_400;

/// Where a profile may be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileConsistency {
    /// From a copy.
    Cached(CacheBounds),
    /// From the database, at each request.
    Strict,
}

/// Whether new passwords are looked up among those of breaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreachCheck {
    /// No: nothing leaves the service.
    Off,
    /// Yes, at a service of somebody else's, which is told five digits of a hash.
    On,
}

/// How long copies of profiles count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheBounds {
    /// Any copy: from its read of the database.
    pub from_read: Seconds,
    /// One in an isolate's memory: from when it came there. Zero: none is kept.
    pub in_isolate: Seconds,
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
    /// `BREACH_CHECK`.
    pub breach_check: BreachCheck,
    /// `PROFILE_CONSISTENCY`, `USER_CACHE_TTL_SECONDS`, `ISOLATE_CACHE_TTL_SECONDS`.
    pub profile: ProfileConsistency,
    /// `DEFAULT_ROLE`.
    pub default_role: RoleSlug,
    /// `ALLOWED_ORIGINS`.
    pub allowed_origins: Vec<String>,
    /// `COOKIE_DOMAIN`, `FORMER_COOKIE_DOMAINS`, `LOCAL_COOKIE_PREFIX`.
    pub cookies: CookieSettings,
    /// `HSTS`.
    pub hsts: Hsts,
    /// `TRUSTED_FRONT_END_KEY`.
    pub front_ends: FrontEndKeys,
    /// `AUDIT_RETENTION_DAYS`.
    pub audit_retention: Seconds,
    /// `REGISTRATIONS_PER_HOUR`.
    pub registrations_an_hour: u32,
    /// What is allowed and cannot work as it is meant: `NAME: what`, for the log.
    pub warnings: Vec<String>,
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
    let keys = read_keys(reader);
    let (access, sessions) = read_lifetimes(reader);
    let profile = read_profile_consistency(reader);
    let min_code_points = reader.number("PASSWORD_MIN_LENGTH", 8, 8..=64);
    let breach_check = read_breach_check(reader);
    let cost = read_hash_cost(reader);
    let peppers = reader.or_default(
        "PASSWORD_PEPPERS",
        "",
        "must be id:base64url, of 16 to 64 bytes each, separated by commas, with none in front while \
         they are not used yet",
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
        browsers::read_origins,
    );
    let cookies = cookies::read(reader, issuer.as_deref());
    let hsts = reader.or_default(
        "HSTS",
        "host",
        "must be off, host or subdomains",
        browsers::read_hsts,
    );
    let front_ends = reader.or_default(
        "TRUSTED_FRONT_END_KEY",
        "",
        "must have 32 to 256 visible ASCII characters; 4 keys at most, separated by commas",
        FrontEndKeys::parse,
    );
    let audit_days = reader.number("AUDIT_RETENTION_DAYS", 90, 1..=3_650);
    // At half a kilobyte a user, the default fills the 10 GB of a database in eleven weeks.
    let registrations_an_hour = reader.number("REGISTRATIONS_PER_HOUR", 10_000, 1..=1_000_000);
    let (issuer, allowed_origins) = (issuer?, allowed_origins?);
    let config = Config {
        warnings: browsers::useless_origins(&issuer, &allowed_origins),
        issuance: Issuance {
            issuer,
            audience: audience?,
            access_lifetime: access,
            refresh_lifetime: sessions.idle,
        },
        sessions,
        passwords: PasswordPolicy::new(min_code_points as usize),
        breach_check,
        profile,
        default_role: default_role?,
        allowed_origins,
        cookies,
        hsts: hsts?,
        front_ends: front_ends?,
        audit_retention: Seconds::new(audit_days * SECONDS_A_DAY),
        registrations_an_hour,
    };
    let keys = keys?;
    Some(Service {
        throttle: ThrottleKeys::new(keys.derive_secret("latchkey/throttle/v1")),
        tokens: Tokens::new(keys, config.issuance.clone()),
        hasher: PasswordHasher::new(cost).with_peppers(peppers?),
        hash_queue: HashQueue::for_hashes_of(cost.effort()),
        refusals: Refusals::default(),
        verified: VerifiedTokens::default(),
        copies: AccountCopies::default(),
        config,
    })
}

fn read_keys<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>) -> Option<KeyRing> {
    match (reader.lookup)("JWT_KEYS")
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
    }
}

fn read_hash_cost<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>) -> HashCost {
    let cost = HashCost {
        memory_kib: reader.number("ARGON2_MEMORY_KIB", HashCost::OWASP.memory_kib, MEMORY_KIB),
        iterations: reader.number("ARGON2_ITERATIONS", HashCost::OWASP.iterations, ITERATIONS),
    };
    if cost.memory_kib.saturating_mul(cost.iterations) < LEAST_HASH_WORK {
        reader.problem("ARGON2_ITERATIONS", "is too low for ARGON2_MEMORY_KIB");
    }
    if !cost.is_bearable() {
        reader.problem("ARGON2_ITERATIONS", "is too high for ARGON2_MEMORY_KIB");
    }
    cost
}

fn read_breach_check<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>) -> BreachCheck {
    match (reader.lookup)("BREACH_CHECK").as_deref() {
        None | Some("off") => BreachCheck::Off,
        Some("on") => BreachCheck::On,
        Some(_) => {
            reader.problem("BREACH_CHECK", "must be off or on");
            BreachCheck::Off
        }
    }
}

fn read_profile_consistency<L: Fn(&str) -> Option<String>>(
    reader: &mut Reader<L>,
) -> ProfileConsistency {
    let from_read = reader.number("USER_CACHE_TTL_SECONDS", 60, 1..=300);
    let in_isolate = reader.number("ISOLATE_CACHE_TTL_SECONDS", 5, 0..=60);
    match (reader.lookup)("PROFILE_CONSISTENCY").as_deref() {
        None | Some("cached") => ProfileConsistency::Cached(CacheBounds {
            from_read: Seconds::new(from_read),
            in_isolate: Seconds::new(in_isolate),
        }),
        Some("strict") => ProfileConsistency::Strict,
        Some(_) => {
            reader.problem("PROFILE_CONSISTENCY", "must be cached or strict");
            ProfileConsistency::Strict
        }
    }
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

/// `id:secret,id:secret`: ids of 1 to 8 letters and digits, secrets in base64url. In front of
/// them may stand `none`: then new hashes are made without.
fn read_peppers(text: &str) -> Option<Peppers> {
    let mut entries = cookies::list(text).peekable();
    let new_hashes_have_none = entries.next_if(|entry| *entry == "none").is_some();
    let mut peppers: Vec<Pepper> = Vec::new();
    for entry in entries {
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
    Some(Peppers {
        known: peppers,
        new_hashes_have_none,
    })
}

#[cfg(test)]
pub(crate) mod tests;
