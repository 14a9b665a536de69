//! The mail that tells of a login from a device and country that the user has not been seen with.
//!
//! Parameters: those of a batch that begins a session and queues a mail; ?30 device.

use super::mail_counts::{count_notice, may_be_told};
use super::outbox::{Draft, READ_QUEUED, queue};
use crate::ports::Statement;

/// A mail that tells of a login.
#[derive(Debug)]
pub struct Notice {
    /// The device and country, as JSON.
    pub device: String,
    /// The mail.
    pub draft: Draft,
}

/// The user has logged in before, but never from this device and country (?30).
macro_rules! is_news {
    () => {
        concat!(
            "users AS u WHERE u.id = ?2
                AND EXISTS (SELECT 1 FROM seen_logins WHERE user_id = ?2)
                AND NOT EXISTS (SELECT 1 FROM seen_logins WHERE user_id = ?2 AND device = ?30)
                AND ",
            has_begun!()
        )
    };
}

const ISSUE_DISOWNING: Statement = Statement::new(concat!(
    "/* issue disowning */
     INSERT INTO one_time_tokens (user_id, purpose, digest, email, session_id, account, issued_at, expires_at)
     SELECT u.id, 'disown-login', ?15, u.email, ?3, ?8, ?1, ?16
       FROM ",
    is_news!(),
    " AND ",
    may_be_told!(),
    "
         ON CONFLICT (user_id, purpose, ordinal) DO UPDATE
        SET digest = excluded.digest,
            email = excluded.email,
            session_id = excluded.session_id,
            account = excluded.account,
            issued_at = excluded.issued_at,
            expires_at = excluded.expires_at"
));
const QUEUE_NEW_LOGIN: Statement = queue!(
    "queue new login",
    "new_login",
    "u.email",
    "?12",
    concat!(is_news!(), " AND ", may_be_told!())
);
const COUNT_NOTICE: Statement = count_notice!(
    "count login notice",
    concat!("EXISTS (SELECT 1 FROM ", is_news!(), ")")
);
/// Remembers the device and country, to the day. Parameters: ?30 device.
const SEE: Statement = Statement::new(concat!(
    "/* see login */
     INSERT INTO seen_logins (user_id, device, seen_at)
     SELECT ?2, ?30, ?1
      WHERE ",
    has_begun!(),
    "
         ON CONFLICT (user_id, device) DO UPDATE
        SET seen_at = ?1
      WHERE seen_at <= ?1 - 86400"
));

/// Tells of the login, if it is news. The last statement reads the mail.
pub(super) const TELL: [Statement; 5] = [
    COUNT_NOTICE,
    ISSUE_DISOWNING,
    QUEUE_NEW_LOGIN,
    SEE,
    READ_QUEUED,
];
