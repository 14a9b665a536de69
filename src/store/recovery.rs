//! The ways back into an account: a reset by mail, and taking an account back from a thief.
//!
//! Each link works once: its token is a condition of the statement that has the effect, and is
//! deleted in the same transaction. Parameters: ?6 digest of the presented token.

use super::outbox::{
    COUNT_ADDRESS, COUNT_CLIENT, Counted, Draft, QueuedMail, READ_COUNT, READ_QUEUED, Requested,
    is_counted, issue, queue, requested, token_works,
};
use super::sessions::{EndedSession, end_all};
use super::{damaged, first, result};
use crate::domain::audit::Trace;
use crate::domain::credential::hashing::StoredHash;
use crate::domain::credential::one_time::{OneTimeToken, Purpose};
use crate::domain::identity::email::Email;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::session::EndReason;
use crate::domain::throttle::ThrottleKey;
use crate::domain::time::UnixSeconds;
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// The active user with the address ?19, if the mail was counted.
macro_rules! user_of_address {
    ($condition:literal) => {
        concat!(
            "users AS u WHERE u.email = ?19 AND u.is_active = 1 AND ",
            $condition,
            " AND ",
            is_counted!()
        )
    };
}

const ISSUE_RESET: Statement = issue!(
    "issue reset",
    "reset-password",
    { "NULL", "u.password_version", "NULL", "?8" },
    user_of_address!("TRUE")
);
const QUEUE_RESET: Statement = queue!(
    "queue reset",
    "reset_password",
    "u.email",
    "?12",
    user_of_address!("TRUE")
);
const ISSUE_VERIFICATION: Statement = issue!(
    "issue verification",
    "verify-email",
    { "NULL", "u.password_version", "NULL", "NULL" },
    user_of_address!("u.email_verified_at IS NULL")
);
const QUEUE_VERIFICATION: Statement = queue!(
    "queue verification",
    "verify_email",
    "u.email",
    "?12",
    user_of_address!("u.email_verified_at IS NULL")
);

/// A mail that anyone may ask for by naming an address.
#[derive(Debug)]
pub struct MailRequest {
    /// The address.
    pub email: Email,
    /// The counter of logins to the account with this address, which a reset clears.
    pub account: ThrottleKey,
    /// Who is counted.
    pub counted: Counted,
    /// The mail.
    pub draft: Draft,
    /// The time and origin of the request.
    pub trace: Trace,
}

/// Counts the request, and queues the mail that lets the owner of the address choose a password.
/// One round trip of the same statements for every address. Repeating it with the same argument
/// changes nothing more.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn forgot(
    database: &impl Database,
    request: &MailRequest,
) -> Result<Requested, StoreError> {
    request_mail(database, request, [ISSUE_RESET, QUEUE_RESET]).await
}

/// Counts the request, and queues the mail that proves the address of an account. One round trip of
/// the same statements for every address. Repeating it with the same argument changes nothing more.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn resend_verification(
    database: &impl Database,
    request: &MailRequest,
) -> Result<Requested, StoreError> {
    request_mail(database, request, [ISSUE_VERIFICATION, QUEUE_VERIFICATION]).await
}

async fn request_mail(
    database: &impl Database,
    request: &MailRequest,
    [issue, queue]: [Statement; 2],
) -> Result<Requested, StoreError> {
    let head = vec![
        request.trace.at.get().into(),
        Param::Null,
        Param::Null,
        request.trace.to_json(None).into(),
        Param::Null,
        Param::Null,
        Param::Null,
        request.account.as_str().into(),
    ];
    let mut params = request.draft.after(head);
    params.push(request.counted.client.as_str().into());
    params.push(request.counted.address.as_str().into());
    params.push(request.email.as_str().into());
    let statements = [
        COUNT_CLIENT,
        COUNT_ADDRESS,
        issue,
        queue,
        READ_COUNT,
        READ_QUEUED,
    ];
    let results = database.run(&Batch::new(&params, statements)).await?;
    requested(&results, 4, request.trace.at)
}

/// The holder of a token that works.
#[derive(Clone, Debug)]
pub struct ResetHolder {
    /// The address, with which a new password is judged.
    pub email: Email,
    /// The version of the password that the reset replaces.
    pub version: PasswordVersion,
}

const FIND_RESET: Statement = Statement::new(concat!(
    "/* find reset */
     SELECT email,
            password_version
       FROM users
      WHERE id = ?2
        AND is_active = 1
        AND ",
    token_works!("reset-password")
));

/// Finds the user of a token, before the new password costs a hash. `None` when the token does not
/// work. One round trip of one statement.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn find_reset(
    database: &impl Database,
    token: &OneTimeToken,
    now: UnixSeconds,
) -> Result<Option<ResetHolder>, StoreError> {
    let params: [Param<'_>; 6] = [
        now.get().into(),
        token.user.to_string().into(),
        Param::Null,
        Param::Null,
        Param::Null,
        token.secret.digest(Purpose::ResetPassword).into(),
    ];
    first(database, FIND_RESET, &params, |row| {
        Ok(ResetHolder {
            email: Email::parse(&row.text("email")?)
                .map_err(|_| damaged("users.email", "is not an address"))?,
            version: PasswordVersion(row.int("password_version")?),
        })
    })
    .await
}

/// A password that replaces a forgotten one.
#[derive(Debug)]
pub struct Reset {
    /// The token of the link.
    pub token: OneTimeToken,
    /// The version that [`find_reset`] returned.
    pub version: PasswordVersion,
    /// The hash of the new password.
    pub new: StoredHash,
    /// The counter of attempts at the user's current password.
    pub account: ThrottleKey,
    /// The mail that tells the user.
    pub notice: Draft,
    /// The time and origin of the reset.
    pub trace: Trace,
}

/// Sessions that ended, and a mail to deliver.
#[derive(Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The ended sessions.
    pub ended: Vec<EndedSession>,
    /// The mail.
    pub mail: Option<QueuedMail>,
}

/// This request (`?4`) has changed the user in this transaction, or in an earlier run of it.
macro_rules! is_done {
    () => {
        "EXISTS (SELECT 1 FROM users WHERE id = ?2 AND trace = ?4)"
    };
}

/// Replaces the password. The reset proves the mailbox, so the address is verified, and what was
/// set before the proof ends: the password and every session (CVE-2026-53516). Parameters: ?7
/// version, ?9 new hash.
const RESET: Statement = Statement::new(concat!(
    "/* reset password */
     UPDATE users
        SET password_hash = ?9,
            password_version = ?7 + 1,
            email_verified_at = coalesce(email_verified_at, ?1),
            updated_at = ?1,
            trace = ?4
      WHERE id = ?2
        AND (trace = ?4
             OR (is_active = 1
                 AND password_version = ?7
                 AND ",
    token_works!("reset-password"),
    "))
  RETURNING id"
));
const END_EVERY: Statement = end_all!("end every", is_done!());
/// Deletes every counted failure. Parameters: ?8 attempts at the current password.
const CLEAR_ATTEMPTS: Statement = Statement::new(concat!(
    "/* clear attempts */
     DELETE FROM attempts
      WHERE account IN (?8,
                        (SELECT account
                           FROM one_time_tokens
                          WHERE user_id = ?2
                            AND purpose = 'reset-password'))
        AND ",
    is_done!()
));
/// Deletes the tokens of the old password, and a way back to an address that nobody had proven: who
/// set that up may be a stranger. Other tokens that take a theft back stay: a thief of the mailbox can
/// reset as well.
const SPEND_RESET: Statement = Statement::new(concat!(
    "/* spend reset */
     DELETE FROM one_time_tokens
      WHERE user_id = ?2
        AND (purpose IN ('reset-password', 'verify-email', 'confirm-email')
             OR (purpose = 'undo-email' AND is_proven = 0))
        AND ",
    is_done!()
));
const QUEUE_RESET_NOTICE: Statement = queue!(
    "queue reset notice",
    "password_changed",
    "u.email",
    "NULL",
    "users AS u WHERE u.id = ?2 AND u.trace = ?4"
);

/// Replaces a forgotten password, ends every session, clears the counters of failures and tells the
/// user, in one round trip. `None` when the token does not work any more; then nothing has changed.
/// Repeating it with the same argument changes nothing more.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn reset(
    database: &impl Database,
    reset: &Reset,
) -> Result<Option<Recovered>, StoreError> {
    let head = vec![
        reset.trace.at.get().into(),
        reset.token.user.to_string().into(),
        Param::Null,
        reset.trace.to_json_by_mail().into(),
        EndReason::PasswordChanged.as_str().into(),
        reset.token.secret.digest(Purpose::ResetPassword).into(),
        reset.version.0.into(),
        reset.account.as_str().into(),
        reset.new.expose().into(),
    ];
    let params = reset.notice.after(head);
    let statements = [
        RESET,
        END_EVERY,
        QUEUE_RESET_NOTICE,
        CLEAR_ATTEMPTS,
        SPEND_RESET,
        READ_QUEUED,
    ];
    let results = database.run(&Batch::new(&params, statements)).await?;
    if result(&results, 0)?.is_empty() {
        return Ok(None);
    }
    Ok(Some(Recovered {
        ended: EndedSession::read_all(result(&results, 1)?)?,
        mail: QueuedMail::read_first(result(&results, 5)?)?,
    }))
}

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
            $condition,
            " AND ",
            token_works!($purpose),
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
                  AND t.purpose = 'undo-email'), email)",
    "NOT EXISTS (SELECT 1
                   FROM one_time_tokens AS t
                   JOIN users AS other ON other.email = t.email AND other.id <> ?2
                  WHERE t.user_id = ?2
                    AND t.purpose = 'undo-email')"
);
/// A thief may have changed the address since: then it becomes again the one to which this link was
/// sent, or the way back in would be mailed to the thief.
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
                                   WHERE other.email = undo.email
                                     AND other.id <> ?2)), email)",
    "TRUE"
);
const SPEND_ALL: Statement = Statement::new(concat!(
    "/* spend all */
     DELETE FROM one_time_tokens
      WHERE user_id = ?2
        AND digest <> ?15
        AND ",
    is_done!()
));
/// What a thief's login leaves stays possible to undo after a disowned login.
const SPEND_DISOWNED: Statement = Statement::new(concat!(
    "/* spend disowned */
     DELETE FROM one_time_tokens
      WHERE user_id = ?2
        AND purpose <> 'undo-email'
        AND digest <> ?15
        AND ",
    is_done!()
));
/// The address that is the account's again.
const REST_NO_MORE: Statement = Statement::new(concat!(
    "/* rest no more */
     DELETE FROM resting_addresses
      WHERE email = (SELECT email FROM users WHERE id = ?2)
        AND user_id = ?2
        AND ",
    is_done!()
));
const FORGET_DEVICES: Statement = Statement::new(concat!(
    "/* forget devices */ DELETE FROM seen_logins WHERE user_id = ?2 AND ",
    is_done!()
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
) -> Result<Option<Recovered>, StoreError> {
    let digest = take_back.token.secret.digest(Purpose::UndoEmail);
    run_take_back(database, take_back, digest, [UNDO_EMAIL, SPEND_ALL]).await
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
) -> Result<Option<Recovered>, StoreError> {
    let digest = take_back.token.secret.digest(Purpose::DisownLogin);
    run_take_back(database, take_back, digest, [DISOWN_LOGIN, SPEND_DISOWNED]).await
}

async fn run_take_back(
    database: &impl Database,
    take_back: &TakeBack,
    digest: String,
    [effect, spend]: [Statement; 2],
) -> Result<Option<Recovered>, StoreError> {
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
        spend,
        FORGET_DEVICES,
        READ_QUEUED,
        REST_NO_MORE,
    ];
    let results = database.run(&Batch::new(&params, statements)).await?;
    if result(&results, 0)?.is_empty() {
        return Ok(None);
    }
    Ok(Some(Recovered {
        ended: EndedSession::read_all(result(&results, 1)?)?,
        mail: QueuedMail::read_first(result(&results, 6)?)?,
    }))
}
