//! What operators and other services ask.

mod health;
mod home;
mod key_set;
mod ready;

use crate::web::endpoint::endpoints;

endpoints! {
    /// What operators and other services ask.
    Operations { health::Health, ready::Ready, key_set::KeySet, home::Home }
}
