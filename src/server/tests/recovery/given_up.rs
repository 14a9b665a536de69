//! Addresses that a user has given up: each has a link of its own, and the one that was given up first
//! comes first.

use http::Method;
use serde_json::json;

use super::{ADA, NEW_PASSWORD, token_in, world};
use crate::server::tests::{Client, PASSWORD, World};

const BE: &str = "be@example.org";
const CE: &str = "ce@example.org";
const DE: &str = "de@example.org";
const DAY: i64 = 86_400;

impl World {
    /// Replaces the address, with the link in the mail to the new one.
    fn move_to(&self, client: &mut Client, email: &str) {
        let token = self.change_email(client, email);
        let answer = self.post("/api/account/email/confirm", json!({"token": token}));
        assert_eq!(answer.status, 204, "{}", answer.body);
    }

    /// A user who has had these addresses, the last of which is the present one; with the links that
    /// take the account back to the others.
    fn moved(&self, emails: &[&str]) -> (Client, Vec<String>) {
        let mut client = self.person(emails[0]);
        let mut links = Vec::new();
        for (from, to) in emails.iter().zip(&emails[1..]) {
            self.move_to(&mut client, to);
            links.push(self.token_to(from, "undo-email"));
        }
        (client, links)
    }

    /// Takes the account back, and returns its address; `None` if the link does not work.
    fn undo(&self, token: &str) -> Option<String> {
        let answer = self.post("/api/recovery/undo-email", json!({"token": token}));
        if answer.status == 204 {
            return Some(self.address());
        }
        assert_eq!((answer.status, answer.code()), (410, "invalid_link"));
        None
    }

    /// The address of the only user, or of the one who is neither Bob nor Aaron.
    fn address(&self) -> String {
        self.value(
            "SELECT email FROM users WHERE email NOT LIKE 'bob%' AND email NOT LIKE 'aaron%'",
        )
    }
}

#[test]
fn an_owner_who_has_moved_takes_the_account_back_from_a_thief() {
    let world = world(&[]);
    let mut ada = world.person(ADA);
    world.move_to(&mut ada, BE);
    world.pass(DAY);
    let mut thief = Client::default();
    assert_eq!(world.log_in(&mut thief, BE).status, 204);
    world.move_to(&mut thief, CE);
    let undo = world.token_to(BE, "undo-email");
    assert_eq!(world.undo(&undo).as_deref(), Some(BE));
    assert_eq!(world.refresh(&mut thief).status, 401);
    let reset = world.token_to(BE, "reset-password");
    assert_eq!(world.reset(&reset, NEW_PASSWORD).status, 204);
    assert_eq!(world.log_in_with(BE, NEW_PASSWORD).status, 204);
    assert_eq!(world.undo(&undo), None, "once");
}

#[test]
fn the_link_of_the_address_given_up_first_outlives_those_of_later_ones() {
    let world = world(&[]);
    let (_, links) = world.moved(&[ADA, BE, CE, DE]);
    world.log_in_from("curl/8.0", DE, PASSWORD);
    let disown = world.token_to(DE, "disown-login");
    // The thief goes back to a mailbox that is theirs, and resets there.
    assert_eq!(world.undo(&links[1]).as_deref(), Some(BE));
    assert_eq!(world.undo(&links[2]), None, "it was given up after");
    let answer = world.post("/api/recovery/disown-login", json!({"token": disown}));
    assert_eq!(answer.code(), "invalid_link");
    assert_eq!(world.count("resting_addresses"), "1");
    assert_eq!(world.undo(&links[0]).as_deref(), Some(ADA));
    assert_eq!(world.count("resting_addresses"), "0");
    assert_eq!(
        world.value("SELECT group_concat(purpose) FROM one_time_tokens"),
        "reset-password"
    );
}

#[test]
fn the_link_of_the_address_given_up_first_spends_those_of_later_ones() {
    let world = world(&[]);
    world.register("bob@example.org");
    let (_, links) = world.moved(&[ADA, BE, CE]);
    assert_eq!(world.undo(&links[0]).as_deref(), Some(ADA));
    assert_eq!(world.undo(&links[1]), None);
    assert_eq!(world.register(CE).status, 201);
    assert_eq!(world.register(BE).status, 201, "it need not rest any more");
}

#[test]
fn each_link_works_for_seven_days_from_its_own_change() {
    let world = world(&[]);
    let mut ada = world.person(ADA);
    world.move_to(&mut ada, BE);
    world.pass(6 * DAY);
    world.log_in(&mut ada, BE);
    world.move_to(&mut ada, CE);
    let links = [ADA, BE].map(|email| world.token_to(email, "undo-email"));
    world.pass(DAY);
    assert_eq!(world.undo(&links[0]), None, "expired");
    world.pass(6 * DAY - 1);
    assert_eq!(world.undo(&links[1]).as_deref(), Some(BE));
}

#[test]
fn an_address_that_is_given_up_again_keeps_its_place() {
    let world = world(&[]);
    // The owner of the first address confirms it again by mistake.
    let (_, links) = world.moved(&[ADA, BE, ADA, CE]);
    assert_eq!(world.undo(&links[1]).as_deref(), Some(BE));
    assert_eq!(world.undo(&links[0]), None, "the newest mail to it counts");
    assert_eq!(world.undo(&links[2]).as_deref(), Some(ADA));
}

#[test]
fn an_address_whose_link_has_expired_has_lost_its_place() {
    let world = world(&[]);
    let mut ada = world.person(ADA);
    world.move_to(&mut ada, BE);
    world.pass(3 * DAY);
    world.log_in(&mut ada, BE);
    world.move_to(&mut ada, ADA);
    world.pass(4 * DAY);
    world.log_in(&mut ada, ADA);
    world.move_to(&mut ada, CE);
    let links = [ADA, BE].map(|email| world.token_to(email, "undo-email"));
    assert_eq!(world.undo(&links[0]).as_deref(), Some(ADA));
    assert_eq!(world.value("SELECT email FROM resting_addresses"), BE);
    assert_eq!(world.undo(&links[1]).as_deref(), Some(BE));
}

#[test]
fn a_link_touches_nothing_of_anybody_else() {
    let world = world(&[]);
    // Aaron's rows come before Ada's, and name the same addresses.
    world.register("aaron@example.org");
    let aaron = world.value("SELECT id FROM users");
    for (ordinal, email) in [(5, ADA), (1, BE), (9, DE)] {
        world.sql(&format!(
            "INSERT INTO one_time_tokens (user_id, purpose, ordinal, digest, email, issued_at, expires_at)
             VALUES ('{aaron}', 'undo-email', {ordinal}, 'd', '{email}', 0, 9999999999)"
        ));
    }
    let (_, links) = world.moved(&[ADA, BE, CE]);
    world.sql(&format!(
        "INSERT INTO resting_addresses SELECT '{BE}', '{aaron}', 9999999999;
         INSERT INTO resting_addresses SELECT '{DE}', user_id, until FROM resting_addresses WHERE email = '{ADA}'"
    ));
    let ordinals = format!(
        "SELECT group_concat(ordinal) FROM one_time_tokens WHERE user_id <> '{aaron}' AND purpose = 'undo-email'"
    );
    assert_eq!(world.value(&ordinals), "1,2");
    assert_eq!(world.undo(&links[1]).as_deref(), Some(BE));
    assert_eq!(world.value(&ordinals), "1");
    let resting = format!(
        "SELECT group_concat(email || (user_id = '{aaron}')) FROM (SELECT * FROM resting_addresses ORDER BY email)"
    );
    assert_eq!(world.value(&resting), format!("{ADA}0,{BE}1,{DE}0"));
    let links_of_aaron = format!("SELECT count(*) FROM one_time_tokens WHERE user_id = '{aaron}'");
    assert_eq!(world.value(&links_of_aaron), "3");
    assert_eq!(world.undo(&links[0]).as_deref(), Some(ADA));
}

#[test]
fn a_link_that_is_refused_changes_nothing() {
    let world = world(&[]);
    let (_, links) = world.moved(&[ADA, BE, ADA]);
    world.forgot(ADA);
    world.sql("UPDATE users SET is_active = 0");
    let rows = || {
        ["users", "one_time_tokens", "resting_addresses", "outbox"]
            .map(|table| world.ports.store.query(&format!("SELECT * FROM {table}")))
    };
    let before = rows();
    for link in &links {
        assert_eq!(world.undo(link), None);
    }
    assert_eq!(rows(), before);
}

#[test]
fn a_disowned_login_spends_the_links_of_later_addresses_alone() {
    let world = world(&[]);
    let mut ada = world.person(ADA);
    world.move_to(&mut ada, BE);
    let first = world.token_to(ADA, "undo-email");
    let mut thief = world.log_in_from("curl/8.0", BE, PASSWORD);
    let disown = world.token_to(BE, "disown-login");
    world.move_to(&mut thief, CE);
    world.move_to(&mut thief, DE);
    let theirs = world.token_to(CE, "undo-email");
    let path = "/api/recovery/disown-login";
    assert_eq!(world.post(path, json!({"token": disown})).status, 204);
    assert_eq!(world.address(), BE);
    assert_eq!(world.undo(&theirs), None, "the thief's");
    assert_eq!(world.undo(&first).as_deref(), Some(ADA));
}

#[test]
fn a_reset_spends_the_way_back_to_the_unproven_address_alone() {
    let world = world(&[]);
    let (_, links) = world.moved(&[ADA, BE, CE]);
    world.forgot(CE);
    let reset = world.token_to(CE, "reset-password");
    assert_eq!(world.reset(&reset, NEW_PASSWORD).status, 204);
    assert_eq!(world.undo(&links[0]), None, "nobody had proven it");
    assert_eq!(world.undo(&links[1]).as_deref(), Some(BE));
}

#[test]
fn a_user_gives_up_five_addresses_in_seven_days_at_most() {
    let world = world(&[]);
    let bob = "bob@example.org";
    world.moved(&[bob, "bob.2@example.org"]);
    world.pass(50);
    let five = [ADA, BE, CE, DE, "ee@example.org", "ef@example.org"];
    let (mut client, links) = world.moved(&five);
    let mails = world.mails().len();
    let mut ask = |email: &str| {
        let body = json!({"email": email, "currentPassword": PASSWORD});
        let answer = world.call(
            &mut client,
            (Method::POST, "/api/account/email"),
            Some(body),
        );
        let retry_after = answer.header("retry-after").map(str::to_owned);
        (answer.status, retry_after)
    };
    // A link that has just expired does not count, nor does one for another purpose.
    world.sql(&format!(
        "INSERT INTO one_time_tokens (user_id, purpose, ordinal, digest, email, issued_at, expires_at)
         SELECT id, 'undo-email', 9, 'd', 'e', 0, {now} FROM users WHERE email = 'ef@example.org';
         INSERT INTO one_time_tokens (user_id, purpose, digest, email, issued_at, expires_at)
         SELECT id, 'disown-login', 'd', 'e', 0, {now} + 1 FROM users WHERE email = 'ef@example.org'",
        now = world.now.get()
    ));
    let full = (429, Some((7 * DAY).to_string()));
    assert_eq!(ask("eg@example.org"), full);
    assert_eq!(ask("bob.2@example.org"), full, "taken or not");
    assert_eq!(world.mails().len(), mails, "nobody is mailed");
    assert_eq!(
        world.value("SELECT count(*) FROM one_time_tokens WHERE purpose = 'confirm-email'"),
        "0"
    );
    // The owner of the third address has it back, and room for others.
    assert_eq!(world.undo(&links[2]).as_deref(), Some(CE));
    assert_eq!(world.count("resting_addresses"), "3");
}

#[test]
fn there_is_room_again_when_the_first_link_has_expired() {
    let world = world(&[]);
    let (mut ada, _) = world.moved(&[ADA, BE]);
    world.pass(100);
    for email in [CE, DE, "ee@example.org", "ef@example.org"] {
        world.move_to(&mut ada, email);
    }
    world.pass(7 * DAY - 110);
    world.log_in(&mut ada, "ef@example.org");
    let body = json!({"email": "eg@example.org", "currentPassword": PASSWORD});
    let mut ask = || {
        world.call(
            &mut ada,
            (Method::POST, "/api/account/email"),
            Some(body.clone()),
        )
    };
    let refused = ask();
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("10"))
    );
    world.pass(10);
    assert_eq!(ask().status, 202);
    assert!(world.mails().iter().any(|mail| {
        mail.to == "eg@example.org" && token_in(&mail.text, "confirm-email").is_some()
    }));
}
