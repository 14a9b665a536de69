//! The batch that begins a session.

use core::ops::Range;

use super::attempts::{Guess, forget, forgive};
use super::effects::Effects;
use super::login_notices::{Notice, TELL};
use super::login_requests::{
    END_UNPROVEN, FREE_GIVEN_UP, LoginRequestKey, PROVE, QUEUE_REMOVED, SPEND_REQUEST,
    SPEND_UNPROVEN, request_works,
};
use super::result;
use super::sessions::EndedSession;
use super::take_back::FORGET_DEVICES;
use crate::domain::audit::Trace;
use crate::domain::credential::hashing::StoredHash;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::session::{EndReason, MAX_LIVE_SESSIONS, Session, SessionKey};
use crate::domain::throttle::ThrottleKey;
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
    /// What the user has proven to be one with.
    pub proof: LoginProof,
    /// The sessions that the request's cookies name, at most one for each cookie. They end.
    pub carried: [Option<SessionKey>; 2],
    /// The mail for a login from a device and country that the user has not been seen with. `None`
    /// where no mail is sent.
    pub notice: Option<Notice>,
    /// The time and origin of the login.
    pub trace: Trace,
}

/// What a login is based on. It must still hold when the session begins.
#[derive(Debug)]
pub enum LoginProof {
    /// The password.
    Password(PasswordProof),
    /// What was mailed.
    Mail(MailProof),
}

/// A password that was verified.
#[derive(Debug)]
pub struct PasswordProof {
    /// Its version. It must still be current, so that a login cannot outrun a password change.
    pub version: PasswordVersion,
    /// Whether the address must be proven, too, when the session begins.
    pub needs_proven_address: bool,
    /// A new hash at today's cost, if the stored one is outdated.
    pub rehash: Option<Rehash>,
    /// The counter that the login resets.
    pub guess: Guess,
}

/// What was mailed to the user, and presented in the browser that had asked for it. If the user had
/// not proven the address before, what was set before this proof ends: the password and every session
/// (CVE-2026-53516).
#[derive(Debug)]
pub struct MailProof {
    /// The request, which the login uses up.
    pub request: LoginRequestKey,
    /// The counter of logins to the account.
    pub account: ThrottleKey,
}

/// Inserts the session of an active user with a proof. A repetition finds its own row and returns it
/// again. Parameters: ?5 first refresh token's id, ?6 idle end, ?7 absolute end, ?17 user agent, ?18
/// country.
macro_rules! begin {
    ($name:literal, $proof:expr) => {
        Statement::new(concat!(
            "/* ",
            $name,
            " */
             INSERT INTO sessions (
                        user_id, id, current_jti, created_at, last_used_at,
                        idle_expires_at, absolute_expires_at, user_agent, country, trace)
             SELECT id, ?3, ?5, ?1, ?1, ?6, ?7, ?17, ?18, ?4
               FROM users
              WHERE id = ?2
                AND is_active = 1
                AND ",
            $proof,
            "
                 ON CONFLICT (user_id, id) DO UPDATE
                SET created_at = created_at
          RETURNING id"
        ))
    };
}

/// Parameters: ?19 verified version, ?34 whether the address has to be proven.
const BEGIN: Statement = begin!(
    "begin session",
    "password_version = ?19 AND (?34 = 0 OR email_verified_at IS NOT NULL)"
);
/// Parameters: ?31 browser, ?32 digest of what it presents.
const BEGIN_BY_MAIL: Statement = begin!(
    "begin session by mail",
    concat!("(", has_begun!(), " OR ", request_works!("?31", "?32"), ")")
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
    let params = login.params();
    let statements = login.statements();
    let queued = login.notice.as_ref().map(|_| statements.len() - 1);
    let results = database.run(&Batch::new(&params, statements)).await?;
    if result(&results, 0)?.is_empty() {
        return Ok(None);
    }
    let endings = login.endings();
    let mut effects = Effects::read(&results, endings.start, queued)?;
    for place in endings.skip(1) {
        let ended = EndedSession::read_all(result(&results, place)?)?;
        effects.ended.extend(ended);
    }
    Ok(Some(effects))
}

impl Login {
    fn carries(&self) -> bool {
        self.carried.iter().any(Option::is_some)
    }

    /// Returns the places of the statements that end sessions.
    fn endings(&self) -> Range<usize> {
        let carries = usize::from(self.carries());
        match &self.proof {
            LoginProof::Password(_) => 1..2 + carries,
            LoginProof::Mail(_) => 2..4 + carries,
        }
    }

    fn statements(&self) -> Vec<Statement> {
        let replace = self.carries().then_some(REPLACE);
        let mut statements = Vec::new();
        match &self.proof {
            LoginProof::Password(_) => {
                statements.push(BEGIN);
                statements.extend(replace);
            }
            LoginProof::Mail(_) => {
                statements.extend([BEGIN_BY_MAIL, PROVE]);
                statements.extend(replace);
                statements.push(END_UNPROVEN);
            }
        }
        statements.push(EVICT);
        match &self.proof {
            LoginProof::Password(PasswordProof { rehash, guess, .. }) => {
                statements.extend(rehash.as_ref().map(|_| REHASH));
                statements.push(FORGET_FAILURES);
                statements.extend(guess.others_failed.then_some(FORGIVE_OTHERS));
            }
            LoginProof::Mail(_) => {
                statements.extend([FREE_GIVEN_UP, SPEND_UNPROVEN, FORGET_DEVICES]);
                statements.extend(self.notice.as_ref().map(|_| QUEUE_REMOVED));
                statements.push(SPEND_REQUEST);
            }
        }
        statements.push(PURGE);
        if self.notice.is_some() {
            statements.extend(TELL);
        }
        statements
    }

    fn params(&self) -> Vec<Param<'_>> {
        let session = &self.session;
        let (password, mailed) = match &self.proof {
            LoginProof::Password(password) => (Some(password), None),
            LoginProof::Mail(mailed) => (None, Some(mailed)),
        };
        let guess = password.map(|password| &password.guess);
        let account = guess.map(|guess| &guess.account);
        let account = account.or(mailed.map(|mailed| &mailed.account));
        let mut params: Vec<Param<'_>> = vec![
            self.trace.at.get().into(),
            session.user.to_string().into(),
            session.id.to_string().into(),
            self.trace.to_json(Some(session.id)).into(),
            session.refresh_id.to_string().into(),
            session.idle_expires_at.get().into(),
            session.absolute_expires_at.get().into(),
            account.map(ThrottleKey::as_str).into(),
            guess.map(|guess| guess.client.as_str()).into(),
        ];
        match &self.notice {
            Some(notice) => params = notice.draft.after(params),
            None => params.extend([const { Param::Null }; 7]),
        }
        let rehash = password.and_then(|password| password.rehash.as_ref());
        let request = mailed.map(|mailed| &mailed.request);
        let [first, second] = self.carried.map(KeyParams::of);
        let others = u32::try_from(MAX_LIVE_SESSIONS - 1).unwrap_or(u32::MAX);
        params.extend([
            session.device.user_agent.as_deref().into(),
            session.device.country.as_deref().into(),
            password.map(|password| password.version.0).into(),
            rehash.map(|rehash| rehash.from.expose()).into(),
            rehash.map(|rehash| rehash.to.expose()).into(),
            first.user,
            first.id,
            second.user,
            second.id,
            EndReason::Replaced.as_str().into(),
            others.into(),
            EndReason::Evicted.as_str().into(),
            ENDED_KEPT.get().into(),
            self.notice
                .as_ref()
                .map(|notice| notice.device.as_str())
                .into(),
            request.map(|request| request.browser.as_str()).into(),
            request.map(|request| request.digest.as_str()).into(),
            EndReason::EmailVerified.as_str().into(),
            password
                .map(|password| u32::from(password.needs_proven_address))
                .into(),
        ]);
        params
    }
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
