//! What operators ask.

mod health;

use crate::web::endpoint::endpoints;

endpoints! {
    /// What operators ask.
    Operations { health::Health }
}
