//! `POST /api/account/email/confirm`: replaces the address with the one that a link has proven.

use crate::domain::mail::MailKind;
use crate::ports::{Limiter, Ports};
use crate::service::config::Config;
use crate::service::follow_up::follow_up;
use crate::service::outbox::{Intent, draft};
use crate::service::policy::Anyone;
use crate::service::profile_cache::drop_copies;
use crate::service::{Ctx, ServiceError};
use crate::store::confirmations::{self, AddressConfirmation};
use crate::web::endpoint::Endpoint;
use crate::web::mail_fields::LinkFields;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// The new address takes effect, every session but the one that asked ends, and the old address is
/// told how to take the change back. One round trip.
pub(super) struct ConfirmEmail;

/// `{token}`, and the device that uses the link.
#[derive(Debug)]
pub(super) struct UsedLink {
    link: LinkFields,
    device: Option<String>,
}

impl Endpoint for ConfirmEmail {
    const ROUTE: Route = Route::post("/api/account/email/confirm", "AccountConfirmEmail")
        .json()
        .limited(Limiter::Login)
        .refuses(&[Code::MailOff, Code::InvalidLink]);
    type Actor = Anyone;
    type Input = UsedLink;

    fn input(request: &Received<'_>, _: &Config) -> Result<UsedLink, Refusal> {
        Ok(UsedLink {
            link: LinkFields::read(request)?,
            device: request.device(),
        })
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, _: Anyone, used: UsedLink) -> Answer {
        let UsedLink { link, device } = used;
        let notice = Intent::of(ctx, MailKind::EmailChanged, link.language).on_device(device);
        let confirmation = AddressConfirmation {
            token: link.token,
            notice: draft(ctx, &notice)?,
            trace: ctx.trace(),
        };
        let effects = confirmations::confirm_change(ctx.ports, &confirmation)
            .await?
            .ok_or(ServiceError::InvalidLink)?;
        drop_copies(ctx, link.token.user);
        follow_up(ctx, effects);
        Ok(Reply::no_content())
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::ConfirmEmail;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for ConfirmEmail {
        const SUMMARY: &'static str = "Replaces the address with the one that the link has proven, and ends the other sessions.";

        fn body() -> Vec<Field> {
            vec![Field::one_time_token("token")]
        }

        fn example(_: &Sample) -> Answer {
            Ok(Reply::no_content())
        }
    }
}
