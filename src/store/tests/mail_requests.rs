//! Mails that anyone may ask for: whom they reach, and how many of them.

use pollster::block_on;

use super::{ADA, World, keys};
use crate::domain::credential::mailed_login::{BrowserSecret, LoginMeans};
use crate::domain::identity::email::Email;
use crate::domain::throttle::ClientPrefix;
use crate::store::login_requests::request_login;
use crate::store::mail_counts::{Counted, Requested};
use crate::store::outbox::Draft;
use crate::store::recovery::{MailRequest, forgot, resend_verification};

const OTHERS: [&str; 2] = ["a@example.org", "z@example.org"];
const CLIENT: &str = "192.0.2.1";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Reset,
    Verification,
    Link,
    Code,
}

const ALL: [Asked; 4] = [Asked::Reset, Asked::Verification, Asked::Link, Asked::Code];

/// A request of a client for a mail with this id.
fn request(world: &World, email: &str, client: &str, id: &str) -> MailRequest {
    let address = Email::parse(email).unwrap();
    let user = world.confirmation(crate::domain::id::UserId::new(1, &[0; 10]));
    MailRequest {
        account: keys().of_login(&address, ClientPrefix::parse(None)).account,
        counted: Counted {
            client: keys().of_client(ClientPrefix::parse(Some(client))),
            address: keys().of_recipient(&address, "a kind"),
        },
        email: address,
        draft: Draft {
            id: id.to_owned(),
            digest: format!("digest of {id}"),
            ..user.notice
        },
        trace: world.trace(),
    }
}

fn browser() -> BrowserSecret {
    BrowserSecret::from_random([4; 32])
}

/// The pause if there were too many, or whether a mail is queued.
fn send(world: &World, asked: Asked, request: &MailRequest) -> Result<bool, u32> {
    let database = &world.database;
    let outcome = match asked {
        Asked::Reset => block_on(forgot(database, request)),
        Asked::Verification => block_on(resend_verification(database, request)),
        Asked::Link => block_on(request_login(
            database,
            request,
            &browser(),
            LoginMeans::Link,
        )),
        Asked::Code => block_on(request_login(
            database,
            request,
            &browser(),
            LoginMeans::Code,
        )),
    };
    match outcome.unwrap() {
        Requested::Accepted(mail) => Ok(mail.is_some()),
        Requested::TooMany(pause) => Err(pause.get()),
    }
}

fn people() -> World {
    let world = World::default();
    for email in [ADA, OTHERS[0], OTHERS[1]] {
        world.register(email);
    }
    world
}

/// Counts that are not those of the request, around them in the table's order, and of its mail or not.
fn counts_of_others(world: &World, request: &MailRequest, mails: &str) {
    let client = request.counted.client.as_str();
    let address = request.counted.address.as_str();
    world.database.execute(&format!(
        "INSERT INTO mail_counts
         SELECT column1, column2, '{mails}', 1000000
           FROM (VALUES ('a kind', '{client}'), ('address', '{client}'), ('notice', '{client}'), ('client', ''), ('client', '~'),
                        ('a kind', '{address}'), ('client', '{address}'), ('notice', '{address}'), ('address', ''), ('address', '~'))"
    ));
}

fn counted(world: &World, kind: &str) -> Vec<String> {
    let mails = format!(
        "SELECT key FROM mail_counts AS c, json_each(c.mails) WHERE c.kind = '{kind}' ORDER BY value, key"
    );
    world.database.query(&mails).concat()
}

#[test]
fn a_client_causes_ten_mails_an_hour() {
    let mut world = people();
    for number in 0..10 {
        world.passed = number;
        let email = format!("{number}@example.org");
        let request = request(&world, &email, CLIENT, &format!("mail {number}"));
        assert_eq!(send(&world, Asked::Reset, &request), Ok(false));
        let rows = world.everything();
        assert_eq!(send(&world, Asked::Reset, &request), Ok(false), "repeated");
        assert_eq!(world.everything(), rows, "repeated");
    }
    for (passed, wanted) in [(10, Err(3_590)), (3_599, Err(1)), (3_600, Ok(true))] {
        world.passed = passed;
        let request = request(&world, ADA, CLIENT, "one more");
        assert_eq!(send(&world, Asked::Reset, &request), wanted, "{passed}");
    }
    let mut mails: Vec<_> = (1..10).map(|number| format!("mail {number}")).collect();
    mails.push("one more".to_owned());
    assert_eq!(counted(&world, "client"), mails);
}

#[test]
fn an_address_receives_three_mails_an_hour_from_all_clients_together() {
    let mut world = people();
    for (number, wanted) in [(0, true), (1, true), (2, true), (3, false)] {
        world.passed = number;
        let client = format!("192.0.2.{number}");
        let request = request(&world, ADA, &client, &format!("mail {number}"));
        assert_eq!(send(&world, Asked::Reset, &request), Ok(wanted), "{number}");
        let rows = world.everything();
        assert_eq!(send(&world, Asked::Reset, &request), Ok(wanted), "repeated");
        assert_eq!(world.everything(), rows, "repeated");
    }
    for (passed, wanted) in [(3_599, false), (3_600, true)] {
        world.passed = passed;
        let client = format!("192.0.2.{}", passed % 100);
        let request = request(&world, ADA, &client, &format!("mail {passed}"));
        assert_eq!(send(&world, Asked::Reset, &request), Ok(wanted), "{passed}");
    }
    assert_eq!(
        counted(&world, "address"),
        ["mail 1", "mail 2", "mail 3600"]
    );
}

#[test]
fn a_mail_goes_to_the_active_user_with_the_address_whomever_else_there_is() {
    for asked in ALL {
        for (change, is_queued) in [
            ("SELECT 1", true),
            (
                "UPDATE users SET is_active = 0 WHERE email LIKE 'ada%'",
                false,
            ),
            (
                "UPDATE users SET email_verified_at = 5 WHERE email LIKE 'ada%'",
                asked != Asked::Verification,
            ),
            ("DELETE FROM users WHERE email LIKE 'ada%'", false),
        ] {
            let world = people();
            world.database.execute(change);
            let request = request(&world, ADA, CLIENT, "a mail");
            counts_of_others(&world, &request, "{}");
            let of_others = || {
                let tables = ["one_time_tokens", "login_requests", "outbox"];
                tables.map(|table| {
                    let query = format!(
                        "SELECT count(*) FROM {table} AS t JOIN users AS u ON u.id = t.user_id WHERE u.email <> '{ADA}'"
                    );
                    world.database.value(&query)
                })
            };
            assert_eq!(
                send(&world, asked, &request),
                Ok(is_queued),
                "{asked:?} {change}"
            );
            assert_eq!(of_others(), ["0", "0", "0"], "{asked:?} {change}");
            let count = |table: &str| {
                let query = format!("SELECT count(*) FROM {table}");
                world.database.value(&query)
            };
            let is_login = matches!(asked, Asked::Link | Asked::Code);
            let queued = u8::from(is_queued);
            assert_eq!(count("outbox"), queued.to_string());
            let issued = u8::from(is_queued && !is_login);
            assert_eq!(count("one_time_tokens"), issued.to_string());
            let kept = u8::from(is_login);
            assert_eq!(count("login_requests"), kept.to_string());
            let named = "SELECT count(*) FROM login_requests WHERE user_id IS NOT NULL";
            let of_ada = u8::from(is_login && is_queued);
            assert_eq!(world.database.value(named), of_ada.to_string());
        }
    }
}

#[test]
fn a_mail_that_is_not_counted_is_neither_queued_nor_kept() {
    for asked in ALL {
        for full in ["client", "address"] {
            let world = people();
            let request = request(&world, ADA, CLIENT, "a mail");
            let key = match full {
                "client" => request.counted.client.as_str(),
                _ => request.counted.address.as_str(),
            };
            let ten: Vec<_> = (0..10).map(|n| format!("\"m{n}\":1000000")).collect();
            let ten = ten.join(",");
            world.database.execute(&format!(
                "INSERT INTO mail_counts VALUES ('{full}', '{key}', '{{{ten}}}', 1000000)"
            ));
            counts_of_others(&world, &request, r#"{"a mail":1000000}"#);
            let outcome = send(&world, asked, &request);
            let wanted = if full == "client" {
                Err(3_600)
            } else {
                Ok(false)
            };
            assert_eq!(outcome, wanted, "{asked:?} {full}");
            for table in ["outbox", "one_time_tokens", "login_requests"] {
                let count = format!("SELECT count(*) FROM {table}");
                assert_eq!(
                    world.database.value(&count),
                    "0",
                    "{asked:?} {full} {table}"
                );
            }
            let address = request.counted.address.as_str();
            let for_address = format!(
                "SELECT count(*) FROM mail_counts AS c, json_each(c.mails) AS m
                  WHERE c.kind = 'address' AND c.counted = '{address}' AND m.key = 'a mail'"
            );
            assert_eq!(world.database.value(&for_address), "0", "{asked:?} {full}");
        }
    }
}

#[test]
fn a_browser_has_ten_requests_at_once_that_have_not_expired() {
    for (live, is_kept) in [(9, true), (10, false)] {
        let world = people();
        let browser = browser().digest();
        let rows: Vec<_> = (0..12)
            .map(|n| {
                let until = if n < live { 1_000_001 } else { 1_000_000 };
                format!("('{browser}', 'd{n}', 'x', {until}), ('another', 'd{n}', 'x', 1000001)")
            })
            .collect();
        world.database.execute(&format!(
            "INSERT INTO login_requests (browser, digest, email, expires_at) VALUES {}",
            rows.join(", ")
        ));
        let request = request(&world, ADA, CLIENT, "a mail");
        assert_eq!(send(&world, Asked::Link, &request), Ok(true));
        let count = "SELECT count(*) FROM login_requests WHERE digest = 'digest of a mail'";
        assert_eq!(world.database.value(count) == "1", is_kept, "{live}");
    }
}
