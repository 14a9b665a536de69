//! The settings: every number in one place, with its unit, default, bounds and source.
//! docs/settings.md lists the names and bounds.
//!
//! Reading reports all problems at once, by name. It never reports a value, because some are
//! secrets.

mod browsers;
mod cookies;
mod mail;
mod passwords;
pub(super) mod reader;
mod sessions;

use super::front_end::FrontEndKeys;
use super::origin::is_origin;
use crate::domain::credential::hashing::{HashCost, Peppers};
use crate::domain::credential::mailed_login::LoginMeans;
use crate::domain::credential::password::PasswordPolicy;
use crate::domain::identity::user::RoleSlug;
use crate::domain::session::SessionPolicy;
use crate::domain::session::keys::KeyRing;
use crate::domain::session::token::Issuance;
use crate::domain::time::Seconds;
pub use browsers::{HomePage, Hsts};
pub use cookies::CookieSettings;
pub use mail::{MailSettings, ProviderKey, Transport};
use reader::Reader;

/// 24 hours.
const SECONDS_A_DAY: u32 = 86_400;

/// Where a profile may be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileConsistency {
    /// From a copy.
    Cached(CacheBounds),
    /// From the database, for each request.
    Strict,
}

/// Whether new passwords are looked up among breached ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreachCheck {
    /// No request leaves the service.
    Off,
    /// A third-party service is asked, which receives five digits of a hash.
    On,
}

/// Whether users prove their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailVerification {
    /// A registration sends no mail.
    Off,
    /// A registration mails a link; nothing depends on it.
    Optional,
    /// No session begins before the address is proven, and a registration does not reveal whether
    /// the address is taken.
    Required,
}

/// How long copies of profiles are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheBounds {
    /// Any copy: from its read of the database.
    pub from_read: Seconds,
    /// A copy in an isolate's memory: from its arrival there. Zero disables it.
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
    /// `HOME_PAGE`.
    pub home_page: HomePage,
    /// `TRUSTED_FRONT_END_KEY`.
    pub front_ends: FrontEndKeys,
    /// `UPSTREAMS`: the services behind proxies for which identity tokens are issued.
    pub upstreams: Vec<String>,
    /// `AUDIT_RETENTION_DAYS`.
    pub audit_retention: Seconds,
    /// `REGISTRATIONS_PER_HOUR`.
    pub registrations_an_hour: u32,
    /// `MAIL`, `MAIL_FROM`, `MAIL_REPLY_TO`, `MAIL_PROVIDER_URL`, `MAIL_PROVIDER_KEY`,
    /// `MAIL_WEBHOOK_URL`, `PRODUCT_NAME`, `BRAND_COLOUR`, `PAGES_URL`.
    pub mail: MailSettings,
    /// `VERIFICATION`.
    pub verification: EmailVerification,
    /// `MAIL_LOGIN`: how users may log in by mail, without a password.
    pub mail_login: Option<LoginMeans>,
    /// Settings that are valid but have no effect: `NAME: what`, for the log.
    pub warnings: Vec<String>,
}

/// Everything that is wrong with the settings: `NAME: what`, without values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misconfiguration {
    /// One entry for each setting that is missing or out of bounds.
    pub problems: Vec<String>,
}

/// The parsed settings.
pub(super) struct Settings {
    pub(super) config: Config,
    pub(super) keys: KeyRing,
    pub(super) cost: HashCost,
    pub(super) peppers: Peppers,
}

/// Reads all settings. `None` only if the reader has a problem.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Settings> {
    let issuer = reader.required(
        "ISSUER",
        "must be an origin such as https://auth.example.org",
        |text| is_origin(text).then(|| text.to_owned()),
    );
    let audience = read_audience(reader, issuer.as_deref());
    let keys = sessions::read_keys(reader);
    let lifetimes = sessions::read_lifetimes(reader);
    let profile = sessions::read_profile_consistency(reader);
    let passwords = passwords::read(reader);
    let default_role = reader.or_default(
        "DEFAULT_ROLE",
        "application-access",
        "must be lower-case letters, digits and hyphens",
        RoleSlug::parse,
    );
    let browsers = browsers::read(reader);
    let home_page = browsers::read_home_page(reader, issuer.as_deref());
    let cookies = cookies::read(reader, issuer.as_deref());
    let upstreams = browsers::read_upstreams(reader, [issuer.as_deref(), audience.as_deref()]);
    let mail = mail::read(reader, issuer.as_deref());
    let verification = mail::read_verification(reader, mail.as_ref());
    let mail_login = mail::read_login(reader, mail.as_ref());
    let audit_days = reader.number("AUDIT_RETENTION_DAYS", 90, 1..=3_650);
    // At half a kilobyte a user, the default fills the 10 GB of a database in eleven weeks.
    let registrations_an_hour = reader.number("REGISTRATIONS_PER_HOUR", 10_000, 1..=1_000_000);
    let (issuer, browsers) = (issuer?, browsers?);
    let config = Config {
        warnings: browsers::useless_origins(&issuer, &browsers.origins),
        issuance: Issuance {
            issuer,
            audience: audience?,
            access_lifetime: lifetimes.access,
            refresh_lifetime: lifetimes.sessions.idle,
        },
        sessions: lifetimes.sessions,
        passwords: PasswordPolicy::new(passwords.min_code_points),
        breach_check: passwords.breach_check,
        profile,
        default_role: default_role?,
        allowed_origins: browsers.origins,
        cookies,
        hsts: browsers.hsts,
        home_page: home_page?,
        front_ends: browsers.front_ends,
        upstreams: upstreams?,
        audit_retention: Seconds::new(audit_days * SECONDS_A_DAY),
        registrations_an_hour,
        mail: mail?,
        verification,
        mail_login,
    };
    Some(Settings {
        config,
        keys: keys?,
        cost: passwords.cost,
        peppers: passwords.peppers?,
    })
}

fn read_audience(reader: &mut Reader<'_>, issuer: Option<&str>) -> Option<String> {
    let audience = reader.required(
        "AUDIENCE",
        "must have 1 to 200 visible ASCII characters",
        |text| {
            ((1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()))
                .then(|| text.to_owned())
        },
    );
    if issuer.is_some() && issuer == audience.as_deref() {
        // The audience of a refresh token is the issuer, so it must not be that of an access token.
        reader.problem("AUDIENCE", "must differ from ISSUER");
    }
    audience
}

#[cfg(test)]
pub(crate) mod tests;
