//! Argon2 hashes as PHC strings: own ones, and those of other systems.

use argon2::password_hash::phc::{PasswordHash as PhcString, Salt};
use argon2::{Algorithm, Version};
use base64ct::{Base64Unpadded, Encoding};

use super::{HashCost, TAG_BYTES};

/// The memory that a stored hash may require, in KiB. The minimum is about half of OWASP's smallest
/// setting.
const MEMORY_KIB: core::ops::RangeInclusive<u32> = 4_096..=super::memory::MOST_KIB;
/// The lanes that a stored hash may have. They are computed one after the other.
const LANES: core::ops::RangeInclusive<u32> = 1..=4;
/// The lengths of a tag that are accepted, in bytes.
const TAG_LENGTHS: core::ops::RangeInclusive<usize> = 16..=64;

/// The first six bytes of the salt of a hash of the normal form, which base64 writes as `nfkc/v1/`.
/// A random salt begins with them with a probability of 2^-48.
const NFKC_LABEL: [u8; 6] = [0x9d, 0xf9, 0x1c, 0xfe, 0xfd, 0x7f];

/// Which spelling of a password was hashed.
///
/// Only the salt of the PHC string records it: every program that verifies Argon2 can use the hash,
/// and the mark cannot be changed without changing the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PasswordForm {
    /// The text exactly as it was sent, as other systems hash it.
    AsSent,
    /// Unicode's NFKC of the text.
    Nfkc,
}

impl PasswordForm {
    fn of(salt: &[u8]) -> Self {
        if salt.starts_with(&NFKC_LABEL) {
            Self::Nfkc
        } else {
            Self::AsSent
        }
    }

    /// Returns the salt of a new hash in this form.
    pub(super) fn salt(self, random: &[u8]) -> Vec<u8> {
        match self {
            Self::AsSent => random.to_vec(),
            Self::Nfkc => [&NFKC_LABEL, random].concat(),
        }
    }
}

/// How a tag was computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArgonSetting {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) cost: HashCost,
    pub(super) lanes: u32,
    /// The name of the pepper that was used.
    pub(super) pepper: Option<String>,
    pub(super) tag_bytes: usize,
    pub(super) form: PasswordForm,
}

impl ArgonSetting {
    /// Returns the setting of new hashes.
    pub(super) fn own(cost: HashCost, pepper: Option<String>) -> Self {
        Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            cost,
            lanes: 1,
            pepper,
            tag_bytes: TAG_BYTES,
            form: PasswordForm::Nfkc,
        }
    }

    /// Returns the PHC string of a tag with this setting. `keyid` is the parameter that the Argon2
    /// paper defines for the name of a secret.
    pub(super) fn write(&self, salt: &[u8], tag: &[u8]) -> String {
        let HashCost {
            memory_kib,
            iterations,
        } = self.cost;
        let encode = Base64Unpadded::encode_string;
        let pepper = self.pepper.as_ref().map_or_else(String::new, |id| {
            format!(",keyid={}", encode(id.as_bytes()))
        });
        format!(
            "${}$v={}$m={memory_kib},t={iterations},p={}{pepper}${}${}",
            self.algorithm,
            u32::from(self.version),
            self.lanes,
            encode(salt),
            encode(tag),
        )
    }
}

/// A stored Argon2 hash whose parameters are within bounds.
pub(super) struct StoredArgon {
    pub(super) setting: ArgonSetting,
    pub(super) salt: Salt,
    pub(super) tag: Vec<u8>,
}

impl StoredArgon {
    /// Parses a PHC string. `None` when it is damaged or exceeds a bound: a row of a hostile or
    /// broken import must not make the isolate allocate a gigabyte.
    pub(super) fn read(text: &str) -> Option<Self> {
        let phc = PhcString::new(text).ok()?;
        let algorithm = match phc.algorithm.as_str() {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            "argon2d" => Algorithm::Argon2d,
            _ => return None,
        };
        let version = match phc.version? {
            0x10 => Version::V0x10,
            0x13 => Version::V0x13,
            _ => return None,
        };
        let pepper = match phc.params.get_str("keyid") {
            Some(id) => {
                let id = Base64Unpadded::decode_vec(id).ok()?;
                Some(String::from_utf8(id).ok()?)
            }
            None => None,
        };
        let cost = HashCost {
            memory_kib: phc.params.get_decimal("m")?,
            iterations: phc.params.get_decimal("t")?,
        };
        let lanes = phc.params.get_decimal("p")?;
        let known = 3 + usize::from(pepper.is_some());
        let acceptable = phc.params.iter().count() == known
            && MEMORY_KIB.contains(&cost.memory_kib)
            && super::ITERATIONS.contains(&cost.iterations)
            && cost.is_bearable()
            && LANES.contains(&lanes);
        let salt = phc.salt.filter(|salt| salt.len() >= argon2::MIN_SALT_LEN)?;
        let tag = phc.hash?.as_bytes().to_vec();
        (acceptable && TAG_LENGTHS.contains(&tag.len())).then_some(Self {
            setting: ArgonSetting {
                algorithm,
                version,
                cost,
                lanes,
                pepper,
                tag_bytes: tag.len(),
                form: PasswordForm::of(salt.as_ref()),
            },
            salt,
            tag,
        })
    }
}
