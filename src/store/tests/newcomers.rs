//! A registration whose mail is required: who is counted, and how often.

use pollster::block_on;

use super::{ADA, HASH, World, keys, number};
use crate::domain::credential::hashing::StoredHash;
use crate::domain::credential::one_time::Nonce;
use crate::domain::id::UserId;
use crate::domain::identity::email::Email;
use crate::domain::identity::user::RoleSlug;
use crate::domain::mail::Language;
use crate::domain::throttle::ClientPrefix;
use crate::store::mail_counts::Counted;
use crate::store::outbox::Draft;
use crate::store::registrations::{NewUser, Registration, RegistrationMail, register};

impl World {
    /// Somebody who registers from an address.
    fn newcomer(&self, email: &str, client: &str) -> NewUser {
        let address = Email::parse(email).unwrap();
        NewUser {
            id: UserId::new(1, &number(email)),
            name: None,
            hash: StoredHash::from_database(HASH.to_owned()),
            role: RoleSlug::parse("application-access").unwrap(),
            most_an_hour: 1_000,
            language: None,
            mailing: Some(RegistrationMail {
                draft: Draft {
                    id: format!("the mail to {email}"),
                    language: Language::default(),
                    nonce: Nonce::from_random([5; 32]),
                    key_id: "a key".to_owned(),
                    facts: "{}".to_owned(),
                    digest: format!("the link to {email}"),
                    expires_at: self.now(),
                },
                counted: Counted {
                    client: keys().of_client(ClientPrefix::parse(Some(client))),
                    address: keys().of_recipient(&address, "verify_email"),
                },
                is_required: true,
            }),
            email: address,
            trace: self.trace(),
        }
    }

    fn is_registered(&self, newcomer: &NewUser) -> bool {
        let outcome = block_on(register(&self.database, newcomer)).unwrap();
        matches!(outcome, Registration::Registered(..))
    }
}

#[test]
fn every_client_has_its_own_count() {
    let world = World::default();
    for client in 1..6 {
        let newcomer = world.newcomer(
            &format!("{client}@example.org"),
            &format!("192.0.2.{client}"),
        );
        assert!(world.is_registered(&newcomer), "{client}");
        // A recipient's count under the same name is another one.
        world.database.execute(
            "INSERT OR IGNORE INTO mail_counts (kind, counted, mails, updated_at)
             SELECT 'address', counted, '{}', updated_at FROM mail_counts WHERE kind = 'client'",
        );
        let again = world.newcomer(
            &format!("{client}.again@example.org"),
            &format!("192.0.2.{client}"),
        );
        assert!(world.is_registered(&again), "{client}");
    }
}

#[test]
fn a_registration_that_is_repeated_counts_once() {
    let world = World::default();
    let newcomer = world.newcomer(ADA, "192.0.2.1");
    for _ in 0..3 {
        assert!(world.is_registered(&newcomer));
    }
    let counted = "SELECT failures FROM attempts WHERE account = 'registrations'";
    assert_eq!(world.database.value(counted), "1");
    assert_eq!(world.database.value("SELECT count(*) FROM outbox"), "1");
}

/// How many links are issued and mails queued to somebody who registers after a change.
fn mailed_after(change: impl Fn(&NewUser) -> String) -> [String; 2] {
    let world = World::default();
    let newcomer = world.newcomer(ADA, "192.0.2.1");
    world.database.execute(&change(&newcomer));
    assert!(world.is_registered(&newcomer));
    ["one_time_tokens", "outbox"].map(|table| {
        let count = format!("SELECT count(*) FROM {table}");
        world.database.value(&count)
    })
}

/// Counts that are not those of the newcomer's address.
fn counts_of_others(newcomer: &NewUser, mails: &str) -> String {
    let address = newcomer.mailing.as_ref().unwrap().counted.address.as_str();
    format!(
        "INSERT INTO mail_counts
         SELECT column1, column2, '{mails}', 1000000
           FROM (VALUES ('a kind', '{address}'), ('notice', '{address}'), ('address', ''), ('address', '~'));"
    )
}

#[test]
fn a_link_is_issued_with_the_mail_that_is_counted() {
    let mailed = mailed_after(|newcomer| counts_of_others(newcomer, "{}"));
    assert_eq!(mailed, ["1", "1"]);
    let mailed = mailed_after(|newcomer| {
        let address = newcomer.mailing.as_ref().unwrap().counted.address.as_str();
        let others = format!(r#"{{"the mail to {ADA}":1000000}}"#);
        let others = counts_of_others(newcomer, &others);
        format!(
            r#"{others} INSERT INTO mail_counts VALUES ('address', '{address}', '{{"a":1000000,"b":1000000,"c":1000000}}', 1000000)"#
        )
    });
    assert_eq!(mailed, ["0", "0"]);
}

#[test]
fn a_repetition_issues_no_link_to_who_has_proven_the_address_since() {
    let world = World::default();
    let newcomer = world.newcomer(ADA, "192.0.2.1");
    assert!(world.is_registered(&newcomer));
    world.database.execute(
        "UPDATE users SET email_verified_at = 5; DELETE FROM one_time_tokens; DELETE FROM outbox",
    );
    assert!(world.is_registered(&newcomer), "the answer was lost");
    for table in ["one_time_tokens", "outbox"] {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(world.database.value(&count), "0", "{table}");
    }
}

#[test]
fn who_has_the_address_is_told_while_active_and_nobody_else() {
    let told = ["already_registered", ADA].map(str::to_owned).to_vec();
    for (change, mails) in [
        ("SELECT 1", vec![told]),
        (
            "UPDATE users SET is_active = 0 WHERE email LIKE 'ada%'",
            vec![],
        ),
    ] {
        let world = World::default();
        for email in ["a@example.org", ADA, "z@example.org"] {
            world.register(email);
        }
        world.database.execute(change);
        let newcomer = NewUser {
            id: UserId::new(1, &number("another")),
            ..world.newcomer(ADA, "192.0.2.1")
        };
        assert!(!world.is_registered(&newcomer));
        let queued = world.database.query("SELECT kind, email FROM outbox");
        assert_eq!(queued, mails, "{change}");
    }
}

#[test]
fn who_has_the_address_is_told_three_times_an_hour() {
    let world = World::default();
    world.register(ADA);
    let newcomer = NewUser {
        id: UserId::new(1, &number("another")),
        ..world.newcomer(ADA, "192.0.2.1")
    };
    let address = keys().of_recipient(&Email::parse(ADA).unwrap(), "verify_email");
    let id = format!("the mail to {ADA}");
    // This mail has been counted under other names.
    world.database.execute(&format!(
        r#"INSERT INTO mail_counts
           VALUES ('address', '{0}', '{{"x":1000000,"y":1000000,"z":1000000}}', 1000000),
                  ('a kind', '{0}', '{{"{id}":1000000}}', 1000000),
                  ('address', '', '{{"{id}":1000000}}', 1000000)"#,
        address.as_str()
    ));
    assert!(!world.is_registered(&newcomer));
    assert_eq!(world.database.value("SELECT count(*) FROM outbox"), "0");
}
