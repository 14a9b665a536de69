//! `POST /api/recovery/disown-login`: ends a login that was not the user's.

use super::{recovered, taking_back};
use crate::ports::{Limiter, Ports};
use crate::service::Ctx;
use crate::service::config::Config;
use crate::service::policy::Anyone;
use crate::store::take_back;
use crate::web::endpoint::Endpoint;
use crate::web::mail_fields::LinkFields;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::Answer;
use crate::web::request::Received;
use crate::web::route::Route;

/// Takes the password and every session away, and mails the way back in. One round trip.
pub(super) struct DisownLogin;

impl Endpoint for DisownLogin {
    const ROUTE: Route = Route::post("/api/recovery/disown-login", "RecoveryDisownLogin")
        .json()
        .limited(Limiter::Login)
        .refuses(&[Code::MailOff, Code::InvalidLink]);
    type Actor = Anyone;
    type Input = LinkFields;

    fn input(request: &Received<'_>, _: &Config) -> Result<LinkFields, Refusal> {
        LinkFields::read(request)
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, _: Anyone, link: LinkFields) -> Answer {
        let request = taking_back(ctx, link)?;
        recovered(
            ctx,
            link.token.user,
            take_back::disown_login(ctx.ports, &request).await?,
        )
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::DisownLogin;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for DisownLogin {
        const SUMMARY: &'static str = "Ends a login that was not the user's, with the password and every session, and mails a link that sets a new password.";

        fn body() -> Vec<Field> {
            vec![Field::one_time_token("token")]
        }

        fn example(_: &Sample) -> Answer {
            Ok(Reply::no_content().delete_cookies())
        }
    }
}
