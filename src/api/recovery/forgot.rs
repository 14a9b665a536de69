//! `POST /api/recovery/forgot`: mails a link that replaces the password.

use crate::domain::identity::email::Email;
use crate::domain::mail::{Language, MailKind};
use crate::ports::{Limiter, Ports};
use crate::service::Ctx;
use crate::service::config::Config;
use crate::service::mail_request::request_mail;
use crate::service::policy::Anyone;
use crate::store::recovery;
use crate::web::endpoint::Endpoint;
use crate::web::form::Form;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Answers 202 for every address, with the same bytes and after the same statements. One round trip;
/// the mail leaves after the answer.
pub(super) struct Forgot;

/// `{email}`.
#[derive(Debug)]
pub(super) struct Address {
    email: Email,
    language: Option<Language>,
}

impl Endpoint for Forgot {
    const ROUTE: Route = Route::post("/api/recovery/forgot", "RecoveryForgot")
        .json()
        .limited(Limiter::Login)
        .refuses(&[Code::MailOff]);
    type Actor = Anyone;
    type Input = Address;

    fn input(request: &Received<'_>, _: &Config) -> Result<Address, Refusal> {
        let fields = request.fields()?;
        let mut form = Form::of(&fields, &["email"]);
        let email = form.email("email");
        let language = request.language();
        form.finish(|| {
            Some(Address {
                email: email?,
                language,
            })
        })
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, _: Anyone, address: Address) -> Answer {
        let Address { email, language } = address;
        let request = request_mail(ctx, MailKind::ResetPassword, email, language)?;
        let requested = recovery::forgot(ctx.ports, &request).await?;
        crate::service::mail_request::requested(ctx, requested)?;
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
