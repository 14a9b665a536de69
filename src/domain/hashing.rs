//! Password hashing: Argon2id, one block buffer per isolate, every refusal at the same price.

use core::cell::{Cell, RefCell};
use core::fmt;

use argon2::password_hash::phc::{PasswordHash as PhcString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;

use super::password::{NewPassword, PresentedPassword};

/// Length of a tag, in bytes (RFC 9106, section 4).
const TAG_BYTES: usize = 32;
/// Length of a salt, in bytes (RFC 9106, section 3.1).
pub const SALT_BYTES: usize = 16;
/// Memory that a stored hash may ask for, in KiB: OWASP's smallest and largest settings.
pub const MEMORY_KIB: core::ops::RangeInclusive<u32> = 7_168..=47_104;
/// Passes that a stored hash may ask for.
pub const ITERATIONS: core::ops::RangeInclusive<u32> = 1..=10;
/// What an unknown user's password is hashed with. A constant, because the hash must cost
/// the same and its result is thrown away.
const DUMMY_SALT: [u8; SALT_BYTES] = *b"latchkey-dummy-1";

/// The cost of a hash: memory and passes; the parallelism is always 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Number of passes.
    pub iterations: u32,
}

impl HashCost {
    /// OWASP Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1.
    pub const OWASP: Self = Self {
        memory_kib: 19_456,
        iterations: 2,
    };
}

/// A hash as the database keeps it: a PHC string, perhaps damaged.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash(String);

/// The outcome of a verification. Each variant has cost exactly one hash.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The password is the user's.
    Match {
        /// The stored hash has another cost than today's and should be replaced.
        rehash: bool,
    },
    /// It is not, or there is no such user.
    Mismatch,
    /// The stored hash cannot be read, or asks for more than it may: an operator's matter.
    Damaged,
}

/// Why a hash could not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashError {
    /// The isolate has no memory for the blocks.
    OutOfMemory,
    /// The algorithm refused its input; the bounds above make that impossible.
    Refused,
}

/// Hashes and verifies passwords, with one block buffer that is kept.
///
/// A fresh buffer would be zeroed for each hash, and wasm memory never shrinks: two logins
/// at once would keep twice the memory for good. Hashing does not yield, so one is enough.
pub struct PasswordHasher {
    cost: HashCost,
    blocks: RefCell<Vec<Block>>,
    computed: Cell<u64>,
}

impl PasswordHasher {
    /// A hasher that makes hashes of `cost`; the buffer is allocated by the first one.
    #[must_use]
    pub const fn new(cost: HashCost) -> Self {
        Self {
            cost,
            blocks: RefCell::new(Vec::new()),
            computed: Cell::new(0),
        }
    }

    /// How many hashes this hasher has computed.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.get()
    }

    /// Hashes a new password under sixteen fresh random bytes.
    ///
    /// # Errors
    ///
    /// [`HashError`] when the memory is not to be had.
    pub fn hash(
        &self,
        password: &NewPassword,
        salt: [u8; SALT_BYTES],
    ) -> Result<StoredHash, HashError> {
        self.hash_text(password.expose(), salt)
    }

    /// Hashes a password that has just been verified, under today's cost.
    ///
    /// # Errors
    ///
    /// As [`PasswordHasher::hash`].
    pub fn rehash(
        &self,
        password: &PresentedPassword,
        salt: [u8; SALT_BYTES],
    ) -> Result<StoredHash, HashError> {
        self.hash_text(password.expose(), salt)
    }

    /// Compares a password with a stored hash, or with none.
    ///
    /// Whether the user exists, whether the hash can be read, whether the password is right:
    /// one hash is computed in each case, so that the time tells nothing. (A hash of another
    /// cost than today's takes its own time, until the first login has replaced it.)
    ///
    /// # Errors
    ///
    /// As [`PasswordHasher::hash`].
    pub fn verify(
        &self,
        password: &PresentedPassword,
        stored: Option<&StoredHash>,
    ) -> Result<Verification, HashError> {
        let Some(stored) = stored else {
            return self.waste(password, Verification::Mismatch);
        };
        let Some(parsed) = ParsedHash::read(stored) else {
            return self.waste(password, Verification::Damaged);
        };
        let tag = self.tag(password.expose(), parsed.salt.as_ref(), parsed.cost)?;
        if bool::from(tag.ct_eq(&parsed.tag)) {
            let rehash = parsed.cost != self.cost;
            Ok(Verification::Match { rehash })
        } else {
            Ok(Verification::Mismatch)
        }
    }

    /// Computes a hash for its cost alone.
    fn waste(
        &self,
        password: &PresentedPassword,
        verdict: Verification,
    ) -> Result<Verification, HashError> {
        self.tag(password.expose(), &DUMMY_SALT, self.cost)?;
        Ok(verdict)
    }

    fn hash_text(&self, text: &str, salt: [u8; SALT_BYTES]) -> Result<StoredHash, HashError> {
        use base64ct::{Base64Unpadded, Encoding};
        let tag = self.tag(text, &salt, self.cost)?;
        let HashCost {
            memory_kib,
            iterations,
        } = self.cost;
        let salt = Base64Unpadded::encode_string(&salt);
        let tag = Base64Unpadded::encode_string(&tag);
        Ok(StoredHash(format!(
            "$argon2id$v=19$m={memory_kib},t={iterations},p=1${salt}${tag}"
        )))
    }

    fn tag(&self, text: &str, salt: &[u8], cost: HashCost) -> Result<[u8; TAG_BYTES], HashError> {
        let params = Params::new(cost.memory_kib, cost.iterations, 1, Some(TAG_BYTES))
            .map_err(|_| HashError::Refused)?;
        let mut blocks = self.blocks.borrow_mut();
        let wanted = params.block_count();
        if blocks.len() < wanted {
            // Freed before the larger one is asked for: a resize would hold both.
            *blocks = Vec::new();
            blocks
                .try_reserve_exact(wanted)
                .map_err(|_| HashError::OutOfMemory)?;
            blocks.resize(wanted, Block::new());
        }
        let mut tag = [0; TAG_BYTES];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(text.as_bytes(), salt, &mut tag, blocks.as_mut_slice())
            .map_err(|_| HashError::Refused)?;
        self.computed.set(self.computed.get().wrapping_add(1));
        Ok(tag)
    }
}

impl StoredHash {
    /// Wraps what the database holds; it is read when a password is verified.
    #[must_use]
    pub const fn from_database(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string, for the database alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredHash(…)")
    }
}

/// A stored hash whose parameters are within bounds.
struct ParsedHash {
    cost: HashCost,
    salt: Salt,
    tag: [u8; TAG_BYTES],
}

impl ParsedHash {
    /// `None` when the string is damaged or asks for more than it may: a row of a hostile or
    /// broken import must not make the isolate allocate a gigabyte.
    fn read(stored: &StoredHash) -> Option<Self> {
        let phc = PhcString::new(&stored.0).ok()?;
        let cost = HashCost {
            memory_kib: phc.params.get_decimal("m")?,
            iterations: phc.params.get_decimal("t")?,
        };
        let acceptable = phc.algorithm.as_str() == "argon2id"
            && phc.version == Some(Version::V0x13.into())
            && phc.params.iter().count() == 3
            && MEMORY_KIB.contains(&cost.memory_kib)
            && ITERATIONS.contains(&cost.iterations)
            && phc.params.get_decimal("p") == Some(1);
        let salt = phc.salt.filter(|salt| salt.len() >= argon2::MIN_SALT_LEN)?;
        let tag = <[u8; TAG_BYTES]>::try_from(phc.hash?.as_bytes()).ok()?;
        acceptable.then_some(Self { cost, salt, tag })
    }
}

#[cfg(test)]
mod tests {
    use super::{HashCost, PasswordHasher, StoredHash, Verification};
    use crate::domain::password::{NewPassword, PasswordPolicy, PresentedPassword};

    const CHEAP: HashCost = HashCost {
        memory_kib: 7_168,
        iterations: 1,
    };

    fn chosen(text: &str) -> NewPassword {
        PasswordPolicy { min_code_points: 8 }
            .judge(text.to_owned(), None)
            .unwrap()
    }

    fn presented(text: &str) -> PresentedPassword {
        PresentedPassword::parse(text.to_owned()).unwrap()
    }

    fn stored(phc: &str) -> StoredHash {
        StoredHash::from_database(phc.to_owned())
    }

    #[test]
    fn a_hash_is_a_phc_string_that_verifies() {
        let hasher = PasswordHasher::new(CHEAP);
        let hash = hasher.hash(&chosen("correct horse"), [3; 16]).unwrap();
        assert!(
            hash.expose()
                .starts_with("$argon2id$v=19$m=7168,t=1,p=1$AwMDAwMDAwMDAwMDAwMDAw$")
        );
        assert_eq!(
            hasher.verify(&presented("correct horse"), Some(&hash)),
            Ok(Verification::Match { rehash: false })
        );
        for wrong in ["Correct horse", "correct horse ", "correct hors"] {
            assert_eq!(
                hasher.verify(&presented(wrong), Some(&hash)),
                Ok(Verification::Mismatch)
            );
        }
    }

    /// Made by the reference implementation in C (through argon2-cffi):
    /// `hash_secret(b"correct horse", b"somesalt-16bytes", 2, 19456, 1, 32, Type.ID)`.
    #[test]
    fn a_hash_of_the_reference_implementation_verifies() {
        let hash = stored(
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$HveDy76J/MJyABcZvTNHOL+y2wiKX6cpBrY///MZR7E",
        );
        assert_eq!(
            PasswordHasher::new(HashCost::OWASP).verify(&presented("correct horse"), Some(&hash)),
            Ok(Verification::Match { rehash: false })
        );
    }

    #[test]
    fn the_parameters_of_the_stored_hash_are_used_and_reported() {
        let hasher = PasswordHasher::new(CHEAP);
        let hash = PasswordHasher::new(HashCost::OWASP)
            .hash(&chosen("correct horse"), [3; 16])
            .unwrap();
        assert_eq!(
            hasher.verify(&presented("correct horse"), Some(&hash)),
            Ok(Verification::Match { rehash: true })
        );
    }

    #[test]
    fn every_refusal_costs_exactly_one_hash() {
        let hasher = PasswordHasher::new(CHEAP);
        let hash = hasher.hash(&chosen("correct horse"), [3; 16]).unwrap();
        let before = hasher.computed();
        let wrong = presented("wrong horse");
        let causes = [
            hasher.verify(&wrong, Some(&hash)),
            hasher.verify(&wrong, None),
            hasher.verify(&wrong, Some(&stored("damaged"))),
        ];
        assert_eq!(hasher.computed(), before + 3);
        assert_eq!(
            causes,
            [
                Ok(Verification::Mismatch),
                Ok(Verification::Mismatch),
                Ok(Verification::Damaged)
            ]
        );
    }

    #[test]
    fn stored_parameters_are_bounded_before_they_are_obeyed() {
        let hasher = PasswordHasher::new(CHEAP);
        let tail = "$AwMDAwMDAwMDAwMDAwMDAw$AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM";
        for head in [
            "$argon2id$v=19$m=1048576,t=2,p=1",
            "$argon2id$v=19$m=47105,t=1,p=1",
            "$argon2id$v=19$m=7167,t=5,p=1",
            "$argon2id$v=19$m=19456,t=11,p=1",
            "$argon2id$v=19$m=19456,t=0,p=1",
            "$argon2id$v=19$m=19456,t=2,p=4",
            "$argon2id$v=19$m=19456,t=2",
            "$argon2id$v=16$m=19456,t=2,p=1",
            "$argon2id$m=19456,t=2,p=1",
            "$argon2i$v=19$m=19456,t=2,p=1",
            "$argon2id$v=19$m=19456,t=2,p=1,data=AAAA",
            "$argon2id$v=19$m=4294967296,t=2,p=1",
        ] {
            assert_eq!(
                hasher.verify(&presented("x"), Some(&stored(&format!("{head}{tail}")))),
                Ok(Verification::Damaged),
                "{head}"
            );
        }
        assert!(hasher.blocks.borrow().len() <= 7_168);
    }

    #[test]
    fn a_stored_hash_is_redacted_in_debug_output() {
        assert_eq!(format!("{:?}", stored("secret")), "StoredHash(…)");
    }
}
