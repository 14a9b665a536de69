//! A link does what it does to its own user alone, once, and only if it works; so does a login by mail.

use pollster::block_on;

use super::notices::notice;
use super::{ADA, World, keys};
use crate::domain::credential::hashing::StoredHash;
use crate::domain::credential::one_time::{Nonce, OneTimeSecret, OneTimeToken, Purpose};
use crate::domain::id::UserId;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::throttle::ClientPrefix;
use crate::store::addresses::verify;
use crate::store::confirmations::confirm_change;
use crate::store::effects::Effects;
use crate::store::log_in::{LoginProof, MailProof, begin_session};
use crate::store::login_requests::LoginRequestKey;
use crate::store::recovery::{Reset, reset};
use crate::store::take_back::{TakeBack, disown_login, undo_email};

const OTHERS: [&str; 2] = ["a@example.org", "z@example.org"];

/// A link, or a login by mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Reset,
    Verify,
    Confirm,
    Undo,
    Disown,
    LogIn,
}

const ACTS: [Act; 6] = [
    Act::Reset,
    Act::Verify,
    Act::Confirm,
    Act::Undo,
    Act::Disown,
    Act::LogIn,
];

/// How many sessions have ended, and whether a mail is queued. `None` if it did not work.
type Outcome = Option<(usize, bool)>;

/// One request, as often as it runs, and its trace.
struct Request<'a> {
    run: Box<dyn Fn() -> Outcome + 'a>,
    trace: String,
}

fn outcome(effects: Option<Effects>) -> Outcome {
    effects.map(|effects| (effects.ended.len(), effects.mail.is_some()))
}

fn digest(purpose: Purpose) -> String {
    secret(purpose).digest(purpose)
}

fn secret(purpose: Purpose) -> OneTimeSecret {
    Nonce::from_random([5; 32]).secret(&[3; 32], purpose)
}

fn request(world: &World, user: UserId, act: Act) -> Request<'_> {
    let database = &world.database;
    let token = |purpose| OneTimeToken {
        user,
        secret: secret(purpose),
    };
    let trace = world.trace();
    let notice_of = || world.confirmation(user).notice;
    let by_mail = trace.to_json_by_mail();
    let taking_back = |purpose, trace| TakeBack {
        token: token(purpose),
        reset: notice_of(),
        trace,
    };
    let run: Box<dyn Fn() -> Outcome + '_> = match act {
        Act::Reset => {
            let new = Reset {
                token: token(Purpose::ResetPassword),
                version: PasswordVersion(1),
                new: StoredHash::from_database("newer".to_owned()),
                account: keys().of_client(ClientPrefix::parse(None)),
                notice: notice_of(),
                trace,
            };
            Box::new(move || outcome(block_on(reset(database, &new)).unwrap()))
        }
        Act::Verify => {
            let token = token(Purpose::VerifyEmail);
            Box::new(move || {
                let is_verified = block_on(verify(database, &token, &trace)).unwrap();
                is_verified.then_some((0, false))
            })
        }
        Act::Confirm => {
            let mut confirmation = world.confirmation(user);
            confirmation.trace = trace;
            Box::new(move || outcome(block_on(confirm_change(database, &confirmation)).unwrap()))
        }
        Act::Undo => {
            let take_back = taking_back(Purpose::UndoEmail, trace);
            Box::new(move || outcome(block_on(undo_email(database, &take_back)).unwrap()))
        }
        Act::Disown => {
            let take_back = taking_back(Purpose::DisownLogin, trace);
            Box::new(move || outcome(block_on(disown_login(database, &take_back)).unwrap()))
        }
        Act::LogIn => return log_in(world, user),
    };
    Request {
        run,
        trace: by_mail,
    }
}

fn log_in(world: &World, user: UserId) -> Request<'_> {
    let mut login = world.login(user, 9);
    login.notice = Some(notice("a mail", "a new device"));
    login.proof = LoginProof::Mail(MailProof {
        request: LoginRequestKey {
            browser: format!("of {user}"),
            digest: "digest".to_owned(),
        },
        account: login.password().guess.account.clone(),
    });
    Request {
        trace: login.trace.to_json(Some(login.session.id)),
        run: Box::new(move || outcome(block_on(begin_session(&world.database, &login)).unwrap())),
    }
}

/// Ada and two others, who have the same: links with the same digests, addresses that they have given
/// up, a live session, one that ended before and one that has expired, and requests to log in.
fn people(act: Act) -> (World, UserId) {
    let world = World::default();
    let [ada, ..] = [ADA, OTHERS[0], OTHERS[1]].map(|email| {
        let user = world.register(email);
        for byte in 1..4 {
            world.log_in(user, byte);
        }
        user
    });
    let over = [2, 3].map(|byte| world.session(ada, byte).id.to_string());
    let [ended, expired] = over;
    let digests = [
        Purpose::ResetPassword,
        Purpose::VerifyEmail,
        Purpose::ConfirmEmail,
        Purpose::UndoEmail,
        Purpose::DisownLogin,
    ]
    .map(digest);
    let [reset, verify, confirm, undo, disown] = digests;
    world.database.execute(&format!(
        "UPDATE sessions SET ended_at = 1000000, end_reason = 'revoked' WHERE id = '{ended}';
         UPDATE sessions SET idle_expires_at = 1000000 WHERE id = '{expired}';
         INSERT INTO one_time_tokens (user_id, purpose, ordinal, digest, email, new_email, password_version, is_proven, issued_at, expires_at)
         SELECT id, column1, column2, column3, column4 || email, 'new.' || email, 1, column5, 1000000, 1000001
           FROM users, (VALUES
                ('reset-password', 0, '{reset}', '', 0),
                ('verify-email', 0, '{verify}', '', 0),
                ('confirm-email', 0, '{confirm}', '', 0),
                ('undo-email', 1, 'd1', 'older.', 0),
                ('undo-email', 2, '{undo}', 'old.', 1),
                ('undo-email', 3, 'd3', 'later.', 1),
                ('disown-login', 0, '{disown}', '', 0),
                ('disown-login', 1, 'd4', 'left.', 0),
                ('a purpose', 0, 'd5', 'old.', 0));
         INSERT INTO resting_addresses
         SELECT email, user_id, 2000000 FROM one_time_tokens WHERE purpose = 'undo-email';
         -- The others have given up addresses that are Ada's too.
         INSERT INTO resting_addresses SELECT 'older.{ADA}', id, 2000000 FROM users WHERE id <> '{ada}';
         INSERT INTO one_time_tokens (user_id, purpose, ordinal, digest, email, is_proven, issued_at, expires_at)
         SELECT id, 'undo-email', 4, 'd6', column1, 0, 1000000, 1000001
           FROM users, (VALUES ('old.{ADA}')) WHERE id <> '{ada}';
         INSERT INTO seen_logins SELECT id, 'a device', 1 FROM users;
         INSERT INTO login_requests (browser, digest, user_id, email, password_version, expires_at)
         SELECT column1 || id, column2, id, email, 1, 1000001
           FROM users, (VALUES ('of ', 'digest'), ('of ', 'another'), ('another of ', 'digest'))"
    ));
    if act == Act::LogIn {
        // A login deletes dead sessions even when it is refused.
        world.database.execute(&format!(
            "DELETE FROM sessions WHERE user_id = '{ada}' AND id = '{expired}'"
        ));
    }
    (world, ada)
}

/// To every condition that names no user, this request has changed the others as well.
fn look_changed(world: &World, ada: UserId, trace: &str) {
    world.database.execute(&format!(
        "UPDATE users SET trace = '{trace}' WHERE id <> '{ada}'"
    ));
}

fn rows_of_others(world: &World, ada: UserId) -> Vec<Vec<String>> {
    let tables = [
        "sessions",
        "one_time_tokens",
        "resting_addresses",
        "seen_logins",
        "login_requests",
        "outbox",
        "audit_log",
    ];
    let mut rows = world
        .database
        .query(&format!("SELECT * FROM users WHERE id <> '{ada}'"));
    for table in tables {
        let query = format!("SELECT * FROM {table} WHERE user_id <> '{ada}'");
        rows.extend(world.database.query(&query));
    }
    rows
}

/// What Ada has: links, addresses at rest, mails, reasons of ended sessions.
fn left(world: &World, ada: UserId) -> [String; 4] {
    let list = |what: &str, from: &str| {
        let query = format!(
            "SELECT {what} AS what FROM {from} WHERE user_id = '{ada}' AND what IS NOT NULL ORDER BY what"
        );
        world.database.query(&query).concat().join(", ")
    };
    [
        list("purpose || ' ' || ordinal", "one_time_tokens"),
        list("replace(email, '@example.org', '')", "resting_addresses"),
        list("kind || ' to ' || email", "outbox"),
        list("end_reason", "sessions"),
    ]
}

#[test]
fn a_link_concerns_its_own_user_alone_and_a_repetition_changes_nothing_more() {
    let all = "a purpose 0, confirm-email 0, disown-login 0, disown-login 1, reset-password 0";
    for (act, outcome, [links, resting, mails, ends]) in [
        (
            Act::Reset,
            (1, true),
            [
                "a purpose 0, disown-login 0, undo-email 2, undo-email 3",
                "later.ada, old.ada",
                "password_changed to ada@example.org",
                "password_changed, revoked",
            ],
        ),
        (
            Act::Verify,
            (0, false),
            [
                &format!("{all}, undo-email 1, undo-email 2, undo-email 3"),
                "later.ada, old.ada, older.ada",
                "",
                "revoked",
            ],
        ),
        (
            Act::Confirm,
            (1, true),
            [
                "a purpose 0, disown-login 0, disown-login 1, undo-email 1, undo-email 2, undo-email 3, undo-email 4",
                "ada, later.ada, old.ada, older.ada",
                "email_changed to ada@example.org",
                "email_changed, revoked",
            ],
        ),
        (
            Act::Undo,
            (1, true),
            [
                "reset-password 0, undo-email 1",
                "older.ada",
                "reset_password to old.ada@example.org",
                "password_changed, revoked",
            ],
        ),
        (
            Act::Disown,
            (1, true),
            [
                "reset-password 0, undo-email 1, undo-email 2, undo-email 3",
                "later.ada, old.ada, older.ada",
                "reset_password to ada@example.org",
                "password_changed, revoked",
            ],
        ),
        (
            Act::LogIn,
            (1, true),
            [
                "a purpose 0, disown-login 0, undo-email 2, undo-email 3",
                "later.ada, old.ada",
                "password_removed to ada@example.org",
                "email_verified, revoked",
            ],
        ),
    ] {
        let (world, ada) = people(act);
        let request = request(&world, ada, act);
        look_changed(&world, ada, &request.trace);
        let others = rows_of_others(&world, ada);
        assert_eq!((request.run)(), Some(outcome), "{act:?}");
        assert_eq!(rows_of_others(&world, ada), others, "{act:?}");
        assert_eq!(left(&world, ada), [links, resting, mails, ends], "{act:?}");
        let rows = world.everything();
        assert_eq!((request.run)(), Some(outcome), "{act:?}, repeated");
        assert_eq!(world.everything(), rows, "{act:?}, repeated");
    }
}

#[test]
fn a_link_that_does_not_work_changes_nothing() {
    for act in ACTS {
        let (world, ada) = people(act);
        let request = request(&world, ada, act);
        look_changed(&world, ada, &request.trace);
        world.database.execute(
            "UPDATE one_time_tokens SET expires_at = 1000000;
             UPDATE login_requests SET expires_at = 1000000",
        );
        let rows = world.everything();
        assert_eq!((request.run)(), None, "{act:?}");
        assert_eq!(world.everything(), rows, "{act:?}");
    }
}
