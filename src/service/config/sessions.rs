//! The settings of tokens, sessions and copies of profiles.

use super::reader::Reader;
use super::{CacheBounds, ProfileConsistency};
use crate::domain::session::SessionPolicy;
use crate::domain::session::keys::KeyRing;
use crate::domain::time::Seconds;

/// How long tokens and sessions last.
pub(super) struct Lifetimes {
    pub(super) access: Seconds,
    pub(super) sessions: SessionPolicy,
}

pub(super) fn read_keys(reader: &mut Reader<'_>) -> Option<KeyRing> {
    match reader
        .text("JWT_KEYS")
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

pub(super) fn read_lifetimes(reader: &mut Reader<'_>) -> Lifetimes {
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
    Lifetimes {
        access: Seconds::new(access),
        sessions,
    }
}

pub(super) fn read_profile_consistency(reader: &mut Reader<'_>) -> ProfileConsistency {
    let from_read = reader.number("USER_CACHE_TTL_SECONDS", 60, 1..=300);
    let in_isolate = reader.number("ISOLATE_CACHE_TTL_SECONDS", 5, 0..=60);
    match reader.text("PROFILE_CONSISTENCY").as_deref() {
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
