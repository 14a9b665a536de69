//! Password hashing: Argon2id, one block buffer per isolate, every refusal at the same price.
//! Hashes of other systems verify too, and are replaced at the next login.
//!
//! A new hash is one of the password's normal form (NFKC), and its salt says so: see
//! [`PasswordForm`]. A hash without that mark is one of the text exactly as it was sent.

mod argon;
mod foreign;

use core::cell::{Cell, RefCell};
use core::fmt;

use argon2::{Argon2, Block, Params};
use subtle::ConstantTimeEq;

use super::password::{NewPassword, Normalise, PresentedPassword, normal_form};
use argon::{ArgonSetting, PasswordForm, StoredArgon};
use foreign::Foreign;

/// Length of a tag, in bytes (RFC 9106, section 4).
const TAG_BYTES: usize = 32;
/// Length of a salt, in bytes (RFC 9106, section 3.1).
pub const SALT_BYTES: usize = 16;
/// Memory that a new hash may be configured to take, in KiB: OWASP's smallest and largest
/// settings.
pub const MEMORY_KIB: core::ops::RangeInclusive<u32> = 7_168..=47_104;
/// Passes that a hash may take.
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

    /// Memory times passes: what the time goes by.
    const fn work(self) -> u64 {
        self.memory_kib as u64 * self.iterations as u64
    }
}

/// A hash as the database keeps it: a PHC string or a format of another system, perhaps
/// damaged.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash(String);

/// The outcome of a verification. Each variant has cost one hash at least.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The password is the user's.
    Match {
        /// The stored hash has another setting than today's and should be replaced.
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

/// A secret that goes into each hash beside the salt, and is kept elsewhere than the hashes.
pub struct Pepper {
    /// Its name, 1 to 8 letters and digits; it stands in the hash.
    pub id: String,
    /// 16 to 64 bytes.
    pub secret: Vec<u8>,
}

/// Hashes and verifies passwords, with one block buffer that is kept.
///
/// A fresh buffer would be zeroed for each hash, and wasm memory never shrinks: two logins
/// at once would keep twice the memory for good. Hashing does not yield, so one is enough.
pub struct PasswordHasher {
    cost: HashCost,
    peppers: Vec<Pepper>,
    normalise: Normalise,
    blocks: RefCell<Vec<Block>>,
    computed: Cell<u64>,
}

impl PasswordHasher {
    /// A hasher that makes hashes of `cost`; the buffer is allocated by the first one.
    #[must_use]
    pub fn new(cost: HashCost) -> Self {
        Self {
            cost,
            peppers: Vec::new(),
            normalise: str::to_owned,
            blocks: RefCell::new(Vec::new()),
            computed: Cell::new(0),
        }
    }

    /// With peppers: the first goes into new hashes, all verify.
    #[must_use]
    pub fn with_peppers(self, peppers: Vec<Pepper>) -> Self {
        Self { peppers, ..self }
    }

    /// The hasher with Unicode's NFKC, which the platform brings. Without it a password counts
    /// as its own normal form.
    #[must_use]
    pub fn with_nfkc(self, normalise: Normalise) -> Self {
        Self { normalise, ..self }
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

    /// Compares a password with a stored hash, or with none.
    ///
    /// Whether the user exists, whether the hash can be read, whether the password is right:
    /// one Argon2 hash is computed in each case, so that the time tells nothing. (A hash of
    /// another setting or system takes its own time, until the first login has replaced it; a
    /// wrong password for one of another system, or for a cheaper one, costs one of ours on
    /// top: no refusal is faster than the others.)
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
        if let Some(argon) = StoredArgon::read(&stored.0) {
            return self.verify_argon(password, &argon);
        }
        // The other systems' hashes take their own memory: ours is given back first, and what a
        // large one took is not kept. An isolate has 128 MiB for both.
        let foreign = Foreign::read(&stored.0);
        if foreign.is_some() {
            self.blocks.replace(Vec::new());
        }
        match foreign {
            Some(foreign) if foreign.verify(password.expose(), self.normalise) => {
                Ok(Verification::Match { rehash: true })
            }
            Some(_) => self.waste(password, Verification::Mismatch),
            None => self.waste(password, Verification::Damaged),
        }
    }

    fn verify_argon(
        &self,
        password: &PresentedPassword,
        stored: &StoredArgon,
    ) -> Result<Verification, HashError> {
        let Some(pepper) = self.pepper(stored.setting.pepper.as_deref()) else {
            return self.waste(password, Verification::Damaged);
        };
        let salt = stored.salt.as_ref();
        let text = match stored.setting.form {
            PasswordForm::AsSent => password.expose().to_owned(),
            PasswordForm::Nfkc => self.normal_form(password),
        };
        let tag = self.tag(&text, salt, (&stored.setting, pepper))?;
        if bool::from(tag.ct_eq(&stored.tag)) {
            let rehash = stored.setting != self.own_setting();
            Ok(Verification::Match { rehash })
        } else if stored.setting.cost.work() < self.cost.work() {
            self.waste(password, Verification::Mismatch)
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
        let setting = ArgonSetting::own(self.cost, None);
        self.tag(password.expose(), &DUMMY_SALT, (&setting, &[]))?;
        Ok(verdict)
    }

    fn hash_text(&self, text: &str, salt: [u8; SALT_BYTES]) -> Result<StoredHash, HashError> {
        let setting = self.own_setting();
        let pepper = self.peppers.first();
        let secret = pepper.map_or(&[][..], |pepper| &pepper.secret);
        let salt = setting.form.salt(&salt);
        let tag = self.tag(text, &salt, (&setting, secret))?;
        Ok(StoredHash(setting.write(&salt, &tag)))
    }

    fn normal_form(&self, password: &PresentedPassword) -> String {
        normal_form(password.expose().to_owned(), self.normalise)
    }

    fn own_setting(&self) -> ArgonSetting {
        let pepper = self.peppers.first().map(|pepper| pepper.id.clone());
        ArgonSetting::own(self.cost, pepper)
    }

    /// The secret of this name, none for no name; `None` when there is no such pepper.
    fn pepper(&self, id: Option<&str>) -> Option<&[u8]> {
        let Some(id) = id else {
            return Some(&[]);
        };
        self.peppers
            .iter()
            .find(|pepper| pepper.id == id)
            .map(|pepper| pepper.secret.as_slice())
    }

    fn tag(
        &self,
        text: &str,
        salt: &[u8],
        (setting, pepper): (&ArgonSetting, &[u8]),
    ) -> Result<Vec<u8>, HashError> {
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
        if memory_kib > self.cost.memory_kib {
            *blocks = Vec::new();
        }
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
