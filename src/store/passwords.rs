//! Replacing a password.

use super::attempts::{Guess, forget, forgive};
use super::result;
use super::sessions::{EndedSession, end_all};
use crate::domain::audit::Trace;
use crate::domain::credential::hashing::StoredHash;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::session::{EndReason, SessionKey};
use crate::ports::{Batch, Database, Statement, StoreError};

/// A new password to be stored in place of the one that was verified.
#[derive(Debug)]
pub struct PasswordReplacement {
    /// Whose password, and the session from which it is changed.
    pub caller: SessionKey,
    /// The password that was verified; it must still be the current one.
    pub verified: PasswordVersion,
    /// The hash of the next one.
    pub new: StoredHash,
    /// The counters that the change sets back.
    pub guess: Guess,
    /// The time of the change, and where it comes from.
    pub trace: Trace,
}

/// The new password is in place, in the same transaction.
macro_rules! is_replaced {
    () => {
        "EXISTS (SELECT 1 FROM users WHERE id = ?2 AND password_hash = ?6)"
    };
}

/// Parameters: ?6 new hash, ?7 verified version. Compare-and-set on the verified version, from a
/// session that is live. A repetition finds the new hash, whose salt makes it ours.
const REPLACE: Statement = Statement::new(concat!(
    "/* replace password */
     UPDATE users
        SET password_hash = ?6,
            password_version = ?7 + 1,
            updated_at = ?1,
            trace = ?4
      WHERE id = ?2
        AND (password_hash = ?6
             OR (password_version = ?7 AND ",
    caller_is_live!(),
    "))
  RETURNING id"
));

/// Parameters: ?5 reason.
const END_EVERY: Statement = end_all!("end every", is_replaced!());

const FORGET_FAILURES: Statement = forget!("forget failures", is_replaced!());
const FORGIVE_OTHERS: Statement = forgive!("forgive others", is_replaced!());

/// Stores a new password and ends every session of the user, in one round trip. `None` when the
/// caller's session was over or the password another: then nothing has changed.
///
/// # Errors
///
/// [`StoreError`].
pub async fn replace(
    database: &impl Database,
    change: &PasswordReplacement,
) -> Result<Option<Vec<EndedSession>>, StoreError> {
    let params = [
        change.trace.at.get().into(),
        change.caller.user.to_string().into(),
        change.caller.id.to_string().into(),
        change.trace.to_json(Some(change.caller.id)).into(),
        EndReason::PasswordChanged.as_str().into(),
        change.new.expose().into(),
        change.verified.0.into(),
        change.guess.account.as_str().into(),
        change.guess.client.as_str().into(),
    ];
    let mut statements = vec![REPLACE, END_EVERY, FORGET_FAILURES];
    if change.guess.others_failed {
        statements.push(FORGIVE_OTHERS);
    }
    let results = database.run(&Batch::new(&params, statements)).await?;
    if result(&results, 0)?.is_empty() {
        return Ok(None);
    }
    EndedSession::read_all(result(&results, 1)?).map(Some)
}
