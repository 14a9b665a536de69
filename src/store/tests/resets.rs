//! Whose reset is found, before its new password costs a hash.

use pollster::block_on;

use super::{ADA, World};
use crate::domain::credential::one_time::{Nonce, OneTimeToken, Purpose};
use crate::store::recovery::find_reset;

const OTHERS: [&str; 2] = ["a@example.org", "z@example.org"];

/// Ada has been mailed a reset, and each of the others has a link of another purpose. The holder whose
/// reset is found after the change.
fn found_after(change: &str) -> Option<(String, i64)> {
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
    let token = OneTimeToken { user: ada, secret };
    let holder = block_on(find_reset(&world.database, &token, world.now())).unwrap();
    holder.map(|holder| (holder.email.as_str().to_owned(), holder.version.0))
}

#[test]
fn a_reset_is_found_by_its_own_users_link() {
    assert_eq!(found_after(""), Some((ADA.to_owned(), 1)));
}

#[test]
fn a_link_that_resets_nothing_costs_no_hash() {
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
    }
}
