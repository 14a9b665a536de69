//! An account that is taken back: whose link works, and that a repetition changes nothing more.

use pollster::block_on;

use super::{ADA, World};
use crate::domain::credential::one_time::{Nonce, OneTimeToken, Purpose};
use crate::domain::id::UserId;
use crate::store::take_back::{TakeBack, undo_email};

impl World {
    fn taking_back(&self, user: UserId) -> TakeBack {
        TakeBack {
            token: OneTimeToken {
                user,
                secret: Nonce::from_random([5; 32]).secret(&[3; 32], Purpose::UndoEmail),
            },
            reset: self.confirmation(user).notice,
            trace: self.trace(),
        }
    }

    fn left(&self, user: UserId, ordinal: u8, email: &str, digest: &str) {
        self.database.execute(&format!(
            "INSERT INTO one_time_tokens (user_id, purpose, ordinal, digest, email, issued_at, expires_at)
             VALUES ('{user}', 'undo-email', {ordinal}, '{digest}', '{email}', 1000000, 2000000)"
        ));
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
            let take_back = world.taking_back(ada);
            let digest = take_back.token.secret.digest(Purpose::UndoEmail);
            // The other's link has the same digest, and one of Ada's leads to the other's address.
            world.left(other_id, 1, other, &digest);
            world.left(ada, 1, old, &digest);
            world.left(ada, 2, other, "another");
            for _ in 0..2 {
                assert!(world.undo(&take_back), "{other} {old}");
            }
            let email = format!("SELECT email FROM users WHERE id = '{ada}'");
            assert_eq!(world.database.value(&email), old);
            let email = format!("SELECT email FROM users WHERE id = '{other_id}'");
            assert_eq!(world.database.value(&email), other);
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
        "UPDATE one_time_tokens SET password_version = 7",
    ] {
        let world = World::default();
        let [ada, _] = [ADA, "z@example.org"].map(|email| world.register(email));
        let take_back = world.taking_back(ada);
        let digest = take_back.token.secret.digest(Purpose::UndoEmail);
        world.left(ada, 1, "old@example.org", &digest);
        world.database.execute(change);
        assert!(!world.undo(&take_back), "{change}");
    }
}
