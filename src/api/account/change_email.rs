//! `POST /api/account/email`: asks for another address.

use crate::domain::credential::password::PresentedPassword;
use crate::domain::identity::email::Email;
use crate::domain::mail::{Language, MailKind};
use crate::ports::{Limiter, Ports};
use crate::service::config::Config;
use crate::service::mail_request::requested;
use crate::service::outbox::{Facts, Intent, counted, draft};
use crate::service::policy::Member;
use crate::service::reauthenticate::{admitted, verified};
use crate::service::{Ctx, ServiceError};
use crate::store::addresses::{self, AddressRequest};
use crate::web::endpoint::Endpoint;
use crate::web::form::Form;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Mails a link to the new address, which takes effect only when the link is used. One hash and two
/// round trips. The answer is the same whether or not the address is free: who has a taken one is
/// told by mail.
pub(super) struct ChangeEmail;

/// `{email, currentPassword}`.
#[derive(Debug)]
pub(super) struct NewAddress {
    email: Email,
    current: PresentedPassword,
    language: Option<Language>,
}

impl Endpoint for ChangeEmail {
    const ROUTE: Route = Route::post("/api/account/email", "AccountChangeEmail")
        .json()
        .limited(Limiter::Login)
        .refuses(&[Code::MailOff, Code::WrongCurrentPassword]);
    type Actor = Member;
    type Input = NewAddress;

    fn input(request: &Received<'_>, _: &Config) -> Result<NewAddress, Refusal> {
        let fields = request.fields()?;
        let mut form = Form::of(&fields, &["email", "currentPassword"]);
        let email = form.email("email");
        let current = form.presented("currentPassword");
        let language = request.language();
        form.finish(|| {
            Some(NewAddress {
                email: email?,
                current: current?,
                language,
            })
        })
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, member: Member, new: NewAddress) -> Answer {
        let intent = Intent {
            kind: MailKind::ConfirmEmail,
            language: new.language,
            facts: Facts {
                new_email: Some(new.email.as_str().to_owned()),
                ..Facts::default()
            },
        };
        let draft = draft(ctx, &intent)?;
        let owner = admitted(ctx, &member).await?;
        verified(ctx, &owner, &new.current).await?;
        let throttle = &ctx.service.throttle;
        let request = AddressRequest {
            caller: member.session(),
            verified: owner.holder.version,
            account: throttle
                .of_login(&owner.holder.email, ctx.caller.client)
                .account,
            counted: counted(ctx, &new.email, MailKind::ConfirmEmail),
            new: new.email,
            guess: owner.guess,
            draft,
            trace: ctx.trace(),
        };
        let outcome = addresses::request_change(ctx.ports, &request)
            .await?
            .ok_or(ServiceError::InvalidToken)?;
        requested(ctx, outcome)?;
        Ok(Reply::accepted())
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::ChangeEmail;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for ChangeEmail {
        const SUMMARY: &'static str = "Mails a link to a new address, which replaces the present one when the link is used. The answer does not depend on whether the address is taken.";

        fn body() -> Vec<Field> {
            vec![
                Field::email("email"),
                Field::presented_password("currentPassword"),
            ]
        }

        fn example(_: &Sample) -> Answer {
            Ok(Reply::accepted())
        }
    }
}
