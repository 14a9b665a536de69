//! An account that is taken back: whose link works, and that a repetition changes nothing more.

use pollster::block_on;

use super::{ADA, World};
use crate::domain::credential::one_time::{Nonce, OneTimeToken, Purpose};
use crate::domain::id::UserId;
use crate::store::take_back::{TakeBack, disown_login, undo_email};

impl World {
    fn taking_back(&self, user: UserId, purpose: Purpose) -> (TakeBack, String) {
        let secret = Nonce::from_random([5; 32]).secret(&[3; 32], purpose);
        let digest = secret.digest(purpose);
        let take_back = TakeBack {
            token: OneTimeToken { user, secret },
            reset: self.confirmation(user).notice,
            trace: self.trace(),
        };
        (take_back, digest)
    }

    /// The user has given this address up; the link has this digest.
    fn left(&self, user: UserId, ordinal: u8, email: &str, digest: &str) {
        self.database.execute(&format!(
            "INSERT INTO one_time_tokens (user_id, purpose, ordinal, digest, email, issued_at, expires_at)
             VALUES ('{user}', 'undo-email', {ordinal}, '{digest}', '{email}', 1000000, 2000000)"
        ));
    }

    /// The user has been told of a login at this address; the link has this digest.
    fn told(&self, user: UserId, email: &str, digest: &str) {
        self.database.execute(&format!(
            "INSERT INTO one_time_tokens (user_id, purpose, digest, email, issued_at, expires_at)
             VALUES ('{user}', 'disown-login', '{digest}', '{email}', 1000000, 2000000)"
        ));
    }

    fn email_of(&self, user: UserId) -> String {
        let email = format!("SELECT email FROM users WHERE id = '{user}'");
        self.database.value(&email)
    }

    fn disown(&self, take_back: &TakeBack) -> bool {
        block_on(disown_login(&self.database, take_back))
            .unwrap()
            .is_some()
    }

    fn undo(&self, take_back: &TakeBack) -> bool {
        block_on(undo_email(&self.database, take_back))
            .unwrap()
            .is_some()
    }
}

#[test]
fn an_account_is_taken_back_by_its_own_link_alone_however_often_the_batch_runs() {
    for other in ["a@example.org", "z@example.org"] {
        for old in ["old@example.org", ADA] {
            let world = World::default();
            let [ada, other_id] = [ADA, other].map(|email| world.register(email));
            let (take_back, digest) = world.taking_back(ada, Purpose::UndoEmail);
            // The other's link has the same digest, and one of Ada's leads to the other's address.
            world.left(other_id, 1, other, &digest);
            world.left(ada, 1, old, &digest);
            world.left(ada, 2, other, "another");
            for _ in 0..2 {
                assert!(world.undo(&take_back), "{other} {old}");
            }
            assert_eq!(world.email_of(ada), old);
            assert_eq!(world.email_of(other_id), other);
            assert_eq!(world.database.value("SELECT count(*) FROM outbox"), "1");
        }
    }
}

#[test]
fn a_link_that_is_not_the_accounts_takes_nothing_back() {
    for change in [
        "INSERT INTO users (id, email, role_slug, created_at, updated_at)
         VALUES ('someone', 'old@example.org', 'application-access', 1, 1)",
        "UPDATE one_time_tokens SET user_id = (SELECT id FROM users WHERE email = 'z@example.org')",
        "UPDATE one_time_tokens SET purpose = 'disown-login'",
        "UPDATE one_time_tokens SET digest = 'another'",
        "UPDATE one_time_tokens SET expires_at = 1000000",
    ] {
        let world = World::default();
        let [ada, _] = [ADA, "z@example.org"].map(|email| world.register(email));
        let (take_back, digest) = world.taking_back(ada, Purpose::UndoEmail);
        world.left(ada, 1, "old@example.org", &digest);
        world.database.execute(change);
        assert!(!world.undo(&take_back), "{change}");
    }
}

#[test]
fn a_disowned_login_takes_back_the_address_of_its_own_mail_however_often_the_batch_runs() {
    for other in ["a@example.org", "z@example.org"] {
        for ordinals in [[1, 2], [2, 1]] {
            let world = World::default();
            let [ada, other_id] = [ADA, other].map(|email| world.register(email));
            let (take_back, digest) = world.taking_back(ada, Purpose::DisownLogin);
            // The other's link has the same digest, and its address is one that Ada has given up too.
            world.told(other_id, "older@example.org", &digest);
            world.left(other_id, 1, "older@example.org", "theirs");
            world.told(ada, "old@example.org", &digest);
            for (ordinal, email) in ordinals.into_iter().zip(["older", "old"]) {
                world.left(ada, ordinal, &format!("{email}@example.org"), email);
            }
            for _ in 0..2 {
                assert!(world.disown(&take_back), "{other} {ordinals:?}");
            }
            assert_eq!(world.email_of(ada), "old@example.org");
            assert_eq!(world.email_of(other_id), other);
            assert_eq!(world.database.value("SELECT count(*) FROM outbox"), "1");
        }
    }
}

#[test]
fn a_disowned_login_leaves_an_address_that_cannot_be_had_again() {
    for change in [
        // An operator has given it to somebody.
        "INSERT INTO users (id, email, role_slug, created_at, updated_at)
         VALUES ('someone', 'old@example.org', 'application-access', 1, 1)",
        "UPDATE one_time_tokens SET expires_at = 1000000 WHERE purpose = 'undo-email'",
        "UPDATE one_time_tokens SET purpose = 'a purpose' WHERE purpose = 'undo-email'",
    ] {
        let world = World::default();
        let ada = world.register(ADA);
        let (take_back, digest) = world.taking_back(ada, Purpose::DisownLogin);
        world.told(ada, "old@example.org", &digest);
        world.left(ada, 1, "old@example.org", "another");
        world.database.execute(change);
        assert!(world.disown(&take_back), "{change}");
        assert_eq!(world.email_of(ada), ADA, "{change}");
    }
}

#[test]
fn a_login_is_disowned_by_the_accounts_own_link_alone() {
    for change in [
        "user_id = (SELECT id FROM users WHERE email = 'z@example.org')",
        "purpose = 'undo-email'",
        "digest = 'another'",
        "expires_at = 1000000",
    ] {
        let world = World::default();
        let [ada, _] = [ADA, "z@example.org"].map(|email| world.register(email));
        let (take_back, digest) = world.taking_back(ada, Purpose::DisownLogin);
        world.told(ada, ADA, &digest);
        let change = format!("UPDATE one_time_tokens SET {change}");
        world.database.execute(&change);
        assert!(!world.disown(&take_back), "{change}");
    }
}

#[test]
fn an_account_that_is_taken_back_forgets_its_own_devices_alone() {
    for other in ["a@example.org", "z@example.org"] {
        let world = World::default();
        let [ada, other_id] = [ADA, other].map(|email| world.register(email));
        let (take_back, digest) = world.taking_back(ada, Purpose::UndoEmail);
        world.left(ada, 1, "old@example.org", &digest);
        world
            .database
            .execute("INSERT INTO seen_logins SELECT id, 'a device', 1 FROM users");
        assert!(world.undo(&take_back));
        let seen = world.database.query("SELECT user_id FROM seen_logins");
        assert_eq!(seen, [[other_id.to_string()]]);
    }
}

#[test]
fn the_way_back_clears_the_counter_of_the_address_that_the_account_has_again() {
    for other in ["a@example.org", "z@example.org"] {
        let world = World::default();
        let [ada, other_id] = [ADA, other].map(|email| world.register(email));
        let (take_back, digest) = world.taking_back(ada, Purpose::UndoEmail);
        world.left(other_id, 1, other, &digest);
        world.told(ada, ADA, "another");
        world.left(ada, 1, "old@example.org", &digest);
        world.left(ada, 2, "newer@example.org", "newer");
        world.database.execute(&format!(
            "UPDATE one_time_tokens SET account = iif(user_id = '{ada}', email, 'theirs')"
        ));
        for _ in 0..2 {
            assert!(world.undo(&take_back));
            let account = "SELECT account FROM one_time_tokens WHERE purpose = 'reset-password'";
            assert_eq!(world.database.value(account), "old@example.org");
        }
    }
}

#[test]
fn a_repetition_mails_no_way_back_to_who_has_been_deactivated_since() {
    let world = World::default();
    let ada = world.register(ADA);
    let (take_back, digest) = world.taking_back(ada, Purpose::UndoEmail);
    world.left(ada, 1, "old@example.org", &digest);
    assert!(world.undo(&take_back));
    world
        .database
        .execute("UPDATE users SET is_active = 0; DELETE FROM one_time_tokens; DELETE FROM outbox");
    assert!(world.undo(&take_back), "the answer was lost");
    for table in ["one_time_tokens", "outbox"] {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(world.database.value(&count), "0", "{table}");
    }
}
