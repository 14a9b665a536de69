//! The batch that begins a session.

use super::attempts::{Guess, forget, forgive};
use super::result;
use super::sessions::EndedSession;
use crate::domain::audit::Trace;
use crate::domain::credential::hashing::StoredHash;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::session::{EndReason, MAX_LIVE_SESSIONS, Session, SessionKey};
use crate::domain::time::Seconds;
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// How long an ended session is kept, at least: a repetition of the request that ended it finds
/// it. Nothing else needs it: a token of a session that is not there is refused.
pub const ENDED_KEPT: Seconds = Seconds::new(600);

/// A hash to be replaced by another one of the same password.
#[derive(Debug)]
pub struct Rehash {
    /// The hash that was verified; any other hash found there is left unchanged.
    pub from: StoredHash,
    /// The hash that takes its place.
    pub to: StoredHash,
}

/// A login to be recorded.
#[derive(Debug)]
pub struct Login {
    /// The session that begins.
    pub session: Session,
    /// The password that was verified; it must still be the current one, so that a login
    /// cannot outrun a change of the password.
    pub verified: PasswordVersion,
    /// A hash of today's setting to be stored.
    pub rehash: Option<Rehash>,
    /// The sessions that the request carried, at most one for each cookie: they end.
    pub carried: [Option<SessionKey>; 2],
    /// The counter that the login sets back.
    pub guess: Guess,
    /// The time of the login, and where it comes from.
    pub trace: Trace,
}

/// The session of this login exists: everything else of the batch depends on it.
macro_rules! has_begun {
    () => {
        "EXISTS (SELECT 1 FROM sessions AS begun WHERE begun.user_id = ?2 AND begun.id = ?3)"
    };
}

/// Parameters: ?5 first refresh token's id, ?6 idle end, ?7 absolute end, ?10 user agent, ?11 country,
/// ?12 verified version. A repetition finds its own row and gives it again.
const BEGIN: Statement = Statement::new(
    "/* begin session */
     INSERT INTO sessions (
                user_id, id, current_jti, created_at, last_used_at,
                idle_expires_at, absolute_expires_at, user_agent, country, trace)
     SELECT id, ?3, ?5, ?1, ?1, ?6, ?7, ?10, ?11, ?4
       FROM users
      WHERE id = ?2
        AND is_active = 1
        AND password_version = ?12
         ON CONFLICT (user_id, id) DO UPDATE
        SET created_at = created_at
  RETURNING id",
);

const FORGET_FAILURES: Statement = forget!("forget failures", has_begun!());
const FORGIVE_OTHERS: Statement = forgive!("forgive others", has_begun!());

/// Parameters: ?13 verified hash, ?14 new hash.
const REHASH: Statement = Statement::new(concat!(
    "/* rehash */
     UPDATE users
        SET password_hash = ?14,
            trace = ?4
      WHERE id = ?2
        AND password_hash = ?13
        AND ",
    has_begun!()
));

/// Parameters: ?15 ?16 user and id of a carried session, ?17 ?18 of another, ?19 reason. They end
/// before the sessions over the cap are counted. A repetition finds those that this login (`?4`)
/// has ended.
const REPLACE: Statement = Statement::new(concat!(
    "/* replace session */
     UPDATE sessions
        SET ended_at = ?1,
            end_reason = ?19,
            trace = ?4
      WHERE (user_id, id) IN (VALUES (?15, ?16), (?17, ?18))
        AND (ended_at IS NULL OR trace = ?4)
        AND idle_expires_at > ?1
        AND ",
    has_begun!(),
    " RETURNING ",
    ended_columns!()
));

/// Parameters: ?20 how many others stay, ?21 reason. All end but the new one and the most recently
/// used of the others; a repetition finds those that this login (`?4`) has ended. (The new one may not look the newest: another location's clock may be ahead.)
const EVICT: Statement = Statement::new(concat!(
    "/* evict sessions */
     UPDATE sessions
        SET ended_at = ?1,
            end_reason = ?21,
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
                     LIMIT -1 OFFSET ?20)
             OR (trace = ?4 AND end_reason = ?21))
        AND ",
    has_begun!(),
    " RETURNING ",
    ended_columns!()
));

/// Parameters: ?22 how long ended sessions are kept. A person's own dead sessions go with their next
/// login, so that what a login reads stays bounded.
const PURGE: Statement = Statement::new(
    "/* purge sessions */
     DELETE FROM sessions
      WHERE user_id = ?2
        AND (ended_at <= ?1 - ?22 OR idle_expires_at <= ?1)",
);

/// Begins a session, ends the ones it replaces and those over the cap, and stores the new hash, in
/// one round trip. `None` when the user has become inactive or the password another: then nothing
/// has changed but that dead sessions are gone. Repeating it with the same argument changes nothing
/// more.
///
/// # Errors
///
/// [`StoreError`].
pub async fn begin_session(
    database: &impl Database,
    login: &Login,
) -> Result<Option<Vec<EndedSession>>, StoreError> {
    let (session, rehash) = (&login.session, login.rehash.as_ref());
    let [first, second] = login.carried.map(KeyParams::of);
    let kept = u32::try_from(MAX_LIVE_SESSIONS - 1).unwrap_or(u32::MAX);
    let params: [Param<'_>; 22] = [
        login.trace.at.get().into(),
        session.user.to_string().into(),
        session.id.to_string().into(),
        login.trace.to_json(Some(session.id)).into(),
        session.refresh_id.to_string().into(),
        session.idle_expires_at.get().into(),
        session.absolute_expires_at.get().into(),
        login.guess.account.as_str().into(),
        login.guess.client.as_str().into(),
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
    ];
    let carries = login.carried.iter().any(Option::is_some);
    let mut statements = vec![BEGIN];
    statements.extend(carries.then_some(REPLACE));
    statements.push(EVICT);
    statements.extend(rehash.map(|_| REHASH));
    statements.push(FORGET_FAILURES);
    statements.extend(login.guess.others_failed.then_some(FORGIVE_OTHERS));
    statements.push(PURGE);
    let results = database.run(&Batch::new(&params, statements)).await?;
    if result(&results, 0)?.is_empty() {
        return Ok(None);
    }
    let mut ended = EndedSession::read_all(result(&results, 1)?)?;
    if carries {
        ended.extend(EndedSession::read_all(result(&results, 2)?)?);
    }
    Ok(Some(ended))
}

/// A carried session as parameters.
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
