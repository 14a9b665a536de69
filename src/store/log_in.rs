//! The batch that begins a session.

use super::attempts::{Guess, forget, forgive};
use super::effects::Effects;
use super::mail_counts::{count_notice, may_be_told};
use super::outbox::{Draft, READ_QUEUED, queue};
use super::result;
use super::sessions::EndedSession;
use crate::domain::audit::Trace;
use crate::domain::credential::hashing::StoredHash;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::session::{EndReason, MAX_LIVE_SESSIONS, Session, SessionKey};
use crate::domain::time::Seconds;
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// The minimum time for which an ended session is kept, so that a repetition of the request that
/// ended it finds it. Nothing else needs it: a token whose session does not exist is refused.
pub const ENDED_KEPT: Seconds = Seconds::new(600);

/// A hash that replaces another one of the same password.
#[derive(Debug)]
pub struct Rehash {
    /// The hash that was verified. Any other hash found there is left unchanged.
    pub from: StoredHash,
    /// The hash that replaces it.
    pub to: StoredHash,
}

/// A login to be recorded.
#[derive(Debug)]
pub struct Login {
    /// The session that begins.
    pub session: Session,
    /// The version of the password that was verified. It must still be current, so that a login
    /// cannot outrun a password change.
    pub verified: PasswordVersion,
    /// A new hash at today's cost, if the stored one is outdated.
    pub rehash: Option<Rehash>,
    /// The sessions that the request's cookies name, at most one for each cookie. They end.
    pub carried: [Option<SessionKey>; 2],
    /// The counter that the login resets.
    pub guess: Guess,
    /// The mail for a login from a device and country that the user has not been seen with. `None`
    /// where no mail is sent.
    pub notice: Option<Notice>,
    /// The time and origin of the login.
    pub trace: Trace,
}

/// A mail that tells of a login.
#[derive(Debug)]
pub struct Notice {
    /// The device and country, as JSON.
    pub device: String,
    /// The mail.
    pub draft: Draft,
}

/// The session of this login exists. Everything else in the batch depends on it.
macro_rules! has_begun {
    () => {
        "EXISTS (SELECT 1 FROM sessions AS begun WHERE begun.user_id = ?2 AND begun.id = ?3)"
    };
}

/// Inserts the session. A repetition finds its own row and returns it again. Parameters: ?5 first
/// refresh token's id, ?6 idle end, ?7 absolute end, ?17 user agent, ?18 country, ?19 verified
/// version.
const BEGIN: Statement = Statement::new(
    "/* begin session */
     INSERT INTO sessions (
                user_id, id, current_jti, created_at, last_used_at,
                idle_expires_at, absolute_expires_at, user_agent, country, trace)
     SELECT id, ?3, ?5, ?1, ?1, ?6, ?7, ?17, ?18, ?4
       FROM users
      WHERE id = ?2
        AND is_active = 1
        AND password_version = ?19
         ON CONFLICT (user_id, id) DO UPDATE
        SET created_at = created_at
  RETURNING id",
);

const FORGET_FAILURES: Statement = forget!("forget failures", has_begun!());
const FORGIVE_OTHERS: Statement = forgive!("forgive others", has_begun!());

/// Replaces the verified hash. Parameters: ?20 verified hash, ?21 new hash.
const REHASH: Statement = Statement::new(concat!(
    "/* rehash */
     UPDATE users
        SET password_hash = ?21,
            trace = ?4
      WHERE id = ?2
        AND password_hash = ?20
        AND ",
    has_begun!()
));

/// Ends the sessions that the request carried, before the sessions over the cap are counted. A
/// repetition finds those that this login (`?4`) has ended. Parameters: ?22 ?23 user and id of a
/// carried session, ?24 ?25 of another, ?26 reason.
const REPLACE: Statement = Statement::new(concat!(
    "/* replace session */
     UPDATE sessions
        SET ended_at = ?1,
            end_reason = ?26,
            trace = ?4
      WHERE (user_id, id) IN (VALUES (?22, ?23), (?24, ?25))
        AND (ended_at IS NULL OR trace = ?4)
        AND idle_expires_at > ?1
        AND ",
    has_begun!(),
    " RETURNING ",
    ended_columns!()
));

/// Ends all sessions but the new one and the most recently used of the others. The new one may not
/// appear to be the newest, because another location's clock may be ahead. A repetition finds the
/// sessions that this login (`?4`) has ended. Parameters: ?27 how many others stay, ?28 reason.
const EVICT: Statement = Statement::new(concat!(
    "/* evict sessions */
     UPDATE sessions
        SET ended_at = ?1,
            end_reason = ?28,
            trace = ?4
      WHERE user_id = ?2
        AND (id IN (SELECT id
                      FROM sessions
                     WHERE user_id = ?2
                       AND id <> ?3
                       AND ",
    live!(),
    "
                     ORDER BY last_used_at DESC, created_at DESC
                     LIMIT -1 OFFSET ?27)
             OR (trace = ?4 AND end_reason = ?28))
        AND ",
    has_begun!(),
    " RETURNING ",
    ended_columns!()
));

/// Deletes the user's own dead sessions, so that what a login reads stays bounded. Parameters: ?29
/// how long ended sessions are kept.
const PURGE: Statement = Statement::new(
    "/* purge sessions */
     DELETE FROM sessions
      WHERE user_id = ?2
        AND (ended_at <= ?1 - ?29 OR idle_expires_at <= ?1)",
);

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
         ON CONFLICT (user_id, purpose) DO UPDATE
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

/// Begins a session, ends the ones it replaces and those over the cap, and stores the new hash, in
/// one round trip. Queues a mail if the device and country are new. `None` when the user has become inactive or the
/// password has changed; then only dead sessions have been deleted. Repeating it with the same
/// argument changes nothing more.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn begin_session(
    database: &impl Database,
    login: &Login,
) -> Result<Option<Effects>, StoreError> {
    let (session, rehash) = (&login.session, login.rehash.as_ref());
    let [first, second] = login.carried.map(KeyParams::of);
    let kept = u32::try_from(MAX_LIVE_SESSIONS - 1).unwrap_or(u32::MAX);
    let notice = login.notice.as_ref();
    let mut params: Vec<Param<'_>> = vec![
        login.trace.at.get().into(),
        session.user.to_string().into(),
        session.id.to_string().into(),
        login.trace.to_json(Some(session.id)).into(),
        session.refresh_id.to_string().into(),
        session.idle_expires_at.get().into(),
        session.absolute_expires_at.get().into(),
        login.guess.account.as_str().into(),
        login.guess.client.as_str().into(),
    ];
    match notice {
        Some(notice) => params = notice.draft.after(params),
        None => params.extend([const { Param::Null }; 7]),
    }
    params.extend([
        session.device.user_agent.as_deref().into(),
        session.device.country.as_deref().into(),
        login.verified.0.into(),
        rehash.map(|rehash| rehash.from.expose()).into(),
        rehash.map(|rehash| rehash.to.expose()).into(),
        first.user,
        first.id,
        second.user,
        second.id,
        EndReason::Replaced.as_str().into(),
        kept.into(),
        EndReason::Evicted.as_str().into(),
        ENDED_KEPT.get().into(),
        notice.map(|notice| notice.device.as_str()).into(),
    ]);
    let carries = login.carried.iter().any(Option::is_some);
    let mut statements = vec![BEGIN];
    statements.extend(carries.then_some(REPLACE));
    statements.push(EVICT);
    statements.extend(rehash.map(|_| REHASH));
    statements.push(FORGET_FAILURES);
    statements.extend(login.guess.others_failed.then_some(FORGIVE_OTHERS));
    statements.push(PURGE);
    if notice.is_some() {
        statements.extend([
            COUNT_NOTICE,
            ISSUE_DISOWNING,
            QUEUE_NEW_LOGIN,
            SEE,
            READ_QUEUED,
        ]);
    }
    let last = statements.len() - 1;
    let results = database.run(&Batch::new(&params, statements)).await?;
    if result(&results, 0)?.is_empty() {
        return Ok(None);
    }
    let mut effects = Effects::read(&results, 1, notice.map(|_| last))?;
    if carries {
        let evicted = EndedSession::read_all(result(&results, 2)?)?;
        effects.ended.extend(evicted);
    }
    Ok(Some(effects))
}

/// The key of a carried session, as parameters.
struct KeyParams {
    user: Param<'static>,
    id: Param<'static>,
}

impl KeyParams {
    fn of(key: Option<SessionKey>) -> Self {
        Self {
            user: key.map(|key| key.user.to_string()).into(),
            id: key.map(|key| key.id.to_string()).into(),
        }
    }
}
