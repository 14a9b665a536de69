//! Whose password a link resets: it is found before the new password costs a hash, and judged again with the write.

use pollster::block_on;

use super::{ADA, World, keys};
use crate::domain::credential::hashing::StoredHash;
use crate::domain::credential::one_time::{Nonce, OneTimeToken, Purpose};
use crate::domain::identity::user::PasswordVersion;
use crate::domain::throttle::ClientPrefix;
use crate::store::recovery::{Reset, find_reset, reset};

const OTHERS: [&str; 2] = ["a@example.org", "z@example.org"];

/// Ada has been mailed a reset, and each of the others has a link of another purpose; then the change.
fn mailed(change: &str) -> (World, OneTimeToken) {
    let world = World::default();
    let ada = world.register(ADA);
    for other in OTHERS {
        world.register(other);
    }
    let secret = Nonce::from_random([5; 32]).secret(&[3; 32], Purpose::ResetPassword);
    let digest = secret.digest(Purpose::ResetPassword);
    world.database.execute(&format!(
        "INSERT INTO one_time_tokens (user_id, purpose, digest, email, password_version, issued_at, expires_at)
         SELECT id, iif(id = '{ada}', 'reset-password', 'a purpose'), '{digest}', email, 1, 1000000, 1000001
           FROM users;
         {change}"
    ));
    (world, OneTimeToken { user: ada, secret })
}

fn found_after(change: &str) -> Option<(String, i64)> {
    let (world, token) = mailed(change);
    let holder = block_on(find_reset(&world.database, &token, world.now())).unwrap();
    holder.map(|holder| (holder.email.as_str().to_owned(), holder.version.0))
}

fn reset_of(world: &World, token: OneTimeToken) -> Reset {
    Reset {
        version: PasswordVersion(1),
        new: StoredHash::from_database("newer".to_owned()),
        account: keys().of_client(ClientPrefix::parse(None)),
        notice: world.confirmation(token.user).notice,
        token,
        trace: world.trace(),
    }
}

/// Whether the reset works, and again when its answer was lost.
fn resets_after(change: &str) -> [bool; 2] {
    let (world, token) = mailed(change);
    let reset_of_ada = reset_of(&world, token);
    [(), ()].map(|()| {
        block_on(reset(&world.database, &reset_of_ada))
            .unwrap()
            .is_some()
    })
}

/// The accounts with counted failures that are left when Ada's reset follows the change. All users
/// look as if the reset had changed them, and z@example.org has been mailed one too.
fn failures_left_after(change: &str) -> Vec<String> {
    let (world, token) = mailed(&format!(
        "UPDATE one_time_tokens SET account = email;
         UPDATE one_time_tokens SET purpose = 'reset-password' WHERE email LIKE 'z%';
         INSERT INTO one_time_tokens (user_id, purpose, digest, email, account, issued_at, expires_at)
         SELECT id, 'verify-email', 'another', email, 'of another purpose', 1000000, 1000001
           FROM users
          WHERE email = '{ADA}'"
    ));
    let reset_of_ada = reset_of(&world, token);
    world.database.execute(&format!(
        "UPDATE users SET trace = '{}' WHERE email <> '{ADA}';
         INSERT INTO attempts
         SELECT account, 'a client', 3, 3, 0, 'an attempt', 1000000
           FROM (SELECT account FROM one_time_tokens UNION ALL VALUES ('{}'), ('of a stranger'));
         {change}",
        reset_of_ada.trace.to_json_by_mail(),
        reset_of_ada.account.as_str(),
    ));
    block_on(reset(&world.database, &reset_of_ada)).unwrap();
    let left = world
        .database
        .query("SELECT account FROM attempts WHERE client = 'a client'");
    left.concat()
}

#[test]
fn a_link_resets_its_own_users_password() {
    assert_eq!(found_after(""), Some((ADA.to_owned(), 1)));
    assert_eq!(resets_after(""), [true, true]);
}

#[test]
fn a_link_that_resets_nothing_costs_no_hash_and_writes_nothing() {
    for change in [
        "UPDATE users SET is_active = 0",
        "DELETE FROM one_time_tokens WHERE purpose = 'reset-password';
         UPDATE one_time_tokens SET purpose = 'reset-password', email = 'ada@example.org'",
        "UPDATE one_time_tokens SET purpose = 'verify-email'",
        "UPDATE one_time_tokens SET digest = 'another'",
        "UPDATE one_time_tokens SET expires_at = 1000000",
        "UPDATE one_time_tokens SET password_version = 2",
        "UPDATE one_time_tokens SET email = 'z@example.org'",
    ] {
        assert_eq!(found_after(change), None, "{change}");
        assert_eq!(resets_after(change), [false, false], "{change}");
    }
}

#[test]
fn a_password_that_changes_during_the_hash_is_not_reset() {
    let change = "UPDATE users SET password_version = 2, trace = '{\"at\":1}';
                  UPDATE one_time_tokens SET password_version = 2";
    assert_eq!(resets_after(change), [false, false]);
}

#[test]
fn a_reset_clears_the_failures_at_its_own_users_passwords() {
    let of_others = [
        "a@example.org",
        "of a stranger",
        "of another purpose",
        "z@example.org",
    ];
    assert_eq!(failures_left_after(""), of_others);
    let refused = failures_left_after("UPDATE one_time_tokens SET expires_at = 1000000");
    assert_eq!(refused.len(), of_others.len() + 2);
}
