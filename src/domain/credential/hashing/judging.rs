//! The step-by-step comparison of a password with a stored hash.

use subtle::ConstantTimeEq;

use super::argon::{ArgonSetting, PasswordForm, StoredArgon};
use super::foreign::{Comparison, Foreign};
use super::{DUMMY_SALT, HashError, PasswordHasher, Recipe, StoredHash};
use crate::domain::credential::password::PresentedPassword;

/// The outcome of a verification. Each variant has cost at least one hash.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// The password is correct.
    Match {
        /// The stored hash has another setting than today's and should be replaced.
        rehash: bool,
    },
    /// The password is wrong, or there is no such user.
    Mismatch,
    /// The stored hash cannot be parsed, or exceeds a bound. An operator must repair it.
    Damaged,
    /// The stored hash was made with a pepper that is not configured, so the password cannot be
    /// checked.
    UnknownPepper,
}

/// Estimated CPU time, on a machine on which a hash of [`HashCost::OWASP`](super::HashCost::OWASP)
/// takes 35 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// The time of the next step, during which the isolate answers no other request.
    pub step_millis: u32,
    /// The time of all remaining steps.
    pub total_millis: u32,
}

/// A comparison, computed by as many calls of [`Judging::step`] as it needs.
///
/// Each comparison computes an Argon2 hash, whether or not the user exists, the stored hash can be
/// parsed, and the password is correct, so that its time reveals nothing. A hash of another setting
/// or system takes its own time until the first login replaces it. A wrong password for a hash of
/// another system, or for a cheaper one, costs an own hash in addition, so no refusal is faster
/// than the others.
pub struct Judging<'a> {
    hasher: &'a PasswordHasher,
    password: &'a PresentedPassword,
    next: Next,
}

/// What the next step computes.
enum Next {
    /// A stored Argon2 hash.
    Argon(StoredArgon),
    /// A part of another system's hash.
    Foreign(Comparison),
    /// One own hash, computed for its cost only.
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

    /// Returns the remaining work.
    #[must_use]
    pub fn effort(&self) -> Effort {
        match &self.next {
            Next::Argon(argon) => argon.setting.cost.effort(),
            Next::Foreign(comparison) => comparison.effort(),
            Next::Waste(_) => self.hasher.effort(),
        }
    }

    /// Returns whether the password is known to be wrong, so that what remains is computed for its
    /// time only.
    #[must_use]
    pub const fn is_known_to_be_wrong(&self) -> bool {
        matches!(self.next, Next::Waste(Verification::Mismatch))
    }

    /// Returns whether the comparison costs more than an own hash, or is with the hash of another
    /// system.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        match &self.next {
            Next::Argon(argon) => argon.setting.cost.work() > self.hasher.cost.work(),
            Next::Foreign(_) => true,
            Next::Waste(_) => false,
        }
    }

    /// Computes the next step. Returns the outcome after the last step, `None` before.
    ///
    /// # Errors
    ///
    /// Returns [`HashError`] when the isolate has too little memory.
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
        // A wrong password for a cheaper hash must not be refused sooner.
        self.next = Next::Waste(Verification::Mismatch);
        Ok(None)
    }
}
