//! What operators ask.

mod health;

use crate::web::endpoint::endpoints;
use health::Health;

endpoints! {
    /// What operators ask.
    Operations { Health }
}
