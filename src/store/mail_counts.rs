//! How many mails strangers may cause: the mails of the last hour, by recipient and by client, counted
//! in the transaction that queues the mail.
//!
//! Parameters: ?10 mail, ?17 client, ?18 recipient.

use super::outbox::QueuedMail;
use super::{result, row};
use crate::domain::throttle::ThrottleKey;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{Rows, Statement, StoreError};

/// Who is counted for a mail that a stranger may cause.
#[derive(Debug)]
pub struct Counted {
    /// The client that causes it.
    pub client: ThrottleKey,
    /// The address that receives it.
    pub address: ThrottleKey,
}

/// The window in which mails are counted, in seconds.
macro_rules! window {
    () => {
        3600
    };
}
pub(super) use window;

/// Counts a mail, if the last hour has room for it. A repetition finds it counted.
macro_rules! count_mail {
    ($name:literal, $kind:literal, $counted:literal, $most:literal, $condition:expr) => {
        $crate::ports::Statement::new(concat!(
            "/* ",
            $name,
            " */
             INSERT INTO mail_counts (kind, counted, mails, updated_at)
             SELECT '",
            $kind,
            "', ",
            $counted,
            ", json_object(?10, ?1), ?1
              WHERE ",
            $condition,
            "
                 ON CONFLICT (kind, counted) DO UPDATE
                SET mails = (SELECT json_group_object(key, value)
                               FROM (SELECT key, value
                                       FROM json_each(mail_counts.mails)
                                      WHERE value > ?1 - ",
            $crate::store::mail_counts::window!(),
            "
                                      UNION ALL
                                     SELECT ?10, ?1)),
                    updated_at = ?1
              WHERE mails ->> ?10 IS NULL
                AND (SELECT count(*) FROM json_each(mail_counts.mails) WHERE value > ?1 - ",
            $crate::store::mail_counts::window!(),
            ") < ",
            $most
        ))
    };
}

/// This mail (?10) has been counted for the client.
macro_rules! client_is_counted {
    () => {
        "(SELECT mails ->> ?10 FROM mail_counts WHERE kind = 'client' AND counted = ?17) IS NOT NULL"
    };
}

/// This mail (?10) has been counted for the client and for its recipient.
macro_rules! is_counted {
    () => {
        "(SELECT mails ->> ?10 FROM mail_counts WHERE kind = 'address' AND counted = ?18) IS NOT NULL"
    };
}
pub(super) use {client_is_counted, is_counted};

/// At most ten mails an hour for a client.
pub(super) const COUNT_CLIENT: Statement =
    count_mail!("count mail of client", "client", "?17", "10", "TRUE");
/// At most three mails an hour to an address, whether or not anyone has it.
pub(super) const COUNT_ADDRESS: Statement = count_mail!(
    "count mail to address",
    "address",
    "?18",
    "3",
    client_is_counted!()
);

/// At most three notices an hour to an address that its user has not proven: it may be a third
/// party's, and the person who registered it has the password. Counted by the user, ?2.
macro_rules! count_notice {
    ($name:literal, $condition:expr) => {
        $crate::store::mail_counts::count_mail!(
            $name,
            "notice",
            "?2",
            "3",
            concat!(
                "EXISTS (SELECT 1 FROM users WHERE id = ?2 AND email_verified_at IS NULL) AND ",
                $condition
            )
        )
    };
}
pub(super) use {count_mail, count_notice};

/// The notice may be sent to user `u`.
macro_rules! may_be_told {
    () => {
        "(u.email_verified_at IS NOT NULL
          OR (SELECT mails ->> ?10 FROM mail_counts WHERE kind = 'notice' AND counted = ?2) IS NOT NULL)"
    };
}
pub(super) use may_be_told;

/// Reads whether the client may cause a mail, and otherwise when it may again. Always one row.
pub(super) const READ_COUNT: Statement = Statement::new(concat!(
    "/* read mail count */
     SELECT ",
    client_is_counted!(),
    " AS is_counted,
            (SELECT min(value) + ",
    window!(),
    "
               FROM json_each((SELECT mails FROM mail_counts WHERE kind = 'client' AND counted = ?17))
              WHERE value > ?1 - ",
    window!(),
    ") AS free_at"
));

/// What came of a mail that a stranger asked for.
#[must_use]
#[derive(Debug)]
pub enum Requested {
    /// The request was counted. The mail is queued if the address has a user to whom it applies, and
    /// has not had too many.
    Accepted(Option<Box<QueuedMail>>),
    /// The client has caused too many mails. The span is the time to wait.
    TooMany(Seconds),
}

/// Reads the results of [`READ_COUNT`] and [`READ_QUEUED`].
pub(super) fn requested(
    results: &[Box<dyn Rows>],
    read_count: usize,
    now: UnixSeconds,
) -> Result<Requested, StoreError> {
    let free_at = row::first(result(results, read_count)?, |row| {
        Ok((row.is("is_counted")?, row.optional_time("free_at")?))
    })?;
    match free_at {
        Some((false, free_at)) => {
            let pause = free_at.map_or(Seconds::new(1), |free_at| free_at.left_from(now));
            Ok(Requested::TooMany(pause))
        }
        _ => QueuedMail::read_first(result(results, read_count + 1)?)
            .map(|mail| Requested::Accepted(mail.map(Box::new))),
    }
}
