//! `POST /api/account/verify-email/resend`: mails the link that proves an address once more.

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
/// the mail leaves after the answer. It needs no session, because with `VERIFICATION=required` there
/// is none before the proof.
pub(super) struct ResendVerification;

impl Endpoint for ResendVerification {
    const ROUTE: Route = Route::post(
        "/api/account/verify-email/resend",
        "AccountResendVerification",
    )
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
            MailKind::VerifyEmail,
            recipient.email,
            recipient.language,
        )?;
        let outcome = recovery::resend_verification(ctx.ports, &request).await?;
        requested(ctx, outcome)?;
        Ok(Reply::accepted())
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::ResendVerification;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for ResendVerification {
        const SUMMARY: &'static str = "Mails the link that proves an address once more, if it has an account that needs it. The answer is the same for every address.";

        fn body() -> Vec<Field> {
            vec![Field::email("email")]
        }

        fn example(_: &Sample) -> Answer {
            Ok(Reply::accepted())
        }
    }
}
