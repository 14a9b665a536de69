//! `POST /api/account/login/confirm`: begins a session with what a mail contains.

use crate::domain::audit::AuditEvent;
use crate::domain::credential::mailed_login::Mailed;
use crate::domain::id::TokenId;
use crate::domain::mail::Language;
use crate::ports::{Limiter, Ports};
use crate::service::begin_session::{Arrival, begin};
use crate::service::config::Config;
use crate::service::policy::Visitor;
use crate::service::refusals::password_refused;
use crate::service::{Ctx, ServiceError};
use crate::store::log_in::{LoginProof, MailProof};
use crate::store::login_requests::{LoginRequestKey, Tried, try_login};
use crate::web::endpoint::Endpoint;
use crate::web::form::Form;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Begins a session and sets both cookies, in the browser that asked for the mail. No hash and two
/// round trips; a refusal costs one, and without the browser's cookie none.
pub(super) struct ConfirmLogin;

/// `{token}`: the token of the link, or the code.
#[derive(Debug)]
pub(super) struct Confirmation {
    mailed: Mailed,
    /// The `User-Agent` header.
    user_agent: Option<String>,
    /// The language that the request prefers.
    language: Option<Language>,
}

impl Endpoint for ConfirmLogin {
    const ROUTE: Route = Route::post("/api/account/login/confirm", "AccountConfirmLogin")
        .json()
        .limited(Limiter::Login)
        .refuses(&[Code::MailOff, Code::InvalidLink]);
    type Actor = Visitor;
    type Input = Confirmation;

    fn input(request: &Received<'_>, _: &Config) -> Result<Confirmation, Refusal> {
        let fields = request.fields()?;
        let mut form = Form::of(&fields, &["token"]);
        let text = form.required("token");
        let text = form.finish(|| text)?;
        Ok(Confirmation {
            mailed: Mailed::parse(&text).ok_or(ServiceError::InvalidLink)?,
            user_agent: request.user_agent(),
            language: request.language(),
        })
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, visitor: Visitor, input: Confirmation) -> Answer {
        if ctx.config().mail_login.is_none() {
            return Err(ServiceError::MailOff.into());
        }
        let browser = visitor.browser().ok_or(ServiceError::InvalidLink)?;
        let request = LoginRequestKey::of(&browser, &input.mailed);
        let id = ctx.ports.random_bytes().map_err(ServiceError::from)?;
        let id = TokenId::from_random(id);
        let user = match try_login(ctx.ports, &request, id, ctx.now).await? {
            Tried::Right(user) => user,
            // The same work, whether or not anyone has the address.
            Tried::Wrong(user) => {
                password_refused(ctx, AuditEvent::LoginFailed, user);
                return Err(ServiceError::InvalidLink.into());
            }
            Tried::NotAsked => return Err(ServiceError::InvalidLink.into()),
        };
        ctx.caller.is(user.id);
        let keys = ctx
            .service
            .throttle
            .of_login(&user.email, ctx.caller.client);
        let arrival = Arrival {
            user: user.id,
            role_slug: user.role_slug,
            proof: LoginProof::Mail(MailProof {
                request,
                account: keys.account,
            }),
            carried: visitor.carried(ctx).sessions,
            user_agent: input.user_agent,
            language: input.language,
        };
        // The database refuses what another request has used in the meantime.
        let pair = begin(ctx, arrival)
            .await?
            .ok_or(ServiceError::InvalidLink)?;
        Ok(Reply::no_content().set_cookies_by_mail(pair))
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::ConfirmLogin;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for ConfirmLogin {
        const SUMMARY: &'static str = "Logs in with what a mail contains: begins a session and sets both auth cookies, in the browser that asked for the mail.";

        fn body() -> Vec<Field> {
            vec![Field::text("token", "042137")]
        }

        fn example(sample: &Sample) -> Answer {
            Ok(Reply::no_content().set_cookies_by_mail(sample.pair()?))
        }
    }
}
