//! Logging in by mail: a request belongs to the browser that made it, and what the mail contains
//! works there alone, with few tries.
//!
//! Parameters: those of a mail that a stranger may cause; ?20 browser of a request.

use super::mail_counts::{Requested, is_counted};
use super::outbox::queue;
use super::recovery::{
    MailRequest, request_mail, rest_unproven_no_more, spend_of_old_password, user_of_address,
};
use super::sessions::end_all;
use super::{damaged, result, row};
use crate::domain::credential::mailed_login::{BrowserSecret, LoginMeans, Mailed};
use crate::domain::id::{TokenId, UserId};
use crate::domain::identity::email::Email;
use crate::domain::time::UnixSeconds;
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// How many times something may be presented for a request. Of a million codes, five are one
/// chance in 200,000.
const MAX_TRIES: u32 = 5;

/// The browser of a request, and what is presented for it, as the database knows them.
#[derive(Clone, Debug)]
pub struct LoginRequestKey {
    /// The digest of the browser's secret.
    pub browser: String,
    /// The digest of what the mail contains.
    pub digest: String,
}

impl LoginRequestKey {
    /// Returns the key of what a browser presents.
    #[must_use]
    pub fn of(browser: &BrowserSecret, mailed: &Mailed) -> Self {
        Self {
            browser: browser.digest(),
            digest: browser.bind(mailed),
        }
    }
}

/// Keeps the request of a browser, also for an address that nobody has: each try of it is then the
/// same work, and what is presented never works. A browser has ten at once, as many as a client may
/// ask for in an hour: each try writes all of them, and clients could share a cookie.
const KEEP_REQUEST: Statement = Statement::new(concat!(
    "/* keep login request */
     INSERT INTO login_requests (browser, digest, user_id, email, password_version, expires_at)
     SELECT ?20, ?15, u.id, ?19, u.password_version, ?16
       FROM (SELECT 1)
       LEFT JOIN users AS u ON u.email = ?19 AND u.is_active = 1
      WHERE ",
    is_counted!(),
    "   AND (SELECT count(*) FROM login_requests WHERE browser = ?20 AND expires_at > ?1) < 10
         ON CONFLICT (browser, digest) DO NOTHING"
));
const QUEUE_LINK: Statement = queue!(
    "queue login link",
    "login_link",
    "u.email",
    "?12",
    user_of_address!("TRUE")
);
const QUEUE_CODE: Statement = queue!(
    "queue login code",
    "login_code",
    "u.email",
    "?12",
    user_of_address!("TRUE")
);

/// Counts the request, keeps it for the browser, and queues the mail. One round trip of the same
/// statements for every address. Repeating it with the same argument changes nothing more.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn request_login(
    database: &impl Database,
    request: &MailRequest,
    browser: &BrowserSecret,
    means: LoginMeans,
) -> Result<Requested, StoreError> {
    let queue = match means {
        LoginMeans::Link => QUEUE_LINK,
        LoginMeans::Code => QUEUE_CODE,
    };
    let more = Some(browser.digest());
    request_mail(database, request, [KEEP_REQUEST, queue], more).await
}

/// What is mailed for the request of browser `$browser` has the digest `$digest`, and user `users`
/// is as at the request.
macro_rules! request_works {
    ($browser:literal, $digest:literal) => {
        concat!(
            "EXISTS (SELECT 1
                       FROM login_requests AS r
                      WHERE r.browser = ",
            $browser,
            "
                        AND r.user_id = users.id
                        AND r.digest = ",
            $digest,
            "
                        AND r.expires_at > ?1
                        AND r.email = users.email
                        AND r.password_version = users.password_version)"
        )
    };
}
pub(super) use request_works;

/// Proves the address, and takes away the password that was set before: it may be a stranger's.
pub(super) const PROVE: Statement = Statement::new(concat!(
    "/* prove by login */
     UPDATE users
        SET email_verified_at = ?1,
            password_version = password_version + (password_hash IS NOT NULL),
            password_hash = NULL,
            updated_at = ?1,
            trace = ?4
      WHERE id = ?2
        AND email_verified_at IS NULL
        AND ",
    has_begun!()
));
/// Ends every session from before the proof. Parameters: ?33 reason.
pub(super) const END_UNPROVEN: Statement = end_all!(
    "end unproven",
    "?33",
    concat!(
        "id <> ?3 AND coalesce(end_reason, ?33) = ?33 AND ",
        has_changed_user!()
    )
);
pub(super) const FREE_GIVEN_UP: Statement = rest_unproven_no_more!("free given up");
pub(super) const SPEND_UNPROVEN: Statement = spend_of_old_password!("spend unproven");
/// Tells that the password is gone, in place of the login. The request still has the version from
/// before.
pub(super) const QUEUE_REMOVED: Statement = queue!(
    "queue password removed",
    "password_removed",
    "u.email",
    "NULL",
    "users AS u WHERE u.id = ?2 AND u.trace = ?4
                  AND EXISTS (SELECT 1
                                FROM login_requests AS r
                               WHERE r.browser = ?31
                                 AND r.digest = ?32
                                 AND r.password_version <> u.password_version)"
);
/// A request works once.
pub(super) const SPEND_REQUEST: Statement = Statement::new(concat!(
    "/* spend login request */
     DELETE FROM login_requests
      WHERE browser = ?31
        AND ",
    has_begun!()
));

/// Counts a try, unless it is a repetition. Parameters: ?5 try, ?7 browser, ?8 most tries.
const COUNT_TRY: Statement = Statement::new(
    "/* count login try */
     UPDATE login_requests
        SET tries = tries + 1,
            last_try = ?5
      WHERE browser = ?7
        AND expires_at > ?1
        AND tries < ?8
        AND last_try IS NOT ?5",
);
/// Reads whose request it is, if the try was counted, and whether what was presented (?6) works. A
/// browser may have several requests, one for each time that it asked: those for an address that
/// somebody has come first, so that nobody can hide wrong tries among others. A request without tries
/// left is not counted, and does not work beside one that has some.
const JUDGE_TRY: Statement = Statement::new(
    "/* judge login try */
     SELECT users.id,
            users.email,
            users.role_slug,
            users.is_active = 1
            AND tried.digest = ?6
            AND tried.email = users.email
            AND tried.password_version = users.password_version AS is_right
       FROM login_requests AS tried
       LEFT JOIN users ON users.id = tried.user_id
      WHERE tried.browser = ?7
        AND tried.last_try = ?5
      ORDER BY tried.digest = ?6 DESC, users.id IS NULL
      LIMIT 1",
);

/// A user who may log in without a password.
#[derive(Clone, Debug)]
pub struct MailedUser {
    /// The user.
    pub id: UserId,
    /// The canonical address.
    pub email: Email,
    /// The key of the role.
    pub role_slug: String,
}

/// The outcome of a try.
#[must_use]
#[derive(Clone, Debug)]
pub enum Tried {
    /// What was presented works.
    Right(MailedUser),
    /// It does not. The user is that of the request; `None` where nobody has the address.
    Wrong(Option<UserId>),
    /// The browser has no request with tries left.
    NotAsked,
}

/// Counts a try and judges it. One round trip. Repeating it with the same argument counts once.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn try_login(
    database: &impl Database,
    key: &LoginRequestKey,
    id: TokenId,
    now: UnixSeconds,
) -> Result<Tried, StoreError> {
    let params: [Param<'_>; 8] = [
        now.get().into(),
        Param::Null,
        Param::Null,
        Param::Null,
        id.to_string().into(),
        key.digest.as_str().into(),
        key.browser.as_str().into(),
        MAX_TRIES.into(),
    ];
    let results = database
        .run(&Batch::new(&params, [COUNT_TRY, JUDGE_TRY]))
        .await?;
    let tried = row::first(result(&results, 1)?, |row| {
        if row.optional_text("id")?.is_none() {
            return Ok(Tried::Wrong(None));
        }
        let id = row.user_id("id")?;
        if !row.is("is_right")? {
            return Ok(Tried::Wrong(Some(id)));
        }
        Ok(Tried::Right(MailedUser {
            id,
            email: Email::parse(&row.text("email")?)
                .map_err(|_| damaged("users.email", "is not an address"))?,
            role_slug: row.text("role_slug")?,
        }))
    })?;
    Ok(tried.unwrap_or(Tried::NotAsked))
}
