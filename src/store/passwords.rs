//! Replaces a password.

use super::attempts::{Guess, forget, forgive};
use super::effects::Effects;
use super::mail_counts::{count_notice, may_be_told};
use super::outbox::{Draft, READ_QUEUED, queue};
use super::result;
use super::sessions::end_all;
use crate::domain::audit::Trace;
use crate::domain::credential::hashing::StoredHash;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::session::{EndReason, SessionKey};
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// A new password that replaces the verified one.
#[derive(Debug)]
pub struct PasswordReplacement {
    /// The user whose password it is, and the session that changes it.
    pub caller: SessionKey,
    /// The version of the password that was verified. It must still be current.
    pub verified: PasswordVersion,
    /// The hash of the new password.
    pub new: StoredHash,
    /// The counter that the change resets.
    pub guess: Guess,
    /// The mail that tells the user. `None` where no mail is sent.
    pub notice: Option<Draft>,
    /// The time and origin of the change.
    pub trace: Trace,
}

/// The new password has been stored in this transaction.
macro_rules! is_replaced {
    () => {
        "EXISTS (SELECT 1 FROM users WHERE id = ?2 AND password_hash = ?6)"
    };
}

/// Replaces the password: compare-and-set on the verified version, from a live session. A
/// repetition finds the new hash, which its salt makes unique. Parameters: ?6 new hash, ?7 verified
/// version.
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

/// Ends every session of the user. Parameters: ?5 reason.
const END_EVERY: Statement = end_all!("end every", is_replaced!());

const QUEUE_NOTICE: Statement = queue!(
    "queue change notice",
    "password_changed",
    "u.email",
    "NULL",
    concat!(
        "users AS u WHERE u.id = ?2 AND u.password_hash = ?6 AND ",
        may_be_told!()
    )
);
const COUNT_NOTICE: Statement = count_notice!("count change notice", is_replaced!());
const FORGET_FAILURES: Statement = forget!("forget failures", is_replaced!());
const FORGIVE_OTHERS: Statement = forgive!("forgive others", is_replaced!());

/// Stores a new password and ends every session of the user, in one round trip. Returns the ended
/// sessions, and the mail that tells the user. `None` when the caller's session is not live or the password has changed; then nothing
/// has changed.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn replace(
    database: &impl Database,
    change: &PasswordReplacement,
) -> Result<Option<Effects>, StoreError> {
    let mut params: Vec<Param<'_>> = vec![
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
    if let Some(notice) = &change.notice {
        params = notice.after(params);
        statements.extend([COUNT_NOTICE, QUEUE_NOTICE, READ_QUEUED]);
    }
    if change.guess.others_failed {
        statements.push(FORGIVE_OTHERS);
    }
    let results = database.run(&Batch::new(&params, statements)).await?;
    if result(&results, 0)?.is_empty() {
        return Ok(None);
    }
    let mail = change.notice.as_ref().map(|_| 5);
    Effects::read(&results, 1, mail).map(Some)
}
