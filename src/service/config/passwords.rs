//! The settings of passwords and their hashes.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::BreachCheck;
use super::reader::{Reader, list};
use crate::domain::credential::hashing::{HashCost, ITERATIONS, MEMORY_KIB, Pepper, Peppers};

/// Memory times passes of the weakest setting that OWASP's Password Storage Cheat Sheet recommends
/// for Argon2id (m = 7,168 KiB, t = 5).
const LEAST_HASH_WORK: u32 = 7_168 * 5;

/// The settings of passwords and their hashes.
pub(super) struct PasswordSettings {
    /// `PASSWORD_MIN_LENGTH`.
    pub(super) min_code_points: usize,
    /// `BREACH_CHECK`.
    pub(super) breach_check: BreachCheck,
    /// `ARGON2_MEMORY_KIB`, `ARGON2_ITERATIONS`.
    pub(super) cost: HashCost,
    /// `PASSWORD_PEPPERS`. `None` when there is a problem.
    pub(super) peppers: Option<Peppers>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> PasswordSettings {
    PasswordSettings {
        min_code_points: reader.number("PASSWORD_MIN_LENGTH", 8, 8..=64) as usize,
        breach_check: read_breach_check(reader),
        cost: read_hash_cost(reader),
        peppers: reader.or_default(
            "PASSWORD_PEPPERS",
            "",
            "must be id:base64url, of 16 to 64 bytes each, separated by commas, with none in front \
             while they are not used yet",
            read_peppers,
        ),
    }
}

fn read_breach_check(reader: &mut Reader<'_>) -> BreachCheck {
    match reader.text("BREACH_CHECK").as_deref() {
        None | Some("off") => BreachCheck::Off,
        Some("on") => BreachCheck::On,
        Some(_) => {
            reader.problem("BREACH_CHECK", "must be off or on");
            BreachCheck::Off
        }
    }
}

fn read_hash_cost(reader: &mut Reader<'_>) -> HashCost {
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

/// Parses `id:secret,id:secret`: ids of 1 to 8 letters and digits, secrets in base64url. A leading
/// `none` means that new hashes use no pepper.
fn read_peppers(text: &str) -> Option<Peppers> {
    let mut entries = list(text).peekable();
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
