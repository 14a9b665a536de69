//! `PATCH /api/account/password`: replaces the password.

use crate::domain::credential::password::{NewPassword, PresentedPassword, UnownedPassword};
use crate::domain::mail::{Language, MailKind};
use crate::ports::{Limiter, Ports};
use crate::service::breach_check::refuse_breached;
use crate::service::config::Config;
use crate::service::follow_up::follow_up;
use crate::service::hash_password::hash_password;
use crate::service::outbox::{Intent, notice};
use crate::service::policy::{Actor, Member};
use crate::service::reauthenticate::{Owner, admitted, verified};
use crate::service::verify_password::given_back_if_failed;
use crate::service::{Ctx, ServiceError};
use crate::store::passwords::{self, PasswordReplacement};
use crate::web::endpoint::Endpoint;
use crate::web::form::{Form, password_fault};
use crate::web::problem::{Code, Refusal};
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Stores the new password and ends every session of the user, including the caller's, in one
/// transaction. Two hashes and two round trips.
///
/// Attempts at the current password are counted like those of a login: the holder of a stolen
/// access token must not be able to guess it. A request that fails validation is not a password
/// attempt and is not counted, with one exception: that the new password is the user's address is
/// known only after the statement that counts has returned the address.
pub(super) struct ChangePassword;

/// `{currentPassword, newPassword}`.
#[derive(Debug)]
pub(super) struct PasswordChange {
    current: PresentedPassword,
    new: UnownedPassword,
    language: Option<Language>,
    device: Option<String>,
}

impl Endpoint for ChangePassword {
    const ROUTE: Route = Route::patch("/api/account/password", "AccountUpdatePwd")
        .json()
        .limited(Limiter::Login)
        .refuses(&[Code::WrongCurrentPassword]);
    type Actor = Member;
    type Input = PasswordChange;

    fn input(request: &Received<'_>, config: &Config) -> Result<PasswordChange, Refusal> {
        let fields = request.fields()?;
        let policy = &config.passwords;
        let mut form = Form::of(&fields, &["currentPassword", "newPassword"]);
        let current = form.presented("currentPassword");
        let new = form
            .required("newPassword")
            .and_then(|text| form.judged("newPassword", policy.judge_unowned(text)));
        if let (Some(current), Some(new)) = (&current, &new)
            && policy.is_unchanged(current, new)
        {
            form.fault(
                "newPassword",
                "unchanged",
                "must differ from the current password",
            );
        }
        let (language, device) = (request.language(), request.device());
        form.finish(|| {
            Some(PasswordChange {
                current: current?,
                new: new?,
                language,
                device,
            })
        })
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, member: Member, change: PasswordChange) -> Answer {
        // The check may cost a subrequest, so it is made only for the holder of a token.
        if let Err(breached) = refuse_breached(ctx, "newPassword", &change.new.digest()).await {
            member.confirm(ctx).await?;
            return Err(breached.into());
        }
        let owner = admitted(ctx, &member).await?;
        let new = change
            .new
            .owned_by(&owner.holder.email)
            .map_err(|fault| ServiceError::Invalid(vec![password_fault("newPassword", fault)]))?;
        verified(ctx, &owner, &change.current).await?;
        let replacement = Replacement {
            new,
            notice: Intent::of(ctx, MailKind::PasswordChanged, change.language)
                .on_device(change.device),
        };
        replace(ctx, &member, owner, replacement).await?;
        Ok(Reply::no_content().delete_cookies())
    }
}

/// A new password that satisfies every rule, and the mail that tells of it.
struct Replacement {
    new: NewPassword,
    notice: Intent,
}

/// Hashes and stores the new password. The database refuses if the session or the password has
/// changed in the meantime.
async fn replace<P: Ports>(
    ctx: &Ctx<'_, P>,
    member: &Member,
    owner: Owner<'_>,
    replacement: Replacement,
) -> Result<(), ServiceError> {
    let new = hash_password(ctx, &owner.place, &replacement.new).await;
    let new = given_back_if_failed(ctx, &owner.guess, new).await?;
    let replacement = PasswordReplacement {
        caller: member.session(),
        verified: owner.holder.version,
        guess: owner.guess,
        new,
        notice: notice(ctx, &replacement.notice)?,
        trace: ctx.trace(),
    };
    let effects = passwords::replace(ctx.ports, &replacement)
        .await?
        .ok_or(ServiceError::InvalidToken)?;
    follow_up(ctx, effects);
    Ok(())
}

#[cfg(feature = "openapi")]
mod documented {
    use super::ChangePassword;
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for ChangePassword {
        const SUMMARY: &'static str =
            "Replaces the password, ends every session of the user, and deletes both auth cookies.";

        fn body() -> Vec<Field> {
            vec![
                Field::presented_password("currentPassword"),
                Field::new_password("newPassword"),
            ]
        }

        fn example(_: &Sample) -> Answer {
            Ok(Reply::no_content().delete_cookies())
        }
    }
}
