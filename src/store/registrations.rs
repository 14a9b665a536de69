//! Registers users.

use super::mail_counts::{
    self, COUNT_ADDRESS, COUNT_CLIENT, Counted, READ_COUNT, Requested, client_is_counted, requested,
};
use super::one_time_tokens::issue;
use super::outbox::{Draft, QueuedMail, READ_QUEUED, queue};
use super::row;
use super::users::read_user;
use super::{damaged, result};
use crate::domain::audit::Trace;
use crate::domain::credential::hashing::StoredHash;
use crate::domain::id::UserId;
use crate::domain::identity::email::Email;
use crate::domain::identity::user::{RoleSlug, User, UserName};
use crate::domain::mail::Language;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::ports::{Batch, Database, Param, Statement, StoreError};

/// A user who registers. Everything is chosen before the write, so that it may be repeated.
#[derive(Debug)]
pub struct NewUser {
    /// The id of the new row.
    pub id: UserId,
    /// The canonical address.
    pub email: Email,
    /// The display name.
    pub name: Option<UserName>,
    /// The hash of the password.
    pub hash: StoredHash,
    /// The role of the user.
    pub role: RoleSlug,
    /// The maximum number of registrations in an hour, including those for taken addresses.
    pub most_an_hour: u32,
    /// The language of mails to the user, if the request names one that there is.
    pub language: Option<Language>,
    /// The mail that proves the address. `None` where no mail is sent.
    pub mailing: Option<RegistrationMail>,
    /// The time and origin of the registration.
    pub trace: Trace,
}

/// The mail of a registration.
#[derive(Debug)]
pub struct RegistrationMail {
    /// The mail.
    pub draft: Draft,
    /// Who is counted. A registration whose mail is not counted queues none.
    pub counted: Counted,
    /// Whether nobody logs in without the mail: a client that has caused too many does not register.
    /// The answer does not show whether the address is taken, so the owner of a taken one is told.
    pub is_required: bool,
}

/// A user with the display name of the role, which only a registration returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The user.
    pub user: User,
    /// The role's display name.
    pub role_name: String,
}

/// The outcome of a registration.
#[must_use]
#[derive(Debug)]
pub enum Registration {
    /// The row exists and is the result of this registration. The mail proves the address.
    Registered(Registered, Option<QueuedMail>),
    /// The address belongs to another row, or rests. The mail is for the row's user.
    EmailTaken(Option<QueuedMail>),
    /// The role is not in the database: the deployment's configuration is wrong.
    NoSuchRole,
    /// The hour has as many registrations as it may have, or the client has caused too many mails. The
    /// span is the time to wait.
    TooMany(Seconds),
}

/// The length of the window in which registrations are counted together, in seconds.
const REGISTRATIONS_WINDOW: i64 = 3_600;

/// This registration (`?2`) is among those that its hour may have.
macro_rules! is_counted {
    () => {
        "EXISTS (SELECT 1
                   FROM attempts
                  WHERE account = 'registrations'
                    AND client = ?9
                    AND attempt = ?2)"
    };
}

/// Counts a registration, which bounds what clients without an account can add to the database,
/// from all addresses together. Parameters: ?9 the hour, ?19 how many it may have.
macro_rules! count_registration {
    ($name:literal, $condition:expr) => {
        Statement::new(concat!(
            "/* ",
            $name,
            " */
             INSERT INTO attempts (account, client, failures, counted, blocked_until, attempt, updated_at)
             SELECT 'registrations', ?9, 1, 0, 0, ?2, ?1
              WHERE ",
            $condition,
            "
                 ON CONFLICT (account, client) DO UPDATE
                SET failures = failures + 1,
                    attempt = ?2,
                    updated_at = ?1
              WHERE attempt <> ?2
                AND failures < ?19"
        ))
    };
}

const COUNT_REGISTRATION: Statement = count_registration!("count registration", "TRUE");
/// The same, where nobody logs in without the mail.
const COUNT_MAILED_REGISTRATION: Statement =
    count_registration!("count mailed registration", client_is_counted!());

/// Adds the user, unless the address is taken, the role is unknown or the hour is full; the next
/// statement finds out which. Parameters: ?5 address, ?6 name, ?7 hash, ?8 role.
const REGISTER: Statement = Statement::new(concat!(
    "/* register */
     INSERT INTO users (id, email, name, password_hash, role_slug, created_at, updated_at, language, trace)
     SELECT ?2, ?5, ?6, ?7, slug, ?1, ?1, ?20, ?4
       FROM roles
      WHERE slug = ?8
        AND NOT EXISTS (SELECT 1 FROM resting_addresses WHERE email = ?5 AND until > ?1)
        AND ",
    is_counted!(),
    "
         ON CONFLICT DO NOTHING"
));

/// Reads the outcome. Always one row.
const READ_REGISTERED: Statement = Statement::new(concat!(
    "/* read registered */
     SELECT c.is_counted,
            u.id,
            u.email,
            u.name,
            u.is_active,
            u.is_superuser,
            u.role_slug,
            u.created_at,
            u.updated_at,
            r.name AS role_name,
            EXISTS (SELECT 1 FROM resting_addresses WHERE email = ?5 AND until > ?1) AS is_resting
       FROM (SELECT ",
    is_counted!(),
    " AS is_counted) AS c
       LEFT JOIN users AS u ON u.email = ?5
       LEFT JOIN roles AS r ON r.slug = u.role_slug"
));

const ISSUE_VERIFICATION: Statement = issue!(
    "issue first verification",
    "verify-email",
    { "NULL", "u.password_version", "NULL", "NULL" },
    concat!("users AS u WHERE u.id = ?2 AND u.email_verified_at IS NULL AND ", mail_counts::is_counted!())
);
const QUEUE_VERIFICATION: Statement = queue!(
    "queue first verification",
    "verify_email",
    "u.email",
    "?12",
    concat!(
        "users AS u WHERE u.id = ?2 AND u.email_verified_at IS NULL AND ",
        mail_counts::is_counted!()
    )
);
const QUEUE_TAKEN: Statement = queue!(
    "queue already registered",
    "already_registered",
    "u.email",
    "NULL",
    concat!(
        "users AS u WHERE u.email = ?5 AND u.id <> ?2 AND u.is_active = 1 AND ",
        mail_counts::is_counted!(),
        " AND ",
        is_counted!()
    )
);

/// Adds a user with a role. One round trip. Repeating it with the same argument returns the same
/// outcome: the id of the row that is found shows whether it is this registration's.
///
/// # Errors
///
/// Returns [`StoreError`] when the database does not answer or a row is damaged.
pub async fn register(
    database: &impl Database,
    user: &NewUser,
) -> Result<Registration, StoreError> {
    let hour = user.trace.at.get().div_euclid(REGISTRATIONS_WINDOW);
    let mut params: Vec<Param<'_>> = vec![
        user.trace.at.get().into(),
        user.id.to_string().into(),
        Param::Null,
        user.trace.to_json(None).into(),
        user.email.as_str().into(),
        user.name.as_ref().map(UserName::as_str).into(),
        user.hash.expose().into(),
        user.role.as_str().into(),
        hour.to_string().into(),
    ];
    let is_required = user
        .mailing
        .as_ref()
        .is_some_and(|mailing| mailing.is_required);
    let mut statements = if is_required {
        vec![COUNT_CLIENT, COUNT_MAILED_REGISTRATION]
    } else {
        vec![COUNT_REGISTRATION]
    };
    let found_at = statements.len() + 1;
    statements.extend([REGISTER, READ_REGISTERED]);
    if let Some(mailing) = &user.mailing {
        params = mailing.draft.after(params);
        params.push(mailing.counted.client.as_str().into());
        params.push(mailing.counted.address.as_str().into());
        statements.extend((!is_required).then_some(COUNT_CLIENT));
        statements.extend([COUNT_ADDRESS, ISSUE_VERIFICATION, QUEUE_VERIFICATION]);
        statements.extend(is_required.then_some(QUEUE_TAKEN));
        statements.extend([READ_COUNT, READ_QUEUED]);
    } else {
        params.extend([const { Param::Null }; 9]);
    }
    params.push(user.most_an_hour.into());
    params.push(user.language.map(Language::as_str).into());
    let counted_at = statements.len().saturating_sub(2);
    let results = database.run(&Batch::new(&params, statements)).await?;
    let mail = match &user.mailing {
        None => None,
        Some(_) => match requested(&results, counted_at, user.trace.at)? {
            Requested::TooMany(pause) if is_required => return Ok(Registration::TooMany(pause)),
            Requested::TooMany(_) => None,
            Requested::Accepted(mail) => mail.map(|mail| *mail),
        },
    };
    let found = row::first(result(&results, found_at)?, |row| {
        // A full hour shows who is registered as little as the other answers do.
        if is_required && !row.is("is_counted")? {
            return Ok(Found::FullHour);
        }
        if row.optional_text("id")?.is_some() {
            let user = read_user(row)?;
            let role_name = row.text("role_name")?;
            return Ok(Found::User(Registered { user, role_name }));
        }
        Ok(if row.is("is_resting")? {
            Found::Resting
        } else if row.is("is_counted")? {
            Found::NoRole
        } else {
            Found::FullHour
        })
    })?;
    match found {
        Some(Found::User(registered)) if registered.user.id == user.id => {
            Ok(Registration::Registered(registered, mail))
        }
        Some(Found::User(_) | Found::Resting) => Ok(Registration::EmailTaken(mail)),
        Some(Found::NoRole) => Ok(Registration::NoSuchRole),
        Some(Found::FullHour) => {
            let next = UnixSeconds::new((hour + 1) * REGISTRATIONS_WINDOW);
            Ok(Registration::TooMany(next.left_from(user.trace.at)))
        }
        None => Err(damaged("a registration", "gave no row")),
    }
}

/// What a registration finds at its address.
enum Found {
    User(Registered),
    Resting,
    NoRole,
    FullHour,
}
