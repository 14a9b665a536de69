//! `POST /api/recovery/reset`: replaces a forgotten password.

use crate::domain::credential::one_time::OneTimeToken;
use crate::domain::credential::password::UnownedPassword;
use crate::domain::mail::{Language, MailKind};
use crate::ports::{Limiter, Ports};
use crate::service::breach_check::refuse_breached;
use crate::service::config::Config;
use crate::service::hash_password::{hash_password, queued};
use crate::service::outbox::{Intent, draft};
use crate::service::policy::Anyone;
use crate::service::{Ctx, ServiceError};
use crate::store::recovery;
use crate::web::endpoint::Endpoint;
use crate::web::form::{Form, password_fault};
use crate::web::problem::{Code, Refusal};
use crate::web::reply::Answer;
use crate::web::request::Received;
use crate::web::route::Route;

/// Stores the new password, ends every session and clears the counters of failures, in one
/// transaction, and tells the user by mail. One hash and two round trips: a token that does not work
/// costs one and no hash.
pub(super) struct Reset;

/// `{token, newPassword}`.
#[derive(Debug)]
pub(super) struct NewCredential {
    token: OneTimeToken,
    new: UnownedPassword,
    language: Option<Language>,
    device: Option<String>,
}

impl Endpoint for Reset {
    const ROUTE: Route = Route::post("/api/recovery/reset", "RecoveryReset")
        .json()
        .limited(Limiter::Login)
        .refuses(&[Code::MailOff, Code::InvalidLink]);
    type Actor = Anyone;
    type Input = NewCredential;

    fn input(request: &Received<'_>, config: &Config) -> Result<NewCredential, Refusal> {
        let fields = request.fields()?;
        let mut form = Form::of(&fields, &["token", "newPassword"]);
        let token = form.one_time_token("token");
        let new = form
            .required("newPassword")
            .and_then(|text| form.judged("newPassword", config.passwords.judge_unowned(text)));
        let language = request.language();
        let (token, new) = form.finish(|| Some((token?, new?)))?;
        Ok(NewCredential {
            token: token.ok_or(ServiceError::InvalidLink)?,
            new,
            language,
            device: request.device(),
        })
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, _: Anyone, input: NewCredential) -> Answer {
        let NewCredential {
            token,
            new,
            language,
            device,
        } = input;
        let notice = Intent::of(ctx, MailKind::PasswordChanged, language).on_device(device);
        let notice = draft(ctx, &notice)?;
        let holder = recovery::find_reset(ctx.ports, &token, ctx.now)
            .await?
            .ok_or(ServiceError::InvalidLink)?;
        refuse_breached(ctx, "newPassword", &new.digest()).await?;
        let new = new
            .owned_by(&holder.email)
            .map_err(|fault| ServiceError::Invalid(vec![password_fault("newPassword", fault)]))?;
        let reset = recovery::Reset {
            account: ctx.service.throttle.of_user(token.user),
            version: holder.version,
            new: hash_password(ctx, &queued(ctx)?, &new).await?,
            token,
            notice,
            trace: ctx.trace(),
        };
        super::recovered(
            ctx,
            reset.token.user,
            recovery::reset(ctx.ports, &reset).await?,
        )
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::Reset;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for Reset {
        const SUMMARY: &'static str = "Replaces a forgotten password with the token of a link, and ends every session of the user.";

        fn body() -> Vec<Field> {
            vec![
                Field::one_time_token("token"),
                Field::new_password("newPassword"),
            ]
        }

        fn example(_: &Sample) -> Answer {
            Ok(Reply::no_content().delete_cookies())
        }
    }
}
