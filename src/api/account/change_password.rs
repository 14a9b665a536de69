//! `PATCH /api/account/password`: replaces the password.

use crate::domain::audit::AuditEvent;
use crate::domain::credential::hashing::Verification;
use crate::domain::credential::password::{NewPassword, PresentedPassword, UnownedPassword};
use crate::domain::id::TokenId;
use crate::ports::{Limiter, Ports};
use crate::service::breach_check::refuse_breached;
use crate::service::config::Config;
use crate::service::hash_queue::{HashTicket, Line};
use crate::service::policy::{Actor, Member};
use crate::service::refusals::{attempt_refused, password_refused};
use crate::service::revocations::sessions_ended;
use crate::service::verify_password::{Proof, verify_password};
use crate::service::{Ctx, ServiceError};
use crate::store::attempts::{self, Attempt, Attempted, Guess, PasswordHolder};
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
        form.finish(|| {
            Some(PasswordChange {
                current: current?,
                new: new?,
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
        replace(ctx, &member, owner, &new).await?;
        Ok(Reply::no_content().delete_cookies())
    }
}

/// A caller whose attempt at the current password has been counted.
struct Owner<'a> {
    /// The user, with the hash that the password is compared with.
    holder: PasswordHolder,
    /// The counter that a success resets.
    guess: Guess,
    /// A place in the hash queue, taken before the attempt was counted.
    place: HashTicket<'a>,
}

/// Counts the attempt, and reads what the password is compared with.
async fn admitted<'a, P: Ports>(
    ctx: &Ctx<'a, P>,
    member: &Member,
) -> Result<Owner<'a>, ServiceError> {
    let place = ctx
        .service
        .hash_queue
        .enter(ctx.now)
        .ok_or(ServiceError::Busy)?;
    let attempt = Attempt {
        keys: ctx.service.throttle.of_password_change(member.session()),
        id: TokenId::from_random(ctx.ports.random_bytes()?),
        now: ctx.now,
    };
    match attempts::change_password(ctx.ports, &attempt, member.session()).await? {
        Attempted::Admitted(guess, Some(holder)) => Ok(Owner {
            holder,
            guess,
            place,
        }),
        Attempted::Throttled(throttled) if throttled.user.is_some() => {
            attempt_refused(ctx, attempt.keys.account, throttled.user);
            Err(ServiceError::Throttled(throttled.pause))
        }
        // An attempt from a session that is not live is not admitted, and finds no user.
        Attempted::Admitted(_, None) | Attempted::Throttled(_) => Err(ServiceError::InvalidToken),
    }
}

/// Compares the current password.
async fn verified<P: Ports>(
    ctx: &Ctx<'_, P>,
    owner: &Owner<'_>,
    current: &PresentedPassword,
) -> Result<(), ServiceError> {
    let proof = Proof {
        password: current,
        stored: owner.holder.hash.as_ref(),
    };
    match verify_password(ctx, &owner.place, proof).await? {
        Verification::Match { .. } => Ok(()),
        Verification::Mismatch | Verification::Damaged | Verification::UnknownPepper => {
            password_refused(ctx, AuditEvent::WrongCurrentPassword, Some(owner.holder.id));
            Err(ServiceError::WrongCurrentPassword)
        }
    }
}

/// Hashes and stores the new password. The database refuses if the session or the password has
/// changed in the meantime.
async fn replace<P: Ports>(
    ctx: &Ctx<'_, P>,
    member: &Member,
    owner: Owner<'_>,
    new: &NewPassword,
) -> Result<(), ServiceError> {
    let hasher = &ctx.service.hasher;
    let salt = ctx.ports.random_bytes()?;
    let new = {
        let _turn = owner
            .place
            .turn(ctx.ports, Line::Own, hasher.effort())
            .await?;
        hasher.hash(new, salt)?
    };
    let replacement = PasswordReplacement {
        caller: member.session(),
        verified: owner.holder.version,
        guess: owner.guess,
        new,
        trace: ctx.trace(),
    };
    let ended = passwords::replace(ctx.ports, &replacement)
        .await?
        .ok_or(ServiceError::InvalidToken)?;
    sessions_ended(ctx, ended);
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
