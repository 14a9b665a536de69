//! Taking an account back from a thief, with a link that was mailed to its owner.
//!
//! Each link works once: its token is a condition of the statement that has the effect, and is
//! deleted in the same transaction. Parameters: ?6 digest of the presented token.

use super::effects::Effects;
use super::one_time_tokens::{issue, token_works};
use super::outbox::{Draft, READ_QUEUED, queue};
use super::recovery::END_EVERY;
use super::result;
use crate::domain::audit::Trace;
use crate::domain::credential::one_time::{OneTimeToken, Purpose};
use crate::domain::session::EndReason;
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// Takes an account back: its password and every session end, so that only a reset leads back in.
macro_rules! take_back {
    ($name:literal, $purpose:literal, $email:literal, $condition:literal) => {
        Statement::new(concat!(
            "/* ",
            $name,
            " */
             UPDATE users
                SET email = ",
            $email,
            ",
                    email_verified_at = ?1,
                    password_hash = NULL,
                    password_version = password_version + (trace IS NOT ?4),
                    updated_at = ?1,
                    trace = ?4
              WHERE id = ?2
                AND (trace = ?4 OR (is_active = 1 AND ",
            token_works!($purpose),
            $condition,
            "))
          RETURNING id"
        ))
    };
}

/// The address that a change has replaced becomes the account's again. It cannot belong to another
/// user, unless an operator gave it away.
const UNDO_EMAIL: Statement = take_back!(
    "undo email",
    "undo-email",
    "coalesce((SELECT t.email
                 FROM one_time_tokens AS t
                WHERE t.user_id = ?2
                  AND t.digest = ?6), email)",
    " AND NOT EXISTS (SELECT 1
                        FROM one_time_tokens AS t
                        JOIN users AS other ON other.email = t.email AND other.id <> ?2
                       WHERE t.user_id = ?2
                         AND t.digest = ?6)"
);
/// A thief may have changed the address since: then it becomes again the one to which this link was
/// sent, or the way back in would be mailed to the thief. If it belongs to somebody, the account keeps
/// the one that it has.
const DISOWN_LOGIN: Statement = take_back!(
    "disown login",
    "disown-login",
    "coalesce((SELECT undo.email
                 FROM one_time_tokens AS undo
                 JOIN one_time_tokens AS t ON t.user_id = undo.user_id
                WHERE undo.user_id = ?2
                  AND undo.purpose = 'undo-email'
                  AND undo.expires_at > ?1
                  AND t.purpose = 'disown-login'
                  AND t.email = undo.email
                  AND NOT EXISTS (SELECT 1
                                    FROM users AS other
                                   WHERE other.email = undo.email)), email)",
    ""
);
/// The place of the address that the account has again among those that the user has given up. NULL if
/// it is none of them.
macro_rules! place_of_address {
    () => {
        "(SELECT undo.ordinal
            FROM one_time_tokens AS undo
           WHERE undo.user_id = ?2
             AND undo.purpose = 'undo-email'
             AND undo.expires_at > ?1
             AND undo.email = (SELECT email FROM users WHERE id = ?2))"
    };
}

/// The address that is the account's again, and those that came after it.
const REST_NO_MORE: Statement = Statement::new(concat!(
    "/* rest no more */
     DELETE FROM resting_addresses
      WHERE user_id = ?2
        AND email IN (SELECT t.email
                        FROM one_time_tokens AS t
                       WHERE t.user_id = ?2
                         AND t.ordinal >= ",
    place_of_address!(),
    ")
        AND ",
    has_changed_user!()
));
/// Deletes every other token, but for those of addresses that came before the one that the account has
/// again: who gave an address up first is its earlier owner, and a thief's link must not spend theirs.
const SPEND: Statement = Statement::new(concat!(
    "/* spend others */
     DELETE FROM one_time_tokens
      WHERE user_id = ?2
        AND digest <> ?15
        AND (purpose <> 'undo-email' OR ordinal >= ",
    place_of_address!(),
    ")
        AND ",
    has_changed_user!()
));
pub(super) const FORGET_DEVICES: Statement = Statement::new(concat!(
    "/* forget devices */ DELETE FROM seen_logins WHERE user_id = ?2 AND ",
    has_changed_user!()
));
const ISSUE_WAY_BACK: Statement = issue!(
    "issue way back",
    "reset-password",
    {
        "NULL",
        "u.password_version",
        "NULL",
        "(SELECT account FROM one_time_tokens AS taken WHERE taken.user_id = ?2 AND taken.digest = ?6)"
    },
    "users AS u WHERE u.id = ?2 AND u.trace = ?4 AND u.is_active = 1"
);
const QUEUE_WAY_BACK: Statement = queue!(
    "queue way back",
    "reset_password",
    "u.email",
    "?12",
    "users AS u WHERE u.id = ?2 AND u.trace = ?4 AND u.is_active = 1"
);

/// An account that its owner takes back.
#[derive(Debug)]
pub struct TakeBack {
    /// The token of the link.
    pub token: OneTimeToken,
    /// The mail with the way back in.
    pub reset: Draft,
    /// The time and origin of the request.
    pub trace: Trace,
}

/// Takes a change of the address back: the old address is the account's again, the password and
/// every session end, and a reset is mailed to it. One round trip. `None` when the token does not
/// work; then nothing has changed.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn undo_email(
    database: &impl Database,
    take_back: &TakeBack,
) -> Result<Option<Effects>, StoreError> {
    let digest = take_back.token.secret.digest(Purpose::UndoEmail);
    run_take_back(database, take_back, digest, UNDO_EMAIL).await
}

/// Ends a login that was not the user's, and with it the password and every session, and mails a
/// reset. One round trip. `None` when the token does not work; then nothing has changed.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn disown_login(
    database: &impl Database,
    take_back: &TakeBack,
) -> Result<Option<Effects>, StoreError> {
    let digest = take_back.token.secret.digest(Purpose::DisownLogin);
    run_take_back(database, take_back, digest, DISOWN_LOGIN).await
}

async fn run_take_back(
    database: &impl Database,
    take_back: &TakeBack,
    digest: String,
    effect: Statement,
) -> Result<Option<Effects>, StoreError> {
    let head = vec![
        take_back.trace.at.get().into(),
        take_back.token.user.to_string().into(),
        Param::Null,
        take_back.trace.to_json_by_mail().into(),
        EndReason::PasswordChanged.as_str().into(),
        digest.into(),
    ];
    let params = take_back.reset.after(head);
    let statements = [
        effect,
        END_EVERY,
        ISSUE_WAY_BACK,
        QUEUE_WAY_BACK,
        REST_NO_MORE,
        SPEND,
        FORGET_DEVICES,
        READ_QUEUED,
    ];
    let results = database.run(&Batch::new(&params, statements)).await?;
    if result(&results, 0)?.is_empty() {
        return Ok(None);
    }
    Effects::read(&results, 1, Some(7)).map(Some)
}
