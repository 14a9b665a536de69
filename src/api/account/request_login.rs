//! `POST /api/account/login/mail`: mails what logs in without a password.

use crate::domain::credential::mailed_login::BrowserSecret;
use crate::ports::{Limiter, Ports};
use crate::service::config::Config;
use crate::service::mail_request::{request_login_mail, requested};
use crate::service::policy::Visitor;
use crate::service::{Ctx, ServiceError};
use crate::store::login_requests::request_login;
use crate::web::endpoint::Endpoint;
use crate::web::mail_fields::RecipientFields;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Answers 202 for every address, with a cookie of the same form and after the same statements. One
/// round trip; the mail leaves after the answer.
pub(super) struct RequestLogin;

impl Endpoint for RequestLogin {
    const ROUTE: Route = Route::post("/api/account/login/mail", "AccountRequestLogin")
        .json()
        .limited(Limiter::Login)
        .refuses(&[Code::MailOff]);
    type Actor = Visitor;
    type Input = RecipientFields;

    fn input(request: &Received<'_>, _: &Config) -> Result<RecipientFields, Refusal> {
        RecipientFields::read(request)
    }

    async fn answer<P: Ports>(
        ctx: &Ctx<'_, P>,
        visitor: Visitor,
        recipient: RecipientFields,
    ) -> Answer {
        let means = ctx.config().mail_login.ok_or(ServiceError::MailOff)?;
        let secret = ctx.ports.random_bytes().map_err(ServiceError::from)?;
        // Of a request that mails nothing, because the address has had too many, the answer is the
        // same: what was mailed before must go on working.
        let browser = visitor.browser();
        let browser = browser.unwrap_or_else(|| BrowserSecret::from_random(secret));
        let RecipientFields { email, language } = recipient;
        let request = request_login_mail(ctx, means, email, language, &browser)?;
        let outcome = request_login(ctx.ports, &request, &browser, means).await?;
        requested(ctx, outcome)?;
        Ok(Reply::accepted().set_login_request(browser, request.draft.expires_at))
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::RequestLogin;
    use crate::domain::credential::mailed_login::BrowserSecret;
    use crate::domain::credential::one_time::Purpose;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for RequestLogin {
        const SUMMARY: &'static str = "Mails a link or a code that logs in without a password, in this browser alone, if the address has an account. The answer is the same for every address.";

        fn body() -> Vec<Field> {
            vec![Field::email("email")]
        }

        fn example(sample: &Sample) -> Answer {
            let browser = BrowserSecret::from_random([0x5a; 32]);
            Ok(Reply::accepted()
                .set_login_request(browser, sample.now.plus(Purpose::LoginCode.lifetime())))
        }
    }
}
