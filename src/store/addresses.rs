//! Addresses: proving one, and asking for another.

use super::attempts::{Guess, forget};
use super::mail_counts::{
    COUNT_ADDRESS, Counted, READ_COUNT, Requested, count_mail, is_counted, requested,
};
use super::one_time_tokens::{bound_token_works, given_up, issue};
use super::outbox::{Draft, READ_QUEUED, queue};
use super::{result, row};
use crate::domain::audit::Trace;
use crate::domain::credential::one_time::{OneTimeToken, Purpose};
use crate::domain::identity::email::Email;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::session::SessionKey;
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
    bound_token_works!("verify-email"),
    "))
  RETURNING id"
));
/// A change of the address that has been asked for gives up a proven one.
const PROVE_CHANGE: Statement = Statement::new(concat!(
    "/* prove change */
     UPDATE one_time_tokens
        SET is_proven = 1
      WHERE user_id = ?2
        AND purpose = 'confirm-email'
        AND ",
    has_changed_user!()
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
    let batch = Batch::new(&params, [VERIFY, PROVE_CHANGE, SPEND_VERIFICATION]);
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

/// The user may give up one more address: each stays at rest for days.
macro_rules! may_give_up {
    () => {
        concat!("(SELECT count(*) FROM ", given_up!(), ") < 5")
    };
}

/// The caller's session is live, and the password is the one that has been verified (?20).
macro_rules! caller_is_proven {
    () => {
        concat!(
            "EXISTS (SELECT 1 FROM users WHERE id = ?2 AND password_version = ?20) AND ",
            caller_is_live!()
        )
    };
}

/// The user whose caller is proven, if the mail was counted.
macro_rules! proven_caller {
    ($condition:expr) => {
        concat!(
            "users AS u WHERE u.id = ?2 AND ",
            caller_is_proven!(),
            " AND ",
            $condition,
            " AND ",
            may_give_up!(),
            " AND ",
            is_counted!()
        )
    };
}

/// At most ten mails an hour for a client, and none for a caller who may not ask: a session that has
/// ended must not use up what an address may receive.
const COUNT_CHANGE: Statement = count_mail!(
    "count change of address",
    "client",
    "?17",
    "10",
    concat!(caller_is_proven!(), " AND ", may_give_up!())
);

/// Also for an address that somebody has, whose token is mailed to nobody: whether the link before it
/// goes on working must not show that.
const ISSUE_CONFIRMATION: Statement = issue!(
    "issue confirmation",
    "confirm-email",
    { "?19", "u.password_version", "?3", "?21" },
    proven_caller!("TRUE")
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
        caller_is_proven!(),
        " AND ",
        may_give_up!(),
        " AND ",
        is_counted!()
    )
);
/// Reads whether the caller is proven, and, if the user has given up too many addresses, when
/// the first of them is forgotten.
const READ_CALLER: Statement = Statement::new(concat!(
    "/* read caller of change */
     SELECT ",
    caller_is_proven!(),
    " AS is_proven,
            CASE WHEN NOT ",
    may_give_up!(),
    " THEN (SELECT min(undo.expires_at) FROM ",
    given_up!(),
    ") END AS full_until"
));
const FORGET_FAILURES: Statement = forget!("forget failures", caller_is_proven!());

/// Counts the request, and queues the mail that proves the new address. Nothing else changes. `None`
/// when the caller's session is not live or the password has changed, and then nothing changes at
/// all; too many while the user can have five earlier addresses again. One round trip of the same
/// statements whether or not the address is taken.
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
        COUNT_CHANGE,
        COUNT_ADDRESS,
        ISSUE_CONFIRMATION,
        QUEUE_CONFIRMATION,
        QUEUE_TAKEN,
        FORGET_FAILURES,
        READ_COUNT,
        READ_QUEUED,
        READ_CALLER,
    ];
    let results = database.run(&Batch::new(&params, statements)).await?;
    let caller = row::first(result(&results, 8)?, |row| {
        Ok((row.is("is_proven")?, row.optional_time("full_until")?))
    })?;
    let Some((true, full_until)) = caller else {
        return Ok(None);
    };
    if let Some(until) = full_until {
        return Ok(Some(Requested::TooMany(until.left_from(request.trace.at))));
    }
    requested(&results, 6, request.trace.at).map(Some)
}
