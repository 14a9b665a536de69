//! The change of an address: the new one, proven by the link that was mailed to it, replaces the old
//! one, whose mailbox gets a link that takes the change back.
//!
//! Parameters: ?6 digest of the presented token.

use super::effects::Effects;
use super::one_time_tokens::{bound_token_works, given_up};
use super::outbox::{Draft, READ_QUEUED, queue};
use super::result;
use super::sessions::end_all;
use crate::domain::audit::Trace;
use crate::domain::credential::one_time::{OneTimeToken, Purpose};
use crate::domain::session::EndReason;
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// A new address, proven by the link that was mailed to it.
#[derive(Debug)]
pub struct AddressConfirmation {
    /// The token of the link.
    pub token: OneTimeToken,
    /// The mail to the old address, with the link that takes the change back.
    pub notice: Draft,
    /// The time and origin of the request.
    pub trace: Trace,
}

/// The new address of the token ?6.
macro_rules! confirmed {
    ($column:literal) => {
        concat!(
            "(SELECT confirmed.",
            $column,
            "
                FROM one_time_tokens AS confirmed
               WHERE confirmed.user_id = ?2
                 AND confirmed.digest = ?6)"
        )
    };
}

/// The new address takes effect, unless another user has it by now, or it rests.
const CONFIRM: Statement = Statement::new(concat!(
    "/* confirm email */
     UPDATE users
        SET email = coalesce(",
    confirmed!("new_email"),
    ", email),
            email_verified_at = ?1,
            updated_at = ?1,
            trace = ?4
      WHERE id = ?2
        AND (trace = ?4
             OR (is_active = 1
                 AND ",
    bound_token_works!("confirm-email"),
    "
                 AND NOT EXISTS (SELECT 1 FROM users AS other WHERE other.email = ",
    confirmed!("new_email"),
    ")
                 AND NOT EXISTS (SELECT 1
                                   FROM resting_addresses AS resting
                                  WHERE resting.email = ",
    confirmed!("new_email"),
    "
                                    AND resting.user_id <> ?2
                                    AND resting.until > ?1)))
  RETURNING id"
));
/// The session that asked stays: it has proven the password.
const END_OTHERS: Statement = end_all!(
    "end others of change",
    concat!(
        "(trace = ?4 OR id IS NOT ",
        confirmed!("session_id"),
        ") AND (trace = ?4 OR ",
        confirmed!("digest"),
        " IS NOT NULL) AND ",
        has_changed_user!()
    )
);
/// Issues the token that takes the change back. It leaves those of the addresses before alone: a thief
/// who changes the address twice must not be able to replace the owner's link with one of their own.
/// An address that is given up again keeps its place among them.
const ISSUE_UNDO: Statement = Statement::new(concat!(
    "/* issue undo */
     INSERT INTO one_time_tokens (user_id, purpose, ordinal, digest, email, new_email, account, is_proven, issued_at, expires_at)
     SELECT ?2, 'undo-email',
            coalesce((SELECT undo.ordinal FROM ",
    given_up!(),
    " AND undo.email = t.email),
                     (SELECT max(ordinal) + 1 FROM one_time_tokens WHERE user_id = ?2)),
            ?15, t.email, t.new_email, t.account, t.is_proven, ?1, ?16
       FROM one_time_tokens AS t
      WHERE t.user_id = ?2
        AND t.digest = ?6
        AND ",
    has_changed_user!(),
    "
         ON CONFLICT (user_id, purpose, ordinal) DO UPDATE
        SET digest = excluded.digest,
            new_email = excluded.new_email,
            account = excluded.account,
            is_proven = excluded.is_proven,
            issued_at = excluded.issued_at,
            expires_at = excluded.expires_at"
));
/// Keeps the old address from everybody else while the change can be taken back.
const REST: Statement = Statement::new(concat!(
    "/* rest address */
     INSERT INTO resting_addresses (email, user_id, until)
     SELECT t.email, ?2, ?16
       FROM one_time_tokens AS t
      WHERE t.user_id = ?2
        AND t.digest = ?6
        AND ",
    has_changed_user!(),
    "
         ON CONFLICT (email, user_id) DO UPDATE
        SET until = excluded.until"
));
/// Tells the old address.
const QUEUE_UNDO: Statement = queue!(
    "queue undo",
    "email_changed",
    "t.email",
    "?12",
    "users AS u
       JOIN one_time_tokens AS t ON t.user_id = u.id
      WHERE u.id = ?2
        AND u.trace = ?4
        AND t.digest = ?6"
);
const SPEND_CONFIRMATION: Statement = Statement::new(concat!(
    "/* spend confirmation */
     DELETE FROM one_time_tokens
      WHERE user_id = ?2
        AND purpose IN ('confirm-email', 'verify-email', 'reset-password')
        AND ",
    has_changed_user!()
));

/// Replaces the address with the proven one, ends the other sessions, and tells the old address how
/// to take the change back, in one round trip. `None` when the token does not work, or another user
/// has the address by now; then nothing has changed.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn confirm_change(
    database: &impl Database,
    confirmation: &AddressConfirmation,
) -> Result<Option<Effects>, StoreError> {
    let token = &confirmation.token;
    let head = vec![
        confirmation.trace.at.get().into(),
        token.user.to_string().into(),
        Param::Null,
        confirmation.trace.to_json_by_mail().into(),
        EndReason::EmailChanged.as_str().into(),
        token.secret.digest(Purpose::ConfirmEmail).into(),
    ];
    let params = confirmation.notice.after(head);
    let statements = [
        CONFIRM,
        END_OTHERS,
        ISSUE_UNDO,
        REST,
        QUEUE_UNDO,
        SPEND_CONFIRMATION,
        READ_QUEUED,
    ];
    let results = database.run(&Batch::new(&params, statements)).await?;
    if result(&results, 0)?.is_empty() {
        return Ok(None);
    }
    Effects::read(&results, 1, Some(6)).map(Some)
}
