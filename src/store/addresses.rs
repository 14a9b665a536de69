//! Addresses: proving one, and replacing one with another that is proven.

use super::attempts::{Guess, forget};
use super::effects::Effects;
use super::mail_counts::{
    COUNT_ADDRESS, COUNT_CLIENT, Counted, READ_COUNT, Requested, is_counted, requested,
};
use super::one_time_tokens::{issue, token_works};
use super::outbox::{Draft, READ_QUEUED, queue};
use super::sessions::end_all;
use super::{result, row};
use crate::domain::audit::Trace;
use crate::domain::credential::one_time::{OneTimeToken, Purpose};
use crate::domain::identity::email::Email;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::session::{EndReason, SessionKey};
use crate::domain::throttle::ThrottleKey;
use crate::ports::{Batch, Database, Param, Statement, StoreError};

const VERIFY: Statement = Statement::new(concat!(
    "/* verify email */
     UPDATE users
        SET email_verified_at = ?1,
            updated_at = ?1,
            trace = ?4
      WHERE id = ?2
        AND (trace = ?4 OR (is_active = 1 AND ",
    token_works!("verify-email"),
    "))
  RETURNING id"
));
const SPEND_VERIFICATION: Statement = Statement::new(concat!(
    "/* spend verification */
     DELETE FROM one_time_tokens
      WHERE user_id = ?2
        AND purpose = 'verify-email'
        AND ",
    has_changed_user!()
));

/// Records that the address reaches its user. Returns whether the token worked. One round trip.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer.
pub async fn verify(
    database: &impl Database,
    token: &OneTimeToken,
    trace: &Trace,
) -> Result<bool, StoreError> {
    let params: [Param<'_>; 6] = [
        trace.at.get().into(),
        token.user.to_string().into(),
        Param::Null,
        trace.to_json_by_mail().into(),
        Param::Null,
        token.secret.digest(Purpose::VerifyEmail).into(),
    ];
    let batch = Batch::new(&params, [VERIFY, SPEND_VERIFICATION]);
    let results = database.run(&batch).await?;
    Ok(!result(&results, 0)?.is_empty())
}

/// A new address that a user asks for.
#[derive(Debug)]
pub struct AddressRequest {
    /// The session that asks.
    pub caller: SessionKey,
    /// The version of the password that was verified. It must still be current.
    pub verified: PasswordVersion,
    /// The new address.
    pub new: Email,
    /// The counter that the right password resets.
    pub guess: Guess,
    /// The counter of logins to the account with its present address, which a reset clears.
    pub account: ThrottleKey,
    /// Who is counted.
    pub counted: Counted,
    /// The mail to the new address.
    pub draft: Draft,
    /// The time and origin of the request.
    pub trace: Trace,
}

/// The address ?19 belongs to a user, or rests.
macro_rules! is_unavailable {
    () => {
        "(EXISTS (SELECT 1 FROM users AS other WHERE other.email = ?19)
          OR EXISTS (SELECT 1
                       FROM resting_addresses AS resting
                      WHERE resting.email = ?19
                        AND resting.user_id <> ?2
                        AND resting.until > ?1))"
    };
}

/// The caller, whose password has been verified in this version (?20).
macro_rules! proven_caller {
    ($condition:expr) => {
        concat!(
            "users AS u WHERE u.id = ?2 AND u.password_version = ?20 AND ",
            caller_is_live!(),
            " AND ",
            $condition,
            " AND ",
            is_counted!()
        )
    };
}

const ISSUE_CONFIRMATION: Statement = issue!(
    "issue confirmation",
    "confirm-email",
    { "?19", "u.password_version", "?3", "?21" },
    proven_caller!(concat!("NOT ", is_unavailable!()))
);
const QUEUE_CONFIRMATION: Statement = queue!(
    "queue confirmation",
    "confirm_email",
    "?19",
    "?12",
    proven_caller!(concat!("NOT ", is_unavailable!()))
);
/// Tells the user who has the address. The caller gets the same answer.
const QUEUE_TAKEN: Statement = queue!(
    "queue taken",
    "already_registered",
    "u.email",
    "NULL",
    concat!(
        "users AS u WHERE u.email = ?19 AND u.id <> ?2 AND u.is_active = 1 AND ",
        caller_is_live!(),
        " AND ",
        is_counted!()
    )
);
const IS_CALLER_LIVE: Statement = Statement::new(concat!(
    "/* is caller live */
     SELECT ",
    caller_is_live!(),
    " AS is_live"
));
const FORGET_FAILURES: Statement = forget!("forget failures", caller_is_live!());

/// Counts the request, and queues the mail that proves the new address. Nothing else changes. `None`
/// when the caller's session is not live. One round trip of the same statements whether or not the
/// address is taken.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn request_change(
    database: &impl Database,
    request: &AddressRequest,
) -> Result<Option<Requested>, StoreError> {
    let head = vec![
        request.trace.at.get().into(),
        request.caller.user.to_string().into(),
        request.caller.id.to_string().into(),
        request.trace.to_json(Some(request.caller.id)).into(),
        Param::Null,
        Param::Null,
        Param::Null,
        request.guess.account.as_str().into(),
        request.guess.client.as_str().into(),
    ];
    let mut params = request.draft.after(head);
    params.extend([
        request.counted.client.as_str().into(),
        request.counted.address.as_str().into(),
        request.new.as_str().into(),
        request.verified.0.into(),
        request.account.as_str().into(),
    ]);
    let statements = [
        COUNT_CLIENT,
        COUNT_ADDRESS,
        ISSUE_CONFIRMATION,
        QUEUE_CONFIRMATION,
        QUEUE_TAKEN,
        FORGET_FAILURES,
        READ_COUNT,
        READ_QUEUED,
        IS_CALLER_LIVE,
    ];
    let results = database.run(&Batch::new(&params, statements)).await?;
    let is_live = row::first(result(&results, 8)?, |row| row.is("is_live"))?;
    if is_live != Some(true) {
        return Ok(None);
    }
    requested(&results, 6, request.trace.at).map(Some)
}

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
                 AND confirmed.purpose = 'confirm-email'
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
    token_works!("confirm-email"),
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
/// Issues the token that takes the change back. While one works, it stays: a thief who changes the
/// address twice must not be able to replace the owner's link with one of their own.
const ISSUE_UNDO: Statement = Statement::new(concat!(
    "/* issue undo */
     INSERT INTO one_time_tokens (user_id, purpose, digest, email, new_email, account, is_proven, issued_at, expires_at)
     SELECT ?2, 'undo-email', ?15, t.email, t.new_email, t.account, t.is_proven, ?1, ?16
       FROM one_time_tokens AS t
      WHERE t.user_id = ?2
        AND t.purpose = 'confirm-email'
        AND t.digest = ?6
        AND ",
    has_changed_user!(),
    "
         ON CONFLICT (user_id, purpose) DO UPDATE
        SET digest = excluded.digest,
            email = excluded.email,
            new_email = excluded.new_email,
            account = excluded.account,
            is_proven = excluded.is_proven,
            issued_at = excluded.issued_at,
            expires_at = excluded.expires_at
      WHERE one_time_tokens.expires_at <= ?1"
));
/// Keeps the old address from everybody else while the change can be taken back.
const REST: Statement = Statement::new(concat!(
    "/* rest address */
     INSERT INTO resting_addresses (email, user_id, until)
     SELECT t.email, ?2, ?16
       FROM one_time_tokens AS t
      WHERE t.user_id = ?2
        AND t.purpose = 'confirm-email'
        AND t.digest = ?6
        AND ",
    has_changed_user!(),
    "
         ON CONFLICT (email, user_id) DO UPDATE
        SET until = excluded.until"
));
/// Tells the old address. The link is in the mail only if the token was issued.
const QUEUE_UNDO: Statement = queue!(
    "queue undo",
    "email_changed",
    "t.email",
    "(SELECT ?12 FROM one_time_tokens AS undo WHERE undo.user_id = ?2 AND undo.purpose = 'undo-email' AND undo.digest = ?15)",
    "users AS u
       JOIN one_time_tokens AS t ON t.user_id = u.id
      WHERE u.id = ?2
        AND u.trace = ?4
        AND t.purpose = 'confirm-email'
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
