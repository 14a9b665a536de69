//! The outbox: a mail is a row in the transaction of the change that it is about, so a mail for a
//! change that was rolled back cannot exist, and one that was committed is not lost.
//!
//! Parameters of a batch that queues a mail: ?10 mail, ?11 language, ?12 nonce, ?13 key, ?14 facts,
//! ?15 digest of the link's token, ?16 the token's end.

use super::row::{self, Row};
use super::{damaged, result};
use crate::domain::credential::one_time::Nonce;
use crate::domain::id::UserId;
use crate::domain::identity::email::Email;
use crate::domain::mail::{Language, MailKind};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{Batch, Database, Param, Rows, Statement, StoreError};

/// The seconds of [`CLAIM`].
macro_rules! claim_seconds {
    () => {
        60
    };
}
pub(super) use claim_seconds;
/// How long a claimed mail may take to be delivered before another run claims it. A mail that is
/// queued is claimed by the request that queues it.
pub const CLAIM: Seconds = Seconds::new(claim_seconds!());
/// How long a mail is tried.
pub const TRIED_FOR: Seconds = Seconds::new(86_400);
/// How long a mail that was given up stays, for the operators.
pub const KEPT: Seconds = Seconds::new(7 * 86_400);
/// The longest pause between two tries.
const LONGEST_PAUSE: Seconds = Seconds::new(7_200);
/// How many mails a run claims at once.
const CLAIMED_AT_ONCE: u32 = 20;

/// A mail before its transaction. Everything is chosen before the write, so that it may be repeated.
#[derive(Debug)]
pub struct Draft {
    /// The id of the mail: a `UUIDv7`.
    pub id: String,
    /// The language, unless the account has one.
    pub language: Language,
    /// What the link's token is derived from.
    pub nonce: Nonce,
    /// The key that it is derived with.
    pub key_id: String,
    /// JSON: what the text contains besides the link.
    pub facts: String,
    /// The digest of the link's token.
    pub digest: String,
    /// When the link's token expires.
    pub expires_at: UnixSeconds,
}

impl Draft {
    /// Returns the parameters of a batch: those from ?1, and those of the mail from ?10.
    #[inline(never)]
    pub(super) fn after<'a>(&'a self, mut params: Vec<Param<'a>>) -> Vec<Param<'a>> {
        params.resize(9, Param::Null);
        params.extend([
            self.id.as_str().into(),
            self.language.as_str().into(),
            self.nonce.to_text().into(),
            self.key_id.as_str().into(),
            self.facts.as_str().into(),
            self.digest.as_str().into(),
            self.expires_at.get().into(),
        ]);
        params
    }
}

/// A queued mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMail {
    /// The idempotency key: a `UUIDv7`.
    pub id: String,
    /// The user whom it is about.
    pub user: UserId,
    /// What it says.
    pub kind: MailKind,
    /// The recipient.
    pub to: Email,
    /// Its language.
    pub language: Language,
    /// What the link's token is derived from. `None`: there is no link.
    pub nonce: Option<Nonce>,
    /// The key that it is derived with.
    pub key_id: Option<String>,
    /// The new address of the account, for a mail that is about one.
    pub new_email: Option<String>,
    /// The country of the request.
    pub country: Option<String>,
    /// The label of the device.
    pub device: Option<String>,
    /// When the change happened.
    pub created_at: UnixSeconds,
}

/// The columns of a [`QueuedMail`], from `outbox`.
macro_rules! mail_columns {
    () => {
        "id,
         user_id,
         kind,
         email,
         language,
         nonce,
         key_id,
         facts ->> 'newEmail' AS new_email,
         facts ->> 'country' AS country,
         facts ->> 'device' AS device,
         created_at"
    };
}

impl QueuedMail {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.text("id")?,
            user: row.user_id("user_id")?,
            kind: MailKind::parse(&row.text("kind")?)
                .ok_or_else(|| damaged("outbox.kind", "is unknown"))?,
            to: Email::parse(&row.text("email")?)
                .map_err(|_| damaged("outbox.email", "is not an address"))?,
            language: Language::parse(&row.text("language")?).unwrap_or_default(),
            nonce: row
                .optional_text("nonce")?
                .as_deref()
                .and_then(Nonce::parse),
            key_id: row.optional_text("key_id")?,
            new_email: row.optional_text("new_email")?,
            country: row.optional_text("country")?,
            device: row.optional_text("device")?,
            created_at: row.time("created_at")?,
        })
    }

    /// Reads the result of [`READ_QUEUED`] or [`CLAIM_DUE`].
    pub(super) fn read_first(rows: &dyn Rows) -> Result<Option<Self>, StoreError> {
        row::first(rows, Self::read)
    }
}

/// Queues a mail to each user (at most one) that meets a condition. A repetition finds the row.
macro_rules! queue {
    ($name:literal, $kind:literal, $to:literal, $nonce:expr, $users:expr) => {
        $crate::ports::Statement::new(concat!(
            "/* ",
            $name,
            " */
             INSERT INTO outbox (id, user_id, kind, email, language, nonce, key_id, facts, created_at, next_try_at, tries, trace)
             SELECT ?10, u.id, '",
            $kind,
            "', ",
            $to,
            ", coalesce(u.language, ?11), ",
            $nonce,
            ", ?13, ?14, ?1, ?1 + ",
            $crate::store::outbox::claim_seconds!(),
            ", 1, ?4
               FROM ",
            $users,
            "
                 ON CONFLICT (id) DO NOTHING"
        ))
    };
}
pub(super) use queue;

/// Reads the mail that the batch has queued, if any.
pub(super) const READ_QUEUED: Statement = Statement::new(concat!(
    "/* read queued mail */
     SELECT ",
    mail_columns!(),
    " FROM outbox WHERE id = ?10"
));

/// Claims the mails that are due. The pause before the next try doubles, up to `?3`. Parameters: ?2
/// how many, ?4 the claim in seconds.
///
/// It reads the table until it has found enough, so it also passes over the mails that were given up
/// within the last week: 10,000 of them, read each minute, cost $0.43 a month. An index on the mails
/// that wait would cost at least two written rows for every mail, also for those that leave at once.
const CLAIM_DUE: Statement = Statement::new(concat!(
    "/* claim mails */
     UPDATE outbox
        SET tries = tries + 1,
            next_try_at = ?1 + min(?3, ?4 << min(tries, 20))
      WHERE id IN (SELECT id
                     FROM outbox
                    WHERE next_try_at <= ?1
                      AND given_up_at IS NULL
                    LIMIT ?2)
  RETURNING ",
    mail_columns!()
));

/// Claims mails whose last try has failed or was cut off. One round trip of one statement. A row that
/// is damaged, or that a later version has written, does not keep the others from leaving.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer.
pub async fn claim(
    database: &impl Database,
    now: UnixSeconds,
) -> Result<Vec<Result<QueuedMail, StoreError>>, StoreError> {
    let params: [Param<'_>; 4] = [
        now.get().into(),
        CLAIMED_AT_ONCE.into(),
        LONGEST_PAUSE.get().into(),
        CLAIM.get().into(),
    ];
    // A repeated claim would find nothing, and the mails would wait for their next try.
    let results = database.run_once(&Batch::new(&params, [CLAIM_DUE])).await?;
    row::all(result(&results, 0)?, |row| Ok(QueuedMail::read(row)))
}

const DELIVERED: Statement =
    Statement::new("/* mail delivered */ DELETE FROM outbox WHERE id = ?1");
const GIVE_UP: Statement = Statement::new(
    "/* give mail up */
     UPDATE outbox
        SET given_up_at = ?2,
            nonce = NULL
      WHERE id = ?1
        AND given_up_at IS NULL",
);

/// Deletes a mail that a transport has accepted. One round trip.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer; the mail is then sent again, under the
/// same id.
pub async fn delivered(database: &impl Database, id: &str) -> Result<(), StoreError> {
    let params = [id.into()];
    database.run(&Batch::new(&params, [DELIVERED])).await?;
    Ok(())
}

/// Stops trying a mail. One round trip.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer.
pub async fn give_up(
    database: &impl Database,
    id: &str,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let params = [id.into(), now.get().into()];
    database.run(&Batch::new(&params, [GIVE_UP])).await?;
    Ok(())
}

/// How the outbox is doing, for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Mails whose first try did not succeed.
    pub waiting: i64,
    /// Mails of the last week that were given up.
    pub given_up: i64,
}

const COUNT: Statement = Statement::new(
    "/* count outbox */
     SELECT count(*) FILTER (WHERE given_up_at IS NULL AND created_at <= ?1 - ?2) AS waiting,
            count(*) FILTER (WHERE given_up_at IS NOT NULL) AS given_up
       FROM outbox",
);

/// Counts the mails that did not leave at once. One round trip.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn counts(
    database: &impl Database,
    now: UnixSeconds,
) -> Result<OutboxCounts, StoreError> {
    let params = [now.get().into(), CLAIM.get().into()];
    let results = database.run(&Batch::new(&params, [COUNT])).await?;
    row::first(result(&results, 0)?, |row| {
        Ok(OutboxCounts {
            waiting: row.int("waiting")?,
            given_up: row.int("given_up")?,
        })
    })?
    .ok_or_else(|| damaged("outbox", "gave no row"))
}
