//! Password hashing: Argon2id, one block buffer per isolate, every refusal at the same price.
//! Hashes of other systems verify too, and are replaced at the next login.
//!
//! A new hash is one of the password's normal form (NFKC), and its salt says so: see
//! [`PasswordForm`]. A hash without that mark is one of the text exactly as it was sent.

mod argon;
mod foreign;
mod judging;
mod memory;

use core::cell::Cell;
use core::fmt;
use std::rc::Rc;

use argon2::{Argon2, Params};

use super::password::{NewPassword, Normalise, PresentedPassword, normal_form};
use argon::{ArgonSetting, StoredArgon};
use foreign::Foreign;
pub use judging::{Effort, Judging, Verification};
pub use memory::HashMemory;

/// Length of a tag, in bytes (RFC 9106, section 4).
const TAG_BYTES: usize = 32;
/// Length of a salt, in bytes (RFC 9106, section 3.1).
pub const SALT_BYTES: usize = 16;
/// Memory that a new hash may be configured to take, in KiB: OWASP's smallest and largest
/// settings.
pub const MEMORY_KIB: core::ops::RangeInclusive<u32> = 7_168..=47_104;
/// Passes that a hash may take.
pub const ITERATIONS: core::ops::RangeInclusive<u32> = 1..=10;
/// The most work of one Argon2 hash, of ours or of another system: m = 64 MiB, t = 3, the
/// default of argon2-cffi and node-argon2. It cannot be interrupted, and takes 177 ms where
/// ours takes 35: requests that come meanwhile wait no longer than a quarter of a second.
const MOST_WORK: u64 = 65_536 * 3;
/// Memory times passes of [`HashCost::OWASP`] in a millisecond, where that takes 35 ms.
const WORK_A_MILLI: u64 = 1_110;
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

    /// Memory times passes: what the time goes by.
    const fn work(self) -> u64 {
        self.memory_kib as u64 * self.iterations as u64
    }

    /// Whether a hash of this cost does not keep the isolate from answering for too long.
    #[must_use]
    pub const fn is_bearable(self) -> bool {
        self.work() <= MOST_WORK
    }

    /// What one hash of this cost computes, in a single step.
    #[must_use]
    pub const fn effort(self) -> Effort {
        // Any accepted cost is far below.
        let work = if self.is_bearable() {
            self.work()
        } else {
            MOST_WORK
        };
        #[expect(clippy::cast_possible_truncation, reason = "MOST_WORK is an u32")]
        let millis = (work / WORK_A_MILLI) as u32;
        Effort {
            step_millis: millis,
            total_millis: millis,
        }
    }
}

/// A hash as the database keeps it: a PHC string or a format of another system, perhaps
/// damaged.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash(String);

/// Why a hash could not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashError {
    /// The isolate has no memory for the blocks.
    OutOfMemory,
    /// The algorithm refused its input; the bounds above make that impossible.
    Refused,
}

/// A secret that goes into hashes beside the salt, and is kept elsewhere than the hashes.
pub struct Pepper {
    /// Its name, 1 to 8 letters and digits; it stands in the hash.
    pub id: String,
    /// 16 to 64 bytes.
    pub secret: Vec<u8>,
}

/// The peppers of a deployment: all verify.
#[derive(Default)]
pub struct Peppers {
    /// The first goes into new hashes, unless a stage before it says otherwise.
    pub known: Vec<Pepper>,
    /// The peppers are known and not used yet: new hashes are made without. This is the stage in
    /// which every isolate learns a pepper before any hash needs it.
    pub new_hashes_have_none: bool,
}

/// Hashes and verifies passwords, in memory that is kept.
///
/// A fresh buffer would be zeroed for each hash, and wasm memory never shrinks: two logins
/// at once would keep twice the memory for good. Hashing does not yield, so one is enough.
pub struct PasswordHasher {
    cost: HashCost,
    peppers: Peppers,
    normalise: Normalise,
    memory: Rc<HashMemory>,
    computed: Cell<u64>,
}

impl PasswordHasher {
    /// A hasher that makes hashes of `cost`; the buffer is allocated by the first one.
    #[must_use]
    pub fn new(cost: HashCost) -> Self {
        Self {
            cost,
            peppers: Peppers::default(),
            normalise: str::to_owned,
            memory: Rc::default(),
            computed: Cell::new(0),
        }
    }

    /// With peppers.
    #[must_use]
    pub fn with_peppers(self, peppers: Peppers) -> Self {
        Self { peppers, ..self }
    }

    /// The hasher with Unicode's NFKC, which the platform brings. Without it a password counts
    /// as its own normal form.
    #[must_use]
    pub fn with_nfkc(self, normalise: Normalise) -> Self {
        Self { normalise, ..self }
    }

    /// With the buffer of another hasher, which may be in use until now: an isolate has memory
    /// for one.
    #[must_use]
    pub fn with_memory(self, memory: Rc<HashMemory>) -> Self {
        Self { memory, ..self }
    }

    /// What one hash of ours computes.
    #[must_use]
    pub const fn effort(&self) -> Effort {
        self.cost.effort()
    }

    /// How many Argon2 hashes this hasher has computed.
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

    /// Hashes a password that has just been verified, under today's setting and in its normal
    /// form: from then on every spelling of it verifies.
    ///
    /// # Errors
    ///
    /// As [`PasswordHasher::hash`].
    pub fn rehash(
        &self,
        password: &PresentedPassword,
        salt: [u8; SALT_BYTES],
    ) -> Result<StoredHash, HashError> {
        self.hash_text(&self.normal_form(password), salt)
    }

    /// Begins to compare a password with a stored hash, or with none; nothing is computed yet.
    #[must_use]
    pub fn judge<'a>(
        &'a self,
        password: &'a PresentedPassword,
        stored: Option<&StoredHash>,
    ) -> Judging<'a> {
        Judging::begin(self, password, stored)
    }

    fn hash_text(&self, text: &str, salt: [u8; SALT_BYTES]) -> Result<StoredHash, HashError> {
        let setting = self.own_setting();
        let secret = self.own_pepper().map_or(&[][..], |pepper| &pepper.secret);
        let salt = setting.form.salt(&salt);
        let tag = self.tag(
            text,
            &salt,
            Recipe {
                setting: &setting,
                pepper: secret,
            },
        )?;
        Ok(StoredHash(setting.write(&salt, &tag)))
    }

    /// The pepper of new hashes.
    fn own_pepper(&self) -> Option<&Pepper> {
        let first = self.peppers.known.first();
        first.filter(|_| !self.peppers.new_hashes_have_none)
    }

    fn normal_form(&self, password: &PresentedPassword) -> String {
        normal_form(password.expose().to_owned(), self.normalise)
    }

    fn own_setting(&self) -> ArgonSetting {
        let pepper = self.own_pepper().map(|pepper| pepper.id.clone());
        ArgonSetting::own(self.cost, pepper)
    }

    /// The secret of this name, none for no name; `None` when there is no such pepper.
    fn pepper(&self, id: Option<&str>) -> Option<&[u8]> {
        let Some(id) = id else {
            return Some(&[]);
        };
        self.peppers
            .known
            .iter()
            .find(|pepper| pepper.id == id)
            .map(|pepper| pepper.secret.as_slice())
    }

    fn tag(&self, text: &str, salt: &[u8], recipe: Recipe<'_>) -> Result<Vec<u8>, HashError> {
        let Recipe { setting, pepper } = recipe;
        let HashCost {
            memory_kib,
            iterations,
        } = setting.cost;
        let params = Params::new(
            memory_kib,
            iterations,
            setting.lanes,
            Some(setting.tag_bytes),
        )
        .map_err(|_| HashError::Refused)?;
        let wanted = u32::try_from(params.block_count()).map_err(|_| HashError::Refused)?;
        let mut blocks = self.memory.blocks(wanted)?;
        let mut tag = vec![0; setting.tag_bytes];
        Argon2::new_with_secret(pepper, setting.algorithm, setting.version, params)
            .and_then(|argon2| {
                argon2.hash_password_into_with_memory(
                    text.as_bytes(),
                    salt,
                    &mut tag,
                    blocks.as_mut_slice(),
                )
            })
            .map_err(|_| HashError::Refused)?;
        self.computed.set(self.computed.get().wrapping_add(1));
        Ok(tag)
    }
}

/// What a tag of Argon2 is computed with, beside the password and the salt.
#[derive(Clone, Copy)]
struct Recipe<'a> {
    setting: &'a ArgonSetting,
    /// Empty for none.
    pepper: &'a [u8],
}

impl StoredHash {
    /// Wraps what the database holds; it is read when a password is verified.
    #[must_use]
    pub const fn from_database(phc: String) -> Self {
        Self(phc)
    }

    /// Whether it is in a form that is known and within the bounds: what an import may bring.
    /// (One that was made with a pepper needs that pepper as well.)
    #[must_use]
    pub fn can_be_verified(&self) -> bool {
        StoredArgon::read(&self.0).is_some() || Foreign::read(&self.0).is_some()
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

#[cfg(test)]
mod tests;
