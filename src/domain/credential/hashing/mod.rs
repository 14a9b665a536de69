//! Password hashing: Argon2id, one buffer per isolate, every refusal at the same cost. Hashes of
//! other systems verify too, and are replaced at the next login.
//!
//! A new hash is computed from the password's normal form (NFKC), and its salt records that: see
//! `argon::PasswordForm`. A hash without that mark is computed from the text exactly as it was
//! sent.

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
/// The memory that a new hash may be configured to use, in KiB: OWASP's smallest and largest
/// settings.
pub const MEMORY_KIB: core::ops::RangeInclusive<u32> = 7_168..=47_104;
/// The passes that a hash may use.
pub const ITERATIONS: core::ops::RangeInclusive<u32> = 1..=10;
/// The most work of one Argon2 hash, own or foreign: m = 64 MiB, t = 3, the default of argon2-cffi
/// and node-argon2. It cannot be interrupted, and takes 177 ms on a machine on which an own hash
/// takes 35 ms, so other requests wait for at most a quarter of a second.
const MOST_WORK: u64 = 65_536 * 3;
/// Work per millisecond (memory times passes), on a machine on which a hash of [`HashCost::OWASP`]
/// takes 35 ms.
const WORK_A_MILLI: u64 = 1_110;
/// The salt for the password of an unknown user. Constant, because only the cost of the hash
/// matters and the result is discarded.
const DUMMY_SALT: [u8; SALT_BYTES] = *b"latchkey-dummy-1";

/// The cost of a hash: memory and passes. The parallelism is always 1.
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

    /// Returns memory times passes, to which the time is proportional.
    const fn work(self) -> u64 {
        self.memory_kib as u64 * self.iterations as u64
    }

    /// Returns whether a hash of this cost blocks the isolate for no longer than is acceptable.
    #[must_use]
    pub const fn is_bearable(self) -> bool {
        self.work() <= MOST_WORK
    }

    /// Returns the work of one hash of this cost, which is a single step.
    #[must_use]
    pub const fn effort(self) -> Effort {
        // Every accepted cost is below the bound.
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

/// A hash as the database stores it: a PHC string or a format of another system, possibly damaged.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash(String);

/// Why a hash could not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashError {
    /// The isolate cannot allocate the buffer.
    OutOfMemory,
    /// The algorithm rejected its input. The bounds above make that impossible.
    Refused,
}

/// A secret that goes into hashes beside the salt, and is stored apart from them.
pub struct Pepper {
    /// Its name, 1 to 8 letters and digits. Hashes contain it.
    pub id: String,
    /// Its value, 16 to 64 bytes.
    pub secret: Vec<u8>,
}

/// The peppers of a deployment. All of them verify.
#[derive(Default)]
pub struct Peppers {
    /// The known peppers. The first one goes into new hashes, unless `new_hashes_have_none`.
    pub known: Vec<Pepper>,
    /// Whether new hashes use no pepper. In this stage of a roll-out every isolate learns a pepper
    /// before any hash requires it.
    pub new_hashes_have_none: bool,
}

/// Hashes and verifies passwords, in a buffer that is kept.
///
/// A new buffer would be zeroed for each hash. Wasm memory never shrinks, so two logins at once
/// would keep twice the memory for good. Hashing does not yield, so one buffer suffices.
pub struct PasswordHasher {
    cost: HashCost,
    peppers: Peppers,
    normalise: Normalise,
    memory: Rc<HashMemory>,
    computed: Cell<u64>,
}

impl PasswordHasher {
    /// Creates a hasher whose hashes have `cost`. The first hash allocates the buffer.
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

    /// Sets the peppers.
    #[must_use]
    pub fn with_peppers(self, peppers: Peppers) -> Self {
        Self { peppers, ..self }
    }

    /// Sets the implementation of Unicode's NFKC, which the platform provides. Without it, every
    /// password is its own normal form.
    #[must_use]
    pub fn with_nfkc(self, normalise: Normalise) -> Self {
        Self { normalise, ..self }
    }

    /// Takes over the buffer of another hasher, which may still be in use: an isolate has memory
    /// for only one.
    #[must_use]
    pub fn with_memory(self, memory: Rc<HashMemory>) -> Self {
        Self { memory, ..self }
    }

    /// Returns the work of one own hash.
    #[must_use]
    pub const fn effort(&self) -> Effort {
        self.cost.effort()
    }

    /// Returns how many Argon2 hashes this hasher has computed.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.get()
    }

    /// Hashes a new password with sixteen fresh random bytes.
    ///
    /// # Errors
    ///
    /// Returns [`HashError`] when the isolate has too little memory.
    pub fn hash(
        &self,
        password: &NewPassword,
        salt: [u8; SALT_BYTES],
    ) -> Result<StoredHash, HashError> {
        self.hash_text(password.expose(), salt)
    }

    /// Hashes a password that has just been verified, with today's setting and in its normal form.
    /// Every spelling of it verifies from then on.
    ///
    /// # Errors
    ///
    /// Returns [`HashError`] when the isolate has too little memory.
    pub fn rehash(
        &self,
        password: &PresentedPassword,
        salt: [u8; SALT_BYTES],
    ) -> Result<StoredHash, HashError> {
        self.hash_text(&self.normal_form(password), salt)
    }

    /// Begins to compare a password with a stored hash, if there is one. Computes nothing yet.
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

    /// Returns the pepper of new hashes.
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

    /// Returns the secret with this name, or an empty one for `None`. `None` when no such pepper is
    /// known.
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

/// The inputs of an Argon2 tag, beside the password and the salt.
#[derive(Clone, Copy)]
struct Recipe<'a> {
    setting: &'a ArgonSetting,
    /// Empty for a hash without a pepper.
    pepper: &'a [u8],
}

impl StoredHash {
    /// Wraps a hash from the database. It is parsed when a password is verified.
    #[must_use]
    pub const fn from_database(phc: String) -> Self {
        Self(phc)
    }

    /// Returns whether the hash has a known format and is within bounds, so that an import may
    /// contain it. A hash with a pepper also requires that pepper.
    #[must_use]
    pub fn can_be_verified(&self) -> bool {
        StoredArgon::read(&self.0).is_some() || Foreign::read(&self.0).is_some()
    }

    /// Returns the name of the pepper that the hash needs, `None` when it needs none or is not
    /// readable.
    #[must_use]
    pub fn pepper(&self) -> Option<String> {
        StoredArgon::read(&self.0)?.setting.pepper
    }

    /// Returns the stored text, for the database only.
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
