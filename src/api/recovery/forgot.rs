//! `POST /api/recovery/forgot`: mails a link that replaces the password.

use crate::domain::mail::MailKind;
use crate::ports::{Limiter, Ports};
use crate::service::Ctx;
use crate::service::config::Config;
use crate::service::mail_request::{request_mail, requested};
use crate::service::policy::Anyone;
use crate::store::recovery;
use crate::web::endpoint::Endpoint;
use crate::web::mail_fields::RecipientFields;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Answers 202 for every address, with the same bytes and after the same statements. One round trip;
/// the mail leaves after the answer.
pub(super) struct Forgot;

impl Endpoint for Forgot {
    const ROUTE: Route = Route::post("/api/recovery/forgot", "RecoveryForgot")
        .json()
        .limited(Limiter::Login)
        .refuses(&[Code::MailOff]);
    type Actor = Anyone;
    type Input = RecipientFields;

    fn input(request: &Received<'_>, _: &Config) -> Result<RecipientFields, Refusal> {
        RecipientFields::read(request)
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, _: Anyone, recipient: RecipientFields) -> Answer {
        let request = request_mail(
            ctx,
            MailKind::ResetPassword,
            recipient.email,
            recipient.language,
        )?;
        let outcome = recovery::forgot(ctx.ports, &request).await?;
        requested(ctx, outcome)?;
        Ok(Reply::accepted())
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::Forgot;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for Forgot {
        const SUMMARY: &'static str = "Mails a link that replaces a forgotten password, if the address has an account. The answer is the same for every address.";

        fn body() -> Vec<Field> {
            vec![Field::email("email")]
        }

        fn example(_: &Sample) -> Answer {
            Ok(Reply::accepted())
        }
    }
}
