//! Attempts to guess a secret. One transaction counts and judges an attempt, and reads what the
//! guess is compared with, before it costs a hash.
//!
//! A counter is a row for an account and a client. It counts an attempt from its admission until it
//! succeeds, so parallel guesses cannot outrun it. An attempt without a judgement is given back.

use super::row::{self, Row};
use super::{damaged, result};
use crate::domain::credential::hashing::StoredHash;
use crate::domain::id::{TokenId, UserId};
use crate::domain::identity::email::Email;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::session::SessionKey;
use crate::domain::throttle::{
    AttemptKeys, FREE_FAILURES, MAX_DELAY, MAX_FAILURES_IN_A_ROW, PAUSE_AFTER_MAX, ThrottleKey,
};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// A known device: the holder of the current refresh token of a live session of the account. It has
/// its own counter, and is admitted even when the whole account is slowed.
#[derive(Clone, Debug)]
pub struct KnownDevice {
    /// The session that its refresh token names.
    pub session: SessionKey,
    /// The id of the refresh token.
    pub refresh_id: TokenId,
    /// The device's counter.
    pub key: ThrottleKey,
}

/// The sender of an attempt to log in.
#[derive(Clone, Debug, Default)]
pub struct Guesser {
    /// The device that it claims to be, if any.
    pub device: Option<KnownDevice>,
    /// Whether the attempt is refused unless the account knows the device.
    pub must_be_known: bool,
}

/// An attempt at a password, to be counted before it costs a hash.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The counter that the attempt increments.
    pub keys: AttemptKeys,
    /// A random id by which a repetition is recognised.
    pub id: TokenId,
    /// The time of the attempt.
    pub now: UnixSeconds,
}

/// A user, with the secret that an attempt is compared with.
#[derive(Clone, Debug)]
pub struct PasswordHolder {
    /// The user's id.
    pub id: UserId,
    /// The canonical address.
    pub email: Email,
    /// The key of the role.
    pub role_slug: String,
    /// Whether the user may log in.
    pub is_active: bool,
    /// Whether the user has proven the address.
    pub is_verified: bool,
    /// The hash of the password. `None` for a user without a password.
    pub hash: Option<StoredHash>,
    /// The version of the password.
    pub version: PasswordVersion,
}

/// The counter that an attempt has incremented, and that a success resets.
#[derive(Clone, Debug)]
pub struct Guess {
    /// The account whose secret was guessed.
    pub account: ThrottleKey,
    /// The guesser: the client, or the known device.
    pub client: ThrottleKey,
    /// The attempt, for as long as no other one has been admitted.
    pub attempt: TokenId,
    /// Whether other clients have failed since the account's last success.
    pub others_failed: bool,
}

/// The outcome of an attempt.
#[must_use]
#[derive(Clone, Debug)]
pub enum Attempted {
    /// The attempt was counted and may cost a hash.
    Admitted(Guess, Option<PasswordHolder>),
    /// The attempt came too early. The answer is the same whether or not the account exists.
    Throttled(Throttled),
}

/// An attempt that came too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// How long to wait.
    pub pause: Seconds,
    /// The user whose account it is, for the audit log only.
    pub user: Option<UserId>,
}

/// The request contains the current refresh token `?4` of the live session `?3` of this account.
macro_rules! is_known_device {
    () => {
        "EXISTS (SELECT 1
                   FROM sessions AS device
                   JOIN users AS owner ON owner.id = device.user_id
                  WHERE device.user_id = ?2
                    AND device.id = ?3
                    AND device.current_jti = ?4
                    AND device.ended_at IS NULL
                    AND device.idle_expires_at > ?1
                    AND owner.email = ?13)"
    };
}

/// The account has failed too often since its last success, and its last attempt is less than a
/// pause ago. A repetition is not judged by this: it has been counted, and is not counted again.
macro_rules! is_slowed {
    () => {
        "(SELECT sum(counted) >= ?11 AND max(updated_at) > ?1 - ?12
            FROM attempts
           WHERE account = ?6) IS TRUE"
    };
}

/// Counts one more failure. `?5` is new for each attempt, so a repetition of the batch counts once.
/// Parameters: ?6 account, ?9 free failures, ?10 longest delay.
macro_rules! count {
    ($name:literal, $client:expr, $condition:expr) => {
        Statement::new(concat!(
            "/* ",
            $name,
            " */
             INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
             SELECT ?6, ",
            $client,
            ", 1, 1, 0, ?5, ?1
              WHERE ",
            $condition,
            "
                 ON CONFLICT (account, client) DO UPDATE
                SET failures = failures + 1,
                    counted = counted + 1,
                    blocked_until = iif(failures + 1 < ?9, 0, ?1 + min(?10, 1 << min(failures + 1 - ?9, 20))),
                    attempt = ?5,
                    updated_at = ?1
              WHERE attempt <> ?5
                AND blocked_until <= ?1"
        ))
    };
}

/// Reads the outcome of the attempt, and what its password is compared with. Always one row.
macro_rules! judge {
    ($name:literal, $client:expr, $slowed:expr, $user:expr) => {
        Statement::new(concat!(
            "/* ",
            $name,
            " */
             SELECT c.counted_as,
                    c.others_failed,
                    max(c.client_blocked_until, iif(",
            $slowed,
            ", c.tried_at + ?12, 0)) AS blocked_until,
                    u.id,
                    u.email,
                    u.role_slug,
                    u.is_active,
                    u.email_verified_at IS NOT NULL AS is_verified,
                    u.password_hash,
                    u.password_version
               FROM (SELECT max(client) FILTER (WHERE attempt = ?5) AS counted_as,
                            coalesce(sum(counted) FILTER (WHERE attempt <> ?5), 0) > 0 AS others_failed,
                            coalesce(max(blocked_until) FILTER (WHERE client = ",
            $client,
            "), 0) AS client_blocked_until,
                            coalesce(max(updated_at), 0) AS tried_at
                       FROM attempts
                      WHERE account = ?6) AS c
               LEFT JOIN users AS u ON ",
            $user
        ))
    };
}

macro_rules! log_in_client {
    () => {
        concat!("iif(", is_known_device!(), ", ?8, ?7)")
    };
}

/// Counts an attempt to log in. Parameters: ?7 client, ?8 device, ?13 address, ?14 whether the
/// device must be known.
const COUNT_LOG_IN: Statement = count!(
    "count log in",
    log_in_client!(),
    concat!(
        is_known_device!(),
        " OR (?14 = 0 AND NOT ",
        is_slowed!(),
        ")"
    )
);
const JUDGE_LOG_IN: Statement = judge!(
    "judge log in",
    log_in_client!(),
    concat!("NOT ", is_known_device!(), " AND ", is_slowed!()),
    "u.email = ?13"
);

/// Counts an attempt at the current password. An attempt from a session that is not live does not
/// count. Parameters: ?4 no trace, ?7 session.
const COUNT_CHANGE: Statement = count!(
    "count change",
    "?7",
    concat!(caller_is_live!(), " AND NOT ", is_slowed!())
);
const JUDGE_CHANGE: Statement = judge!(
    "judge change",
    "?7",
    is_slowed!(),
    concat!("u.id = ?2 AND ", caller_is_live!())
);

/// Deletes the failures of the client that succeeded. Parameters: ?8 account, ?9 client.
macro_rules! forget {
    ($name:literal, $condition:expr) => {
        Statement::new(concat!(
            "/* ",
            $name,
            " */ DELETE FROM attempts WHERE account = ?8 AND client = ?9 AND ",
            $condition
        ))
    };
}
pub(super) use forget;

/// Stops counting the failures of other clients against the account. Those clients stay as slow as
/// they are. Parameters: ?8 account, ?9 client.
macro_rules! forgive {
    ($name:literal, $condition:expr) => {
        Statement::new(concat!(
            "/* ",
            $name,
            " */
             UPDATE attempts
                SET counted = 0
              WHERE account = ?8
                AND counted > 0
                AND ",
            $condition
        ))
    };
}
pub(super) use forgive;

/// Counts an attempt to log in, and reads the user if it is admitted. One round trip of the same
/// two statements for every address. Repeating it with the same argument counts once.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn log_in(
    database: &impl Database,
    attempt: &Attempt,
    email: &Email,
    guesser: &Guesser,
) -> Result<Attempted, StoreError> {
    let device = guesser.device.as_ref();
    let whose = Whose {
        session: device.map(|device| device.session),
        refresh_id: device.map(|device| device.refresh_id),
        device: device.map(|device| device.key.as_str()),
        email: Some(email.as_str()),
        must_be_known: guesser.must_be_known,
    };
    run(database, [COUNT_LOG_IN, JUDGE_LOG_IN], attempt, whose).await
}

/// Counts an attempt at the caller's current password, and reads the user if it is admitted and the
/// session is live. One round trip. Repeating it with the same argument counts once.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn change_password(
    database: &impl Database,
    attempt: &Attempt,
    caller: SessionKey,
) -> Result<Attempted, StoreError> {
    let whose = Whose {
        session: Some(caller),
        ..Whose::default()
    };
    run(database, [COUNT_CHANGE, JUDGE_CHANGE], attempt, whose).await
}

/// The parameters in which the two kinds of attempt differ.
#[derive(Default)]
struct Whose<'a> {
    session: Option<SessionKey>,
    refresh_id: Option<TokenId>,
    device: Option<&'a str>,
    email: Option<&'a str>,
    must_be_known: bool,
}

async fn run(
    database: &impl Database,
    statements: [Statement; 2],
    attempt: &Attempt,
    whose: Whose<'_>,
) -> Result<Attempted, StoreError> {
    let params: [Param<'_>; 14] = [
        attempt.now.get().into(),
        whose.session.map(|session| session.user.to_string()).into(),
        whose.session.map(|session| session.id.to_string()).into(),
        whose.refresh_id.map(|id| id.to_string()).into(),
        attempt.id.to_string().into(),
        attempt.keys.account.as_str().into(),
        attempt.keys.client.as_str().into(),
        whose.device.into(),
        FREE_FAILURES.into(),
        MAX_DELAY.get().into(),
        MAX_FAILURES_IN_A_ROW.into(),
        PAUSE_AFTER_MAX.get().into(),
        whose.email.into(),
        i64::from(whose.must_be_known).into(),
    ];
    let results = database.run(&Batch::new(&params, statements)).await?;
    row::first(result(&results, 1)?, |row| read(row, attempt))?
        .ok_or_else(|| damaged("attempts", "gave no row"))
}

fn read(row: &Row<'_>, attempt: &Attempt) -> Result<Attempted, StoreError> {
    let holder = read_holder(row)?;
    if let Some(client) = row.optional_text("counted_as")? {
        let guess = Guess {
            account: attempt.keys.account.clone(),
            client: ThrottleKey::from_database(client),
            attempt: attempt.id,
            others_failed: row.is("others_failed")?,
        };
        return Ok(Attempted::Admitted(guess, holder));
    }
    let pause = row.time("blocked_until")?.left_from(attempt.now);
    Ok(Attempted::Throttled(Throttled {
        pause,
        user: holder.map(|holder| holder.id),
    }))
}

fn read_holder(row: &Row<'_>) -> Result<Option<PasswordHolder>, StoreError> {
    if row.optional_text("id")?.is_none() {
        return Ok(None);
    }
    Ok(Some(PasswordHolder {
        id: row.user_id("id")?,
        email: Email::parse(&row.text("email")?)
            .map_err(|_| damaged("users.email", "is not an address"))?,
        role_slug: row.text("role_slug")?,
        is_active: row.is("is_active")?,
        is_verified: row.is("is_verified")?,
        hash: row
            .optional_text("password_hash")?
            .map(StoredHash::from_database),
        version: PasswordVersion(row.int("password_version")?),
    }))
}
