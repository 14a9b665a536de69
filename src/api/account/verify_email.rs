//! `POST /api/account/verify-email`: proves the address of an account.

use crate::ports::{Limiter, Ports};
use crate::service::config::Config;
use crate::service::policy::Anyone;
use crate::service::profile_cache::drop_copies;
use crate::service::{Ctx, ServiceError};
use crate::store::addresses;
use crate::web::endpoint::Endpoint;
use crate::web::mail_fields::LinkFields;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Records that the address reaches its user. One round trip. It needs no session: people open their
/// mail on another device.
pub(super) struct VerifyEmail;

impl Endpoint for VerifyEmail {
    const ROUTE: Route = Route::post("/api/account/verify-email", "AccountVerifyEmail")
        .json()
        .limited(Limiter::Login)
        .refuses(&[Code::MailOff, Code::InvalidLink]);
    type Actor = Anyone;
    type Input = LinkFields;

    fn input(request: &Received<'_>, _: &Config) -> Result<LinkFields, Refusal> {
        LinkFields::read(request)
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, _: Anyone, link: LinkFields) -> Answer {
        let token = link.token;
        ctx.service.needs_mail()?;
        if !addresses::verify(ctx.ports, &token, &ctx.trace()).await? {
            return Err(ServiceError::InvalidLink.into());
        }
        drop_copies(ctx, token.user);
        Ok(Reply::no_content())
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::VerifyEmail;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for VerifyEmail {
        const SUMMARY: &'static str = "Proves the address of an account with the token of a link.";

        fn body() -> Vec<Field> {
            vec![Field::one_time_token("token")]
        }

        fn example(_: &Sample) -> Answer {
            Ok(Reply::no_content())
        }
    }
}
