//! A confirmed address, and one that is taken back: what the batch changes, whose rows, and that it changes them once.

use pollster::block_on;

use super::{ADA, World};
use crate::domain::audit::Trace;
use crate::domain::credential::one_time::{Nonce, OneTimeToken, Purpose};
use crate::domain::id::UserId;
use crate::domain::mail::Language;
use crate::domain::time::UnixSeconds;
use crate::store::addresses::verify;
use crate::store::confirmations::{AddressConfirmation, confirm_change};
use crate::store::outbox::Draft;
use crate::store::take_back::{TakeBack, disown_login, undo_email};

impl World {
    /// The use of the link that the user has been mailed.
    pub(super) fn confirmation(&self, user: UserId) -> AddressConfirmation {
        let key = [3; 32];
        let undo = Nonce::from_random([6; 32]);
        AddressConfirmation {
            token: OneTimeToken {
                user,
                secret: Nonce::from_random([5; 32]).secret(&key, Purpose::ConfirmEmail),
            },
            notice: Draft {
                id: "a mail".to_owned(),
                language: Language::default(),
                nonce: undo,
                key_id: "a key".to_owned(),
                facts: "{}".to_owned(),
                digest: undo
                    .secret(&key, Purpose::UndoEmail)
                    .digest(Purpose::UndoEmail),
                expires_at: UnixSeconds::new(2_000_000),
            },
            trace: self.trace(),
        }
    }

    /// The user has asked for another address; the link has this digest.
    fn ask(&self, user: UserId, new: &str, digest: &str) {
        self.database.execute(&format!(
            "INSERT OR REPLACE INTO one_time_tokens (user_id, purpose, digest, email, new_email, password_version, issued_at, expires_at)
             SELECT id, 'confirm-email', '{digest}', email, '{new}', password_version, 1000000, 2000000
               FROM users WHERE id = '{user}'"
        ));
    }

    /// Another user has the trace of a request.
    fn trace_of(&self, email: &str, trace: &Trace) {
        let trace = trace.to_json_by_mail();
        self.database.execute(&format!(
            "UPDATE users SET trace = '{trace}' WHERE email = '{email}'"
        ));
    }

    fn confirm(&self, confirmation: &AddressConfirmation) -> bool {
        block_on(confirm_change(&self.database, confirmation))
            .unwrap()
            .is_some()
    }
}

#[test]
fn a_confirmation_touches_nothing_of_a_user_whose_link_has_the_same_digest() {
    for [first, second] in [["a@example.org", ADA], [ADA, "z@example.org"]] {
        let world = World::default();
        let [first, second] = [first, second].map(|email| world.register(email));
        let (ada, other) = if world.database.value(&format!(
            "SELECT email = '{ADA}' FROM users WHERE id = '{first}'"
        )) == "1"
        {
            (first, second)
        } else {
            (second, first)
        };
        let confirmation = world.confirmation(ada);
        let digest = confirmation.token.secret.digest(Purpose::ConfirmEmail);
        let theirs = format!("SELECT email FROM users WHERE id = '{other}'");
        let theirs = world.database.value(&theirs);
        world.ask(other, &theirs, &digest);
        world.ask(ada, &theirs, "another");
        world.database.execute(&format!(
            "UPDATE one_time_tokens SET purpose = 'a purpose' WHERE digest = 'another';
             INSERT INTO resting_addresses VALUES ('{theirs}', '{other}', 2000000), ('new@example.org', '{other}', 1000000)"
        ));
        world.ask(ada, "new@example.org", &digest);
        world.trace_of(&theirs, &confirmation.trace);
        let of_other = || {
            ["one_time_tokens", "resting_addresses", "outbox", "sessions"].map(|table| {
                world
                    .database
                    .query(&format!("SELECT * FROM {table} WHERE user_id = '{other}'"))
            })
        };
        let before = of_other();
        assert!(world.confirm(&confirmation));
        assert_eq!(of_other(), before);
        let email = format!("SELECT email FROM users WHERE id = '{ada}'");
        assert_eq!(world.database.value(&email), "new@example.org");
        assert_eq!(
            world
                .database
                .query("SELECT email, ordinal FROM one_time_tokens WHERE purpose = 'undo-email'"),
            [[ADA, "1"]]
        );
        assert_eq!(
            world.database.query(&format!(
                "SELECT email FROM resting_addresses WHERE user_id = '{ada}'"
            )),
            [[ADA]]
        );
        assert_eq!(world.database.query("SELECT email FROM outbox"), [[ADA]]);
    }
}

#[test]
fn a_confirmation_that_is_repeated_leaves_what_has_happened_since() {
    let world = World::default();
    let ada = world.register(ADA);
    let confirmation = world.confirmation(ada);
    world.ask(
        ada,
        "new@example.org",
        &confirmation.token.secret.digest(Purpose::ConfirmEmail),
    );
    assert!(world.confirm(&confirmation));
    world.ask(ada, "newer@example.org", "another");
    world.database.execute("DELETE FROM outbox");
    let links = || {
        world
            .database
            .query("SELECT * FROM one_time_tokens WHERE purpose = 'undo-email'")
    };
    let before = (
        links(),
        world.database.query("SELECT * FROM resting_addresses"),
    );
    assert!(world.confirm(&confirmation), "the answer was lost");
    assert_eq!(
        (
            links(),
            world.database.query("SELECT * FROM resting_addresses")
        ),
        before
    );
    assert_eq!(
        world.database.value("SELECT email FROM users"),
        "new@example.org"
    );
    assert_eq!(world.database.value("SELECT count(*) FROM outbox"), "0");
}

#[test]
fn a_confirmation_that_is_refused_changes_nothing() {
    for change in [
        "UPDATE users SET is_active = 0",
        "INSERT INTO users (id, email, role_slug, created_at, updated_at)
         VALUES ('someone', 'new@example.org', 'application-access', 1, 1)",
        "INSERT INTO resting_addresses VALUES ('new@example.org', (SELECT id FROM users WHERE email = 'z@example.org'), 1000001)",
        "UPDATE one_time_tokens SET expires_at = 1000000",
        "UPDATE one_time_tokens SET digest = 'another'",
        "UPDATE one_time_tokens SET purpose = 'verify-email'",
        "UPDATE users SET password_version = 2, trace = '{\"at\":1}'",
        "UPDATE users SET email = 'hand@example.org', trace = '{\"at\":1}' WHERE email = 'ada@example.org'",
        "UPDATE one_time_tokens SET user_id = (SELECT id FROM users WHERE email = 'z@example.org')",
    ] {
        let world = World::default();
        let ada = world.register(ADA);
        world.register("z@example.org");
        world.log_in(ada, 1);
        let confirmation = world.confirmation(ada);
        world.ask(
            ada,
            "new@example.org",
            &confirmation.token.secret.digest(Purpose::ConfirmEmail),
        );
        world.database.execute(change);
        world.trace_of("z@example.org", &confirmation.trace);
        let before = world.everything();
        assert!(!world.confirm(&confirmation), "{change}");
        assert_eq!(world.everything(), before, "{change}");
    }
}

#[test]
fn an_account_that_is_not_taken_back_keeps_its_links() {
    let world = World::default();
    let ada = world.register(ADA);
    world.register("z@example.org");
    let confirmation = world.confirmation(ada);
    let digest = confirmation.token.secret.digest(Purpose::ConfirmEmail);
    for new in ["new@example.org", ADA] {
        world.ask(ada, new, &digest);
        assert!(world.confirm(&confirmation));
        world.database.execute("UPDATE users SET trace = NULL; UPDATE one_time_tokens SET digest = email; DELETE FROM outbox");
    }
    world.ask(ada, "newer@example.org", &digest);
    let take_back = TakeBack {
        token: confirmation.token,
        reset: world.confirmation(ada).notice,
        trace: world.trace(),
    };
    world.trace_of("z@example.org", &take_back.trace);
    world
        .database
        .execute("INSERT INTO seen_logins SELECT id, 'a device', 1 FROM users");
    let before = world.everything();
    assert!(
        block_on(undo_email(&world.database, &take_back))
            .unwrap()
            .is_none()
    );
    assert!(
        block_on(disown_login(&world.database, &take_back))
            .unwrap()
            .is_none()
    );
    assert_eq!(world.everything(), before);
}

#[test]
fn a_proof_makes_the_pending_change_give_up_a_proven_address_and_no_earlier_one() {
    let world = World::default();
    let ada = world.register(ADA);
    world.register("bob@example.org");
    let secret = Nonce::from_random([5; 32]).secret(&[3; 32], Purpose::VerifyEmail);
    let digest = secret.digest(Purpose::VerifyEmail);
    world.database.execute(&format!(
        "INSERT INTO one_time_tokens (user_id, purpose, digest, email, password_version, issued_at, expires_at)
         SELECT id, purpose, iif(id = '{ada}', '{digest}', 'another'), email, 1, 1000000, 1000001
           FROM users, (SELECT 'verify-email' AS purpose UNION ALL VALUES ('confirm-email'), ('undo-email'))"
    ));
    let token = OneTimeToken { user: ada, secret };
    assert!(block_on(verify(&world.database, &token, &world.trace())).unwrap());
    let proven =
        "SELECT email, purpose FROM one_time_tokens JOIN users USING (email) WHERE is_proven = 1";
    assert_eq!(world.database.query(proven), [[ADA, "confirm-email"]]);
}
