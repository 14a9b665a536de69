//! A password on its way to being compared with a stored hash, step by step.

use subtle::ConstantTimeEq;

use super::argon::{ArgonSetting, PasswordForm, StoredArgon};
use super::foreign::{Comparison, Foreign};
use super::{DUMMY_SALT, HashError, PasswordHasher, Recipe, StoredHash};
use crate::domain::credential::password::PresentedPassword;

/// The outcome of a verification. Each variant has cost one hash at least.
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
    /// The stored hash was made with a pepper that this configuration does not have: whether the
    /// password is right is not known here.
    UnknownPepper,
}

/// CPU time by the size of the work: that of a machine on which a hash of
/// [`HashCost::OWASP`](super::HashCost::OWASP) takes 35 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Of the next step, in which the isolate answers nobody.
    pub step_millis: u32,
    /// Of all that is left.
    pub total_millis: u32,
}

/// A comparison, computed by as many calls of [`Judging::step`] as it needs.
///
/// Whether the user exists, whether the hash can be read, whether the password is right: one
/// Argon2 hash is computed in each case, so that the time tells nothing. (A hash of another
/// setting or system takes its own time, until the first login has replaced it; a wrong password
/// for one of another system, or for a cheaper one, costs one of ours on top: no refusal is
/// faster than the others.)
pub struct Judging<'a> {
    hasher: &'a PasswordHasher,
    password: &'a PresentedPassword,
    next: Next,
}

/// What the next step computes.
enum Next {
    /// An Argon2 hash, and the pepper that it takes.
    Argon(StoredArgon),
    /// A part of another system's hash.
    Foreign(Comparison),
    /// One of our hashes, for its cost alone.
    Waste(Verification),
}

impl<'a> Judging<'a> {
    pub(super) fn begin(
        hasher: &'a PasswordHasher,
        password: &'a PresentedPassword,
        stored: Option<&StoredHash>,
    ) -> Self {
        let next = match stored {
            None => Next::Waste(Verification::Mismatch),
            Some(stored) => match StoredArgon::read(&stored.0) {
                Some(argon) if hasher.pepper(argon.setting.pepper.as_deref()).is_some() => {
                    Next::Argon(argon)
                }
                Some(_) => Next::Waste(Verification::UnknownPepper),
                None => Foreign::read(&stored.0)
                    .map_or(Next::Waste(Verification::Damaged), |foreign| {
                        Next::Foreign(foreign.begin(password.expose(), hasher.normalise))
                    }),
            },
        };
        Self {
            hasher,
            password,
            next,
        }
    }

    /// What is left to compute.
    #[must_use]
    pub fn effort(&self) -> Effort {
        match &self.next {
            Next::Argon(argon) => argon.setting.cost.effort(),
            Next::Foreign(comparison) => comparison.effort(),
            Next::Waste(_) => self.hasher.effort(),
        }
    }

    /// Whether the next step takes longer than one of our own hashes, or belongs to what does.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        match &self.next {
            Next::Argon(argon) => argon.setting.cost.work() > self.hasher.cost.work(),
            Next::Foreign(_) => true,
            Next::Waste(_) => false,
        }
    }

    /// Computes the next step; the outcome after the last one.
    ///
    /// # Errors
    ///
    /// As [`PasswordHasher::hash`].
    pub fn step(&mut self) -> Result<Option<Verification>, HashError> {
        let hasher = self.hasher;
        match &mut self.next {
            Next::Waste(verdict) => {
                let setting = ArgonSetting::own(hasher.cost, None);
                hasher.tag(
                    self.password.expose(),
                    &DUMMY_SALT,
                    Recipe {
                        setting: &setting,
                        pepper: &[],
                    },
                )?;
                return Ok(Some(*verdict));
            }
            Next::Argon(stored) => {
                let setting = &stored.setting;
                let pepper = hasher.pepper(setting.pepper.as_deref()).unwrap_or_default();
                let text = match setting.form {
                    PasswordForm::AsSent => self.password.expose().to_owned(),
                    PasswordForm::Nfkc => hasher.normal_form(self.password),
                };
                let tag = hasher.tag(&text, stored.salt.as_ref(), Recipe { setting, pepper })?;
                if bool::from(tag.ct_eq(&stored.tag)) {
                    let rehash = *setting != hasher.own_setting();
                    return Ok(Some(Verification::Match { rehash }));
                }
                if setting.cost.work() >= hasher.cost.work() {
                    return Ok(Some(Verification::Mismatch));
                }
            }
            Next::Foreign(comparison) => match comparison.step(&hasher.memory)? {
                None => return Ok(None),
                Some(true) => return Ok(Some(Verification::Match { rehash: true })),
                Some(false) => {}
            },
        }
        // A wrong password for what is cheaper than ours is not refused sooner.
        self.next = Next::Waste(Verification::Mismatch);
        Ok(None)
    }
}
