//! `GET /.well-known/jwks.json`: the public keys, for services that verify access tokens.

use crate::domain::time::Seconds;
use crate::ports::Ports;
use crate::service::Ctx;
use crate::service::config::Config;
use crate::service::policy::Anyone;
use crate::web::endpoint::Endpoint;
use crate::web::problem::Refusal;
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// How long caches may keep the set. A new key must be published for longer before it signs
/// (docs/deploying.md).
const KEPT: Seconds = Seconds::new(600);

/// Returns the public parts of all keys (RFC 7517, section 5), the same for everyone.
pub(super) struct KeySet;

impl Endpoint for KeySet {
    // Without the headers that depend on the origin: pages of all of them may read it.
    const ROUTE: Route = Route::get("/.well-known/jwks.json", "KeySet").without_cors();
    type Actor = Anyone;
    type Input = ();

    fn input(_: &Received<'_>, _: &Config) -> Result<(), Refusal> {
        Ok(())
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, _: Anyone, (): ()) -> Answer {
        Ok(Reply::shared_json(&ctx.service.public_keys, KEPT))
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::{KEPT, KeySet};
    use crate::domain::session::keys::PublicJwkSet;
    use crate::web::documented::{Documented, Returned, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for KeySet {
        const SUMMARY: &'static str =
            "Returns the public keys that verify access tokens, as a JWK Set (RFC 7517).";

        fn returns() -> Returned {
            Returned::one::<PublicJwkSet<'_>>()
        }

        fn example(sample: &Sample) -> Answer {
            Ok(Reply::shared_json(&sample.service.public_keys, KEPT))
        }
    }
}
