//! A login by mail depends on its request, and on the user as at the request.

use pollster::block_on;

use super::notices::notice;
use super::{ADA, World, token};
use crate::domain::id::UserId;
use crate::store::log_in::{Login, LoginProof, MailProof};
use crate::store::login_requests::{LoginRequestKey, Tried, try_login};

const UNTIL: i64 = super::NOW + 600;

pub(super) fn key(browser: &str, digest: &str) -> LoginRequestKey {
    LoginRequestKey {
        browser: browser.to_owned(),
        digest: digest.to_owned(),
    }
}

/// Keeps a request of a user, as of now.
pub(super) fn keep(world: &World, key: &LoginRequestKey, user: UserId) {
    let LoginRequestKey { browser, digest } = key;
    world.database.execute(&format!(
        "INSERT INTO login_requests (browser, digest, user_id, email, password_version, expires_at)
         SELECT '{browser}', '{digest}', id, email, password_version, {UNTIL}
           FROM users WHERE id = '{user}'"
    ));
}

fn login(world: &World, user: UserId, byte: u8, request: LoginRequestKey) -> Login {
    let mut login = world.login(user, byte);
    let account = login.password().guess.account.clone();
    login.proof = LoginProof::Mail(MailProof { request, account });
    login
}

#[test]
fn a_session_begins_for_its_own_request_alone() {
    let own = || key("browser", "digest");
    for (fact, change, request) in [
        ("another browser", "SELECT 1", key("other", "digest")),
        ("another code", "SELECT 1", key("browser", "other")),
        (
            "expired",
            "UPDATE login_requests SET expires_at = 1000000",
            own(),
        ),
        ("gone", "DELETE FROM login_requests", own()),
        (
            "of another user",
            "UPDATE login_requests SET user_id = (SELECT id FROM users WHERE email LIKE 'bob%')",
            own(),
        ),
        (
            "another address",
            "UPDATE login_requests SET email = 'eve@example.org'",
            own(),
        ),
        (
            "another password",
            "UPDATE login_requests SET password_version = 2",
            own(),
        ),
        ("inactive", "UPDATE users SET is_active = 0", own()),
    ] {
        let world = World::default();
        let ada = world.register(ADA);
        let bob = world.register("bob@example.org");
        // Sessions of another user with the same id, and of Ada with another one.
        world.log_in(bob, 7);
        world.log_in(ada, 8);
        keep(&world, &own(), ada);
        world.database.execute(change);
        let before = world.everything();
        assert!(
            world.begin(&login(&world, ada, 7, request)).is_none(),
            "{fact}"
        );
        assert_eq!(world.everything(), before, "{fact}");
    }
    let world = World::default();
    let ada = world.register(ADA);
    let bob = world.register("bob@example.org");
    keep(&world, &own(), ada);
    assert!(world.begin(&login(&world, bob, 6, own())).is_none());
    assert!(world.begin(&login(&world, ada, 7, own())).is_some());
}

#[test]
fn a_proof_ends_what_was_before_it_and_concerns_nobody_else() {
    for is_verified in [false, true] {
        let world = World::default();
        let ada = world.register(ADA);
        let bob = world.register("bob@example.org");
        let strangers = world.log_in(ada, 1);
        let bobs = world.log_in(bob, 2);
        let replaced = world.log_in(ada, 3);
        if is_verified {
            world
                .database
                .execute("UPDATE users SET email_verified_at = 5 WHERE email LIKE 'ada%'");
        }
        for user in [ada, bob] {
            world.database.execute(&format!(
                "INSERT INTO seen_logins VALUES ('{user}', 'a device', 1);
                 INSERT INTO one_time_tokens (user_id, purpose, digest, email, password_version, issued_at, expires_at)
                 SELECT id, 'reset-password', id, email, 1, 1, 2000000 FROM users WHERE id = '{user}'"
            ));
        }
        keep(&world, &key("browser", "digest"), ada);
        keep(&world, &key("browser", "older"), ada);
        keep(&world, &key("other", "digest"), bob);
        let mut login = login(&world, ada, 7, key("browser", "digest"));
        login.carried = [Some(replaced), None];
        login.notice = Some(notice("a mail", "a new device"));
        for _ in 0..2 {
            let ended = world.begin(&login).unwrap();
            assert_eq!(ended.len(), if is_verified { 1 } else { 2 });
        }
        let value = |query: &str| world.database.value(query);
        let of = |user: UserId, columns: &str| {
            world
                .database
                .query(&format!("SELECT {columns} FROM users WHERE id = '{user}'"))
        };
        let hash = "password_hash IS NULL, password_version, email_verified_at";
        let (ada_has, reason, left) = if is_verified {
            (["0", "1", "5"], ["replaced", "NULL", "NULL"], ["2", "0"])
        } else {
            (
                ["1", "2", "1000000"],
                ["replaced", "email_verified", "NULL"],
                ["1", "1"],
            )
        };
        assert_eq!(of(ada, hash), [ada_has], "{is_verified}");
        assert_eq!(of(bob, hash), [["0", "1", "NULL"]]);
        let ends = [replaced, strangers, bobs].map(|session| {
            let id = session.id;
            value(&format!(
                "SELECT coalesce(end_reason, 'NULL') FROM sessions WHERE id = '{id}'"
            ))
        });
        assert_eq!(ends, reason.map(str::to_owned), "{is_verified}");
        let [kept, removed] = left;
        let disowning = usize::from(is_verified);
        assert_eq!(
            value("SELECT count(*) FROM one_time_tokens WHERE purpose = 'reset-password'"),
            kept,
            "{is_verified}"
        );
        // The login itself is seen, and the device of before is forgotten with a first proof.
        assert_eq!(
            value("SELECT count(*) FROM seen_logins WHERE device = 'a device'"),
            kept
        );
        assert_eq!(
            value("SELECT count(*) FROM seen_logins WHERE device <> 'a device'"),
            "1"
        );
        assert_eq!(
            value("SELECT count(*) FROM outbox WHERE kind = 'password_removed'"),
            removed
        );
        assert_eq!(
            value("SELECT count(*) FROM outbox WHERE kind = 'new_login'"),
            disowning.to_string()
        );
        // The requests of the browser are over, and no others.
        assert_eq!(
            value("SELECT group_concat(browser) FROM login_requests"),
            "other"
        );
    }
}

#[test]
fn a_first_proof_tells_of_every_session_that_it_ends_with_or_without_a_password() {
    for (change, removed) in [
        ("SELECT 1", "1"),
        ("UPDATE users SET password_hash = NULL, trace = '{}'", "0"),
    ] {
        let world = World::default();
        let ada = world.register(ADA);
        let before = [1, 2].map(|byte| world.log_in(ada, byte).id.to_string());
        world.database.execute(change);
        world.database.execute("DELETE FROM audit_log");
        keep(&world, &key("browser", "digest"), ada);
        let login = login(&world, ada, 7, key("browser", "digest"));
        for _ in 0..2 {
            assert_eq!(world.begin(&login).unwrap().len(), 2);
        }
        let told = world.database.query(
            "SELECT session_id, reason FROM audit_log WHERE event = 'session_ended' ORDER BY session_id",
        );
        let ended = before.map(|id| [id, "email_verified".to_owned()]);
        assert_eq!(told, ended, "{change}");
        let count = "SELECT count(*) FROM audit_log WHERE event = 'password_removed'";
        assert_eq!(world.database.value(count), removed, "{change}");
    }
}

#[test]
fn a_proof_leaves_sessions_that_are_over_as_they_are() {
    let mut world = World::default();
    let ada = world.register(ADA);
    let bob = world.register("bob@example.org");
    let [over, expired] = [1, 2].map(|byte| world.log_in(ada, byte));
    world.passed = 1;
    let live = world.log_in(ada, 3);
    world.database.execute(&format!(
        "UPDATE sessions SET ended_at = 1000000, end_reason = 'email_verified' WHERE id = '{}';
         UPDATE sessions SET idle_expires_at = 1000001 WHERE id = '{}'",
        over.id, expired.id
    ));
    keep(&world, &key("browser", "digest"), ada);
    let login = login(&world, ada, 7, key("browser", "digest"));
    let ended = world.begin(&login).unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].user, live.user);
    let untouched = |id| {
        let query = format!(
            "SELECT trace = '{}' FROM sessions WHERE id = '{id}'",
            login.trace.to_json(Some(login.session.id))
        );
        world.database.query(&query)
    };
    assert_eq!(untouched(over.id), [["0"]]);
    // The expired one is deleted by the login itself.
    assert!(untouched(expired.id).is_empty());
    // A request that has changed Bob has not changed Ada.
    let request = key("browser", "again");
    keep(&world, &request, ada);
    let again = self::login(&world, ada, 8, request);
    let trace = again.trace.to_json(Some(again.session.id));
    world.database.execute(&format!(
        "UPDATE users SET trace = '{trace}' WHERE id = '{bob}'"
    ));
    assert!(world.begin(&again).unwrap().is_empty());
}

#[test]
fn a_try_counts_for_its_browser_and_until_five() {
    let world = World::default();
    let ada = world.register(ADA);
    keep(&world, &key("browser", "digest"), ada);
    keep(&world, &key("browser", "second"), ada);
    keep(&world, &key("other", "digest"), ada);
    keep(&world, &key("late", "digest"), ada);
    world
        .database
        .execute("UPDATE login_requests SET expires_at = 1000000 WHERE browser = 'late'");
    let present = |browser: &str, digest: &str, byte: u8| {
        block_on(try_login(
            &world.database,
            &key(browser, digest),
            token(byte),
            world.now(),
        ))
        .unwrap()
    };
    let tries = || {
        let rows = world
            .database
            .query("SELECT tries FROM login_requests ORDER BY browser, digest");
        rows.concat().join(" ")
    };
    assert!(matches!(present("late", "digest", 1), Tried::NotAsked));
    assert!(matches!(present("nobody", "digest", 1), Tried::NotAsked));
    assert_eq!(tries(), "0 0 0 0");
    for byte in 1..5 {
        let Tried::Wrong(Some(user)) = present("browser", "wrong", byte) else {
            panic!("{byte}");
        };
        assert_eq!(user, ada);
    }
    assert_eq!(tries(), "4 4 0 0");
    // A repetition is the same try.
    for _ in 0..2 {
        assert!(matches!(present("browser", "second", 5), Tried::Right(user) if user.id == ada));
        assert!(matches!(present("browser", "digest", 5), Tried::Right(_)));
    }
    assert_eq!(tries(), "5 5 0 0");
    assert!(matches!(present("browser", "digest", 6), Tried::NotAsked));
    world.database.execute("UPDATE users SET is_active = 0");
    assert!(matches!(
        present("other", "digest", 7),
        Tried::Wrong(Some(_))
    ));
}
