//! A user who asks for another address: when a link is issued and mailed, and to whom.

use pollster::block_on;

use super::{ADA, SessionKey, World, keys, token};
use crate::domain::identity::email::Email;
use crate::domain::identity::user::PasswordVersion;
use crate::domain::throttle::ClientPrefix;
use crate::store::addresses::{AddressRequest, request_change};
use crate::store::attempts::Guess;
use crate::store::mail_counts::{Counted, Requested};
use crate::store::outbox::Draft;

const NEW: &str = "new@example.org";
const OTHERS: [&str; 2] = ["a@example.org", "z@example.org"];

/// What came of the request, how many links were issued, and the mails.
type Outcome = (&'static str, String, Vec<Vec<String>>);

/// Ada asks, after a change that follows the check of her password. She has another session, and the
/// others have sessions with the same ids.
fn asked_after(change: &str) -> Outcome {
    ask_after(change).1
}

fn ask_after(change: &str) -> (World, Outcome) {
    let world = World::default();
    let [ada, ..] = [ADA, OTHERS[0], OTHERS[1]].map(|email| world.register(email));
    let caller = world.log_in(ada, 1);
    world.log_in(ada, 2);
    for email in OTHERS {
        let other = crate::domain::id::UserId::new(1, &super::number(email));
        world.log_in(other, 1);
        world.log_in(other, 2);
    }
    world.database.execute(change);
    let request = request(&world, caller);
    let run = || match block_on(request_change(&world.database, &request)).unwrap() {
        None => "nobody",
        Some(Requested::Accepted(_)) => "accepted",
        Some(Requested::TooMany(_)) => "too many",
    };
    let outcome = run();
    let rows = world.everything();
    assert_eq!(run(), outcome, "{change}, repeated");
    assert_eq!(world.everything(), rows, "{change}, repeated");
    let issued = "SELECT count(*) FROM one_time_tokens WHERE digest = 'a digest'";
    let mails = world.database.query("SELECT kind, email FROM outbox");
    let issued = world.database.value(issued);
    (world, (outcome, issued, mails))
}

fn request(world: &World, caller: SessionKey) -> AddressRequest {
    let new = Email::parse(NEW).unwrap();
    let guess = keys().of_password_change(caller);
    AddressRequest {
        caller,
        verified: PasswordVersion(1),
        guess: Guess {
            account: guess.account,
            client: guess.client,
            others_failed: false,
            attempt: token(0),
        },
        account: keys()
            .of_login(&Email::parse(ADA).unwrap(), ClientPrefix::parse(None))
            .account,
        counted: Counted {
            client: keys().of_client(ClientPrefix::parse(None)),
            address: keys().of_recipient(&new, "confirm_email"),
        },
        new,
        draft: Draft {
            digest: "a digest".to_owned(),
            ..world.confirmation(caller.user).notice
        },
        trace: world.trace(),
    }
}

/// Mails have been counted for the client or for the address, as many as there may be. The mail has been
/// counted for others.
fn full(kind: &str) -> String {
    let address = keys().of_recipient(&Email::parse(NEW).unwrap(), "confirm_email");
    let client = keys().of_client(ClientPrefix::parse(None));
    let [address, client] = [address.as_str(), client.as_str()];
    let counted = if kind == "client" { client } else { address };
    let ten: Vec<_> = (0..10).map(|n| format!("\"m{n}\":1000000")).collect();
    let ten = ten.join(",");
    format!(
        "INSERT INTO mail_counts VALUES ('{kind}', '{counted}', '{{{ten}}}', 1000000);
         INSERT INTO mail_counts
         SELECT column1, column2, '{{\"a mail\":1000000}}', 1000000
           FROM (VALUES ('a kind', '{client}'), ('address', '{client}'), ('client', ''), ('client', '~'),
                        ('a kind', '{address}'), ('client', '{address}'), ('address', ''), ('address', '~'))"
    )
}

/// The session that asks, in SQL.
fn caller() -> String {
    let id = crate::domain::id::SessionId::from_random([1; 16]);
    format!("user_id = {} AND id = '{id}'", id_of(ADA))
}

/// A user's id, in SQL.
fn id_of(email: &str) -> String {
    format!("(SELECT id FROM users WHERE email = '{email}')")
}

fn given_up(email: &str, count: u8) -> String {
    let rows: Vec<_> = (1..=count)
        .map(|n| {
            let user = id_of(email);
            format!("({user}, 'undo-email', {n}, 'd{n}', 'e{n}', 1000000, 1000001)")
        })
        .collect();
    format!(
        "INSERT INTO one_time_tokens (user_id, purpose, ordinal, digest, email, issued_at, expires_at)
         VALUES {};",
        rows.join(", ")
    )
}

#[test]
fn the_new_address_is_mailed_whatever_others_have() {
    let [a, z] = OTHERS;
    for change in [
        "SELECT 1".to_owned(),
        // They have given up five addresses each, and Ada four and one that cannot be had again.
        [given_up(a, 5), given_up(z, 5), given_up(ADA, 4)].concat(),
        format!(
            "{} UPDATE one_time_tokens SET expires_at = 1000000 WHERE ordinal = 5",
            given_up(ADA, 5)
        ),
        format!(
            "{} UPDATE one_time_tokens SET purpose = 'a purpose' WHERE ordinal = 5",
            given_up(ADA, 5)
        ),
        // Addresses that rest: another one, the new one for Ada herself, and the new one no longer.
        format!(
            "INSERT INTO resting_addresses VALUES
                ('old@example.org', {}, 2000000), ('{NEW}', {}, 2000000), ('{NEW}', {}, 1000000)",
            id_of(a),
            id_of(ADA),
            id_of(z)
        ),
    ] {
        let mail = vec![vec!["confirm_email".to_owned(), NEW.to_owned()]];
        let wanted = ("accepted", "1".to_owned(), mail);
        assert_eq!(asked_after(&change), wanted, "{change}");
    }
}

#[test]
fn an_address_that_is_not_free_is_not_mailed_but_for_its_active_user() {
    let z = id_of("z@example.org");
    for (change, told) in [
        (
            format!("UPDATE users SET email = '{NEW}' WHERE id = {z}"),
            true,
        ),
        (
            format!("UPDATE users SET email = '{NEW}', is_active = 0 WHERE id = {z}"),
            false,
        ),
        (
            format!("INSERT INTO resting_addresses VALUES ('{NEW}', {z}, 1000001)"),
            false,
        ),
    ] {
        let mail = ["already_registered", NEW].map(str::to_owned).to_vec();
        let mails = if told { vec![mail] } else { vec![] };
        let wanted = ("accepted", "1".to_owned(), mails);
        assert_eq!(asked_after(&change), wanted, "{change}");
    }
}

#[test]
fn nothing_is_issued_once_the_session_the_password_or_the_room_is_gone() {
    let (ada, caller) = (id_of(ADA), caller());
    let taken = format!("UPDATE users SET email = '{NEW}' WHERE email LIKE 'z%'");
    for (change, outcome) in [
        (
            format!("UPDATE users SET password_version = 2, trace = '{{}}' WHERE id = {ada}"),
            "nobody",
        ),
        (
            format!("UPDATE sessions SET ended_at = 1, end_reason = 'logout' WHERE {caller}"),
            "nobody",
        ),
        (
            format!("UPDATE sessions SET idle_expires_at = 1000000 WHERE {caller}"),
            "nobody",
        ),
        (format!("DELETE FROM sessions WHERE {caller}"), "nobody"),
        (given_up(ADA, 5), "too many"),
        (full("client"), "too many"),
        (full("address"), "accepted"),
    ] {
        let (found, issued, mails) = asked_after(&change);
        assert_eq!((found, issued.as_str()), (outcome, "0"), "{change}");
        assert!(mails.is_empty(), "{change}");
        // Nor is the user who has the address told.
        let (found, issued, mails) = asked_after(&format!("{change}; {taken}"));
        assert_eq!((found, issued.as_str()), (outcome, "0"), "{change}");
        assert!(mails.is_empty(), "{change}");
    }
}

#[test]
fn a_change_that_is_refused_uses_nothing_up() {
    let (ada, caller) = (id_of(ADA), caller());
    for change in [
        format!("UPDATE users SET password_version = 2, trace = '{{}}' WHERE id = {ada}"),
        format!("UPDATE sessions SET ended_at = 1, end_reason = 'logout' WHERE {caller}"),
        format!("DELETE FROM sessions WHERE {caller}"),
        given_up(ADA, 5),
    ] {
        let (world, _) = ask_after(&change);
        let counts = "SELECT count(*) FROM mail_counts";
        assert_eq!(world.database.value(counts), "0", "{change}");
    }
}

#[test]
fn the_mails_of_a_client_count_for_an_hour() {
    let client = keys().of_client(ClientPrefix::parse(None));
    for (tenth, outcome, counted) in [(996_401, "too many", "10"), (996_400, "accepted", "10")] {
        let nine: Vec<_> = (0..9).map(|n| format!("\"m{n}\":996401")).collect();
        let mails = format!("{{{},\"m9\":{tenth}}}", nine.join(","));
        let (world, found) = ask_after(&format!(
            "INSERT INTO mail_counts VALUES ('client', '{}', '{mails}', 1000000)",
            client.as_str()
        ));
        assert_eq!(found.0, outcome, "{tenth}");
        let of_client =
            "SELECT count(*) FROM mail_counts AS c, json_each(c.mails) WHERE c.kind = 'client'";
        assert_eq!(world.database.value(of_client), counted, "{tenth}");
    }
}
