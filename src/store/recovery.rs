//! The way back into an account by mail: asking for a link, and replacing a forgotten password.
//!
//! Each link works once: its token is a condition of the statement that has the effect, and is
//! deleted in the same transaction. Parameters: ?6 digest of the presented token.

use super::effects::Effects;
use super::mail_counts::{COUNT_ADDRESS, COUNT_CLIENT, Counted, READ_COUNT, Requested, requested};
use super::one_time_tokens::{bound_token_works, issue};
use super::outbox::{Draft, READ_QUEUED, queue};
use super::sessions::end_all;
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
            $crate::store::mail_counts::is_counted!()
        )
    };
}
pub(super) use user_of_address;

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
    request_mail(database, request, [ISSUE_RESET, QUEUE_RESET], None).await
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
    let statements = [ISSUE_VERIFICATION, QUEUE_VERIFICATION];
    request_mail(database, request, statements, None).await
}

/// Counts a request, and runs the two statements of its kind. Parameters: ?20 `more`.
pub(super) async fn request_mail(
    database: &impl Database,
    request: &MailRequest,
    [issue, queue]: [Statement; 2],
    more: Option<String>,
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
    params.extend(more.map(Param::from));
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
    bound_token_works!("reset-password")
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
    bound_token_works!("reset-password"),
    "))
  RETURNING id"
));
/// Ends every session of the user who was changed.
pub(super) const END_EVERY: Statement = end_all!("end every", has_changed_user!());
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
    has_changed_user!()
));
/// Deletes the tokens of the old password, and a way back to an address that nobody had proven: who
/// set that up may be a stranger. The same for a login at an address that the account has left. Other
/// tokens that take a theft back stay: a thief of the mailbox can reset as well.
macro_rules! spend_of_old_password {
    ($name:literal) => {
        $crate::ports::Statement::new(concat!(
            "/* ",
            $name,
            " */
             DELETE FROM one_time_tokens
              WHERE user_id = ?2
                AND (purpose IN ('reset-password', 'verify-email', 'confirm-email')
                     OR (purpose = 'undo-email' AND is_proven = 0)
                     OR (purpose = 'disown-login'
                         AND email <> (SELECT email FROM users WHERE id = ?2)))
                AND ",
            has_changed_user!()
        ))
    };
}
pub(super) use spend_of_old_password;

/// An address that nobody had proven, and that cannot be had again, need not rest.
macro_rules! rest_unproven_no_more {
    ($name:literal) => {
        $crate::ports::Statement::new(concat!(
            "/* ",
            $name,
            " */
             DELETE FROM resting_addresses
              WHERE user_id = ?2
                AND email IN (SELECT email
                                FROM one_time_tokens
                               WHERE user_id = ?2
                                 AND purpose = 'undo-email'
                                 AND is_proven = 0)
                AND ",
            has_changed_user!()
        ))
    };
}
pub(super) use rest_unproven_no_more;

const SPEND_RESET: Statement = spend_of_old_password!("spend reset");
const FREE_UNPROVEN: Statement = rest_unproven_no_more!("free unproven");
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
pub async fn reset(database: &impl Database, reset: &Reset) -> Result<Option<Effects>, StoreError> {
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
        FREE_UNPROVEN,
        SPEND_RESET,
        READ_QUEUED,
    ];
    let results = database.run(&Batch::new(&params, statements)).await?;
    if result(&results, 0)?.is_empty() {
        return Ok(None);
    }
    Effects::read(&results, 1, Some(6)).map(Some)
}
