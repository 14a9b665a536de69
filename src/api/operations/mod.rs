//! Endpoints for operators.

mod health;

use crate::web::endpoint::endpoints;

endpoints! {
    /// Endpoints for operators.
    Operations { health::Health }
}
