//! The guarantees of the statements, the schema and the triggers, tested on SQLite.

mod address_requests;
mod bystanders;
mod changes;
mod conditions;
mod confirmations;
mod drafts;
mod endings;
mod given_back;
mod links;
mod logins;
mod mail_logins;
mod mail_requests;
mod mail_tries;
mod newcomers;
mod notices;
mod resets;
mod rotations;
mod sweeping;
mod taken_back;
mod throttle;
mod told;
mod triggers;
mod words;

use pollster::block_on;

use super::attempts::{self, Attempt, Attempted, Guess};
use super::log_in::{Login, LoginProof, PasswordProof, begin_session};
use super::registrations::{self, NewUser, Registration};
use super::rotate::{Rotation, RotationRequest, rotate};
use super::sessions::EndedSession;
use super::{passwords, sessions};
use crate::domain::audit::Trace;
use crate::domain::credential::hashing::StoredHash;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::identity::email::Email;
use crate::domain::identity::user::{PasswordVersion, RoleSlug};
use crate::domain::session::{Device, EndReason, NewSession, Session, SessionKey, SessionPolicy};
use crate::domain::throttle::{ClientPrefix, ThrottleKeys};
use crate::domain::time::{Seconds, UnixSeconds};
use crate::testing::sqlite::Sqlite;

const NOW: i64 = 1_000_000;
const POLICY: SessionPolicy = SessionPolicy {
    idle: Seconds::new(1_000),
    absolute: Seconds::new(2_500),
    grace: Seconds::new(10),
};
const ADA: &str = "ada@example.org";
const HASH: &str = "hash of the password";

/// A database with a clock.
#[derive(Default)]
struct World {
    database: Sqlite,
    passed: i64,
    requests: core::cell::Cell<u32>,
}

impl World {
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(NOW + self.passed)
    }

    /// The trace of a new request.
    fn trace(&self) -> Trace {
        self.requests.set(self.requests.get() + 1);
        Trace {
            at: self.now(),
            request_id: format!("request {}", self.requests.get()),
            client: keys().of_client(ClientPrefix::parse(None)),
            country: Some("DE".to_owned()),
        }
    }

    fn register(&self, email: &str) -> UserId {
        let id = UserId::new(1, &number(email));
        let user = NewUser {
            id,
            email: Email::parse(email).unwrap(),
            name: None,
            hash: StoredHash::from_database(HASH.to_owned()),
            role: RoleSlug::parse("application-access").unwrap(),
            most_an_hour: 1_000,
            mailing: None,
            language: None,
            trace: self.trace(),
        };
        let outcome = block_on(registrations::register(&self.database, &user)).unwrap();
        assert!(matches!(outcome, Registration::Registered(..)));
        id
    }

    fn session(&self, user: UserId, byte: u8) -> Session {
        NewSession {
            id: SessionId::from_random([byte; 16]),
            user,
            refresh_id: token(byte),
            device: Device::default(),
        }
        .begin(POLICY, self.now())
    }

    fn login(&self, user: UserId, byte: u8) -> Login {
        let keys = keys().of_login(&Email::parse(ADA).unwrap(), ClientPrefix::parse(None));
        Login {
            session: self.session(user, byte),
            proof: LoginProof::Password(PasswordProof {
                version: PasswordVersion(1),
                needs_proven_address: false,
                rehash: None,
                guess: Guess {
                    account: keys.account,
                    client: keys.client,
                    attempt: token(0),
                    others_failed: false,
                },
            }),
            notice: None,
            carried: [None, None],
            trace: self.trace(),
        }
    }

    /// Begins Ada's session with this number.
    fn log_in(&self, user: UserId, byte: u8) -> SessionKey {
        let login = self.login(user, byte);
        assert!(self.begin(&login).is_some());
        SessionKey {
            user,
            id: login.session.id,
        }
    }

    fn begin(&self, login: &Login) -> Option<Vec<EndedSession>> {
        let begun = block_on(begin_session(&self.database, login)).unwrap();
        begun.map(|begun| begun.ended)
    }

    fn rotation(
        &self,
        caller: SessionKey,
        presented: TokenId,
        successor: TokenId,
    ) -> RotationRequest {
        RotationRequest {
            session: caller,
            presented,
            successor,
            idle: POLICY.idle,
            grace: POLICY.grace,
            trace: self.trace(),
        }
    }

    fn rotate(&self, request: &RotationRequest) -> Rotation {
        block_on(rotate(&self.database, request)).unwrap()
    }

    fn end(&self, caller: SessionKey) -> Option<EndedSession> {
        let trace = self.trace();
        block_on(sessions::end(
            &self.database,
            caller,
            EndReason::Logout,
            &trace,
        ))
        .unwrap()
    }

    fn try_change(&self, caller: SessionKey, byte: u8) -> Attempted {
        let attempt = Attempt {
            keys: keys().of_password_change(caller),
            id: token(byte),
            now: self.now(),
        };
        block_on(attempts::change_password(&self.database, &attempt, caller)).unwrap()
    }

    fn replace(&self, caller: SessionKey, verified: i64) -> Option<Vec<EndedSession>> {
        let keys = keys().of_password_change(caller);
        let change = passwords::PasswordReplacement {
            caller,
            verified: PasswordVersion(verified),
            new: StoredHash::from_database(format!("hash {}", self.requests.get())),
            notice: None,
            guess: Guess {
                account: keys.account,
                client: keys.client,
                attempt: token(0),
                others_failed: false,
            },
            trace: self.trace(),
        };
        let replaced = block_on(passwords::replace(&self.database, &change)).unwrap();
        replaced.map(|replaced| replaced.ended)
    }

    /// Everything that is stored, except the sweeps' positions.
    fn everything(&self) -> Vec<Vec<String>> {
        let tables = [
            "roles",
            "users",
            "sessions",
            "attempts",
            "audit_log",
            "one_time_tokens",
            "login_requests",
            "outbox",
            "mail_counts",
            "resting_addresses",
            "seen_logins",
        ];
        tables
            .into_iter()
            .flat_map(|table| self.database.query(&format!("SELECT * FROM {table}")))
            .collect()
    }

    /// The log: event, reason, actor.
    fn log(&self) -> Vec<String> {
        let rows = self
            .database
            .query("SELECT event, reason, actor FROM audit_log ORDER BY user_id, id");
        rows.iter().map(|row| row.join(" ")).collect()
    }
}

impl Login {
    fn password(&mut self) -> &mut PasswordProof {
        match &mut self.proof {
            LoginProof::Password(password) => password,
            LoginProof::Mail(mailed) => panic!("{mailed:?}"),
        }
    }
}

fn keys() -> ThrottleKeys {
    ThrottleKeys::new([7; 32])
}

fn token(byte: u8) -> TokenId {
    TokenId::from_random([byte; 16])
}

fn number(text: &str) -> [u8; 10] {
    core::array::from_fn(|index| text.as_bytes().get(index).copied().unwrap_or(0))
}
