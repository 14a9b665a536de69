//! Which logins are told, and which notices are counted.

use pollster::block_on;

use super::{ADA, World, token};
use crate::domain::credential::hashing::StoredHash;
use crate::domain::credential::one_time::Nonce;
use crate::domain::id::UserId;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::mail::Language;
use crate::domain::time::UnixSeconds;
use crate::store::attempts::Guess;
use crate::store::login_notices::Notice;
use crate::store::outbox::Draft;
use crate::store::passwords::{self, PasswordReplacement};

/// The notice of a login from a device, as the mail with this id.
pub(super) fn notice(id: &str, device: &str) -> Notice {
    Notice {
        device: device.to_owned(),
        draft: Draft {
            id: id.to_owned(),
            language: Language::English,
            nonce: Nonce::from_random([1; 32]),
            key_id: "k1".to_owned(),
            facts: "{}".to_owned(),
            digest: format!("digest of {id}"),
            expires_at: UnixSeconds::new(super::NOW + 604_800),
        },
    }
}

/// Ada and Bob, who have logged in from a laptop and a tablet. Neither has proven an address.
fn people() -> (World, UserId, UserId) {
    let world = World::default();
    let ada = world.register(ADA);
    let bob = world.register("bob@example.org");
    for (user, device, byte) in [(ada, "laptop", 1), (bob, "tablet", 2)] {
        from(&world, user, device, byte);
    }
    (world, ada, bob)
}

/// Logs in from a device. Returns whether a session began.
fn from(world: &World, user: UserId, device: &str, byte: u8) -> bool {
    let mut login = world.login(user, byte);
    login.notice = Some(notice(&format!("mail {byte}"), device));
    let begun = world.begin(&login).is_some();
    assert_eq!(world.begin(&login).is_some(), begun, "a repetition");
    begun
}

/// Counts that are not those of the user's notices, around them in the table's order.
fn counts_of_others(world: &World, user: UserId, mails: &str) {
    world.database.execute(&format!(
        "INSERT INTO mail_counts
         SELECT column1, column2, '{mails}', 1000000
           FROM (VALUES ('a kind', '{user}'), ('address', '{user}'), ('notice', ''), ('notice', '~'))"
    ));
}

/// The mails that were queued, and how many of them were counted, by user.
fn told(world: &World, user: UserId) -> (String, String) {
    let value = |query: String| world.database.value(&query);
    (
        value(format!(
            "SELECT coalesce(group_concat(id), '') FROM outbox WHERE user_id = '{user}'"
        )),
        value(format!(
            "SELECT count(*) FROM mail_counts AS c, json_each(c.mails)
              WHERE c.kind = 'notice' AND c.counted = '{user}'"
        )),
    )
}

fn mails(mails: &str, counted: &str) -> (String, String) {
    (mails.to_owned(), counted.to_owned())
}

#[test]
fn only_a_login_from_a_new_device_is_told_and_counted() {
    let (world, ada, bob) = people();
    counts_of_others(&world, ada, "{}");
    assert_eq!(told(&world, ada), mails("", "0"), "the first login");
    // Bob's device is new to Ada.
    assert!(from(&world, ada, "laptop", 3));
    assert_eq!(told(&world, ada), mails("", "0"), "a known device");
    assert!(from(&world, ada, "tablet", 4));
    assert_eq!(told(&world, ada), mails("mail 4", "1"), "a new device");
    assert!(from(&world, ada, "tablet", 5));
    assert_eq!(told(&world, ada), mails("mail 4", "1"), "known by now");
    assert_eq!(told(&world, bob), mails("", "0"));
    // Somebody new has no device yet, whatever others have.
    let eve = world.register("eve@example.org");
    assert!(from(&world, eve, "telephone", 6));
    assert_eq!(told(&world, eve), mails("", "0"));
}

#[test]
fn a_login_that_does_not_begin_is_neither_told_nor_counted() {
    let (world, ada, bob) = people();
    // Sessions of another user with the same id, and of Ada with another one.
    assert!(from(&world, bob, "tablet", 7));
    world
        .database
        .execute("UPDATE users SET password_version = 2, trace = '{}' WHERE email LIKE 'ada%'");
    assert!(!from(&world, ada, "telephone", 7));
    assert_eq!(told(&world, ada), mails("", "0"));
    let seen = "SELECT count(*) FROM seen_logins WHERE device = 'telephone'";
    assert_eq!(world.database.value(seen), "0");
}

#[test]
fn notices_to_a_proven_address_are_not_counted() {
    let (world, ada, bob) = people();
    world
        .database
        .execute("UPDATE users SET email_verified_at = 1 WHERE email LIKE 'ada%'");
    for byte in 3..9 {
        assert!(from(&world, ada, &format!("device {byte}"), byte));
    }
    let all = "mail 3,mail 4,mail 5,mail 6,mail 7,mail 8";
    assert_eq!(told(&world, ada), mails(all, "0"));
    let link = || {
        let query = "SELECT digest FROM one_time_tokens WHERE email LIKE 'ada%'";
        world.database.value(query)
    };
    assert_eq!(link(), "digest of mail 8");
    // Neither a known device nor a login that does not begin replaces the link. Bob's session has
    // the same id.
    assert!(from(&world, ada, "laptop", 9));
    assert!(from(&world, bob, "tablet", 10));
    world
        .database
        .execute("UPDATE users SET password_version = 2, trace = '{}' WHERE email LIKE 'ada%'");
    assert!(!from(&world, ada, "telephone", 10));
    assert_eq!(link(), "digest of mail 8");
    assert_eq!(told(&world, ada), mails(all, "0"));
    // The first device of a user is no news, whatever others have.
    let eve = world.register("eve@example.org");
    world
        .database
        .execute("UPDATE users SET email_verified_at = 1 WHERE email LIKE 'eve%'");
    assert!(from(&world, eve, "telephone", 11));
    assert_eq!(told(&world, eve), mails("", "0"));
    let links = "SELECT count(*) FROM one_time_tokens WHERE email LIKE 'eve%'";
    assert_eq!(world.database.value(links), "0");
}

#[test]
fn three_notices_an_hour_go_to_an_address_that_nobody_has_proven() {
    let (mut world, ada, bob) = people();
    let others = r#"{"mail 6":1000000,"mail 7":1000000}"#;
    counts_of_others(&world, ada, others);
    for byte in 3..8 {
        assert!(from(&world, ada, &format!("device {byte}"), byte));
    }
    assert_eq!(told(&world, ada), mails("mail 3,mail 4,mail 5", "3"));
    // A link that nobody was mailed is of no use.
    let digest = "SELECT digest FROM one_time_tokens WHERE purpose = 'disown-login'";
    assert_eq!(world.database.value(digest), "digest of mail 5");
    // Others have their own count.
    assert!(from(&world, bob, "telephone", 9));
    assert_eq!(told(&world, bob), mails("mail 9", "1"));
    world.passed = 3_599;
    assert!(from(&world, ada, "device 10", 10));
    assert_eq!(told(&world, ada).0, "mail 3,mail 4,mail 5");
    world.passed = 3_600;
    assert!(from(&world, ada, "device 11", 11));
    assert_eq!(
        told(&world, ada),
        mails("mail 11,mail 3,mail 4,mail 5", "1")
    );
}

#[test]
fn the_link_of_a_notice_is_for_its_user_and_session() {
    let (world, ada, bob) = people();
    assert!(from(&world, ada, "telephone", 3));
    assert!(from(&world, bob, "telephone", 4));
    let links = world.database.query(
        "SELECT u.email, t.digest, s.user_id = u.id, t.expires_at
           FROM one_time_tokens AS t
           JOIN users AS u ON u.id = t.user_id
           JOIN sessions AS s ON s.id = t.session_id
          WHERE t.purpose = 'disown-login'
          ORDER BY u.email",
    );
    assert_eq!(
        links,
        [
            [ADA, "digest of mail 3", "1", "1604800"],
            ["bob@example.org", "digest of mail 4", "1", "1604800"]
        ]
    );
    // The newest counts.
    assert!(from(&world, ada, "watch", 5));
    let newest = "SELECT digest FROM one_time_tokens WHERE email LIKE 'ada%'";
    assert_eq!(world.database.value(newest), "digest of mail 5");
}

/// A change of Ada's password, from her first session.
fn change_of(world: &World, ada: UserId, verified: i64) -> PasswordReplacement {
    let caller = super::SessionKey {
        user: ada,
        id: world.session(ada, 1).id,
    };
    let keys = super::keys().of_password_change(caller);
    PasswordReplacement {
        caller,
        verified: PasswordVersion(verified),
        new: StoredHash::from_database("the next hash".to_owned()),
        notice: Some(notice("a mail", "laptop").draft),
        guess: Guess {
            account: keys.account,
            client: keys.client,
            others_failed: false,
            attempt: token(0),
        },
        trace: world.trace(),
    }
}

#[test]
fn a_changed_password_is_told_and_counted_only_where_no_address_is_proven() {
    for (who, verified, counts) in [
        // Ada's address is proven, and Bob's is not.
        ("ada%", 1, ["1", "0", "0"]),
        // Bob's is, and Ada's is not.
        ("bob%", 1, ["1", "1", "0"]),
        // The password that was verified is not hers any more.
        ("bob%", 9, ["0", "0", "0"]),
    ] {
        let (world, ada, bob) = people();
        world.database.execute(&format!(
            "UPDATE users SET email_verified_at = 1 WHERE email LIKE '{who}';
             UPDATE users SET password_hash = 'the next hash', trace = '{{}}' WHERE id = '{bob}'"
        ));
        let change = change_of(&world, ada, verified);
        for _ in 0..2 {
            let replaced = block_on(passwords::replace(&world.database, &change)).unwrap();
            assert_eq!(replaced.is_some(), verified == 1);
            let mails = "SELECT count(*) FROM outbox WHERE kind = 'password_changed'";
            let found = [
                world.database.value(mails),
                told(&world, ada).1,
                told(&world, bob).1,
            ];
            assert_eq!(found, counts, "{who} {verified}");
        }
    }
}

#[test]
fn a_changed_password_is_not_told_to_an_unproven_address_that_has_had_three_mails() {
    for (of_the_last_hour, mails, counted) in [(3, "0", "3"), (2, "1", "3")] {
        let (world, ada, _) = people();
        let third = super::NOW - 3_600 + i64::from(of_the_last_hour == 3);
        world.database.execute(&format!(
            r#"INSERT INTO mail_counts
               VALUES ('notice', '{ada}', '{{"x":1000000,"y":1000000,"z":{third}}}', 1000000)
                   ON CONFLICT DO UPDATE SET mails = excluded.mails"#
        ));
        let change = change_of(&world, ada, 1);
        let replaced = block_on(passwords::replace(&world.database, &change)).unwrap();
        assert!(replaced.is_some());
        let queued = "SELECT count(*) FROM outbox WHERE kind = 'password_changed'";
        assert_eq!(world.database.value(queued), mails);
        assert_eq!(told(&world, ada).1, counted);
    }
}
