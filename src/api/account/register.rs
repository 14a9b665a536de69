//! `POST /api/account/register`: adds a user.

use serde::Serialize;

use crate::domain::audit::AuditEvent;
use crate::domain::credential::password::NewPassword;
use crate::domain::id::UserId;
use crate::domain::identity::email::Email;
use crate::domain::identity::user::UserName;
use crate::domain::mail::{Language, MailKind};
use crate::ports::{Limiter, Ports};
use crate::service::breach_check::refuse_breached;
use crate::service::config::{Config, EmailVerification};
use crate::service::hash_password::{hash_password, queued};
use crate::service::outbox::{Intent, counted, deliver_later, draft};
use crate::service::policy::Anyone;
use crate::service::refusals::request_refused;
use crate::service::{Ctx, ServiceError};
use crate::store::registrations::{self, NewUser, Registered, Registration, RegistrationMail};
use crate::web::endpoint::Endpoint;
use crate::web::form::Form;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// Adds the user with the default role, and returns it. One hash and one round trip. With
/// `VERIFICATION=required` the answer is the same whether or not the address is taken: a mail tells
/// its owner.
pub(super) struct Register;

/// The fields of a registration: `{email, password, name?}`.
#[derive(Debug)]
pub(super) struct Newcomer {
    email: Email,
    password: NewPassword,
    name: Option<UserName>,
    language: Option<Language>,
}

impl Endpoint for Register {
    const ROUTE: Route = Route::post("/api/account/register", "AccountRegister")
        .json()
        .limited(Limiter::Register)
        .refuses(&[Code::EmailTaken]);
    type Actor = Anyone;
    type Input = Newcomer;

    fn input(request: &Received<'_>, config: &Config) -> Result<Newcomer, Refusal> {
        let fields = request.fields()?;
        let mut form = Form::of(&fields, &["email", "password", "name"]);
        let email = form.email("email");
        let name = form.name("name");
        let password = form.required("password").and_then(|text| {
            let Some(email) = &email else {
                form.judged("password", config.passwords.judge_unowned(text));
                return None;
            };
            form.judged("password", config.passwords.judge(text, email))
        });
        let language = request.language();
        form.finish(|| {
            Some(Newcomer {
                language,
                email: email?,
                password: password?,
                name: name?,
            })
        })
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, _: Anyone, newcomer: Newcomer) -> Answer {
        let is_secret = ctx.config().verification == EmailVerification::Required;
        match register(ctx, newcomer).await? {
            // The same for a taken address.
            _ if is_secret => Ok(Reply::accepted()),
            Some(registered) => Reply::created(&UserBody::from(registered)),
            None => Err(ServiceError::EmailTaken.into()),
        }
    }
}

/// Hashes the password before it adds the user: a taken address costs the same as a free one. `None`
/// for a taken address.
async fn register<P: Ports>(
    ctx: &Ctx<'_, P>,
    newcomer: Newcomer,
) -> Result<Option<Registered>, ServiceError> {
    refuse_breached(ctx, "password", &newcomer.password.digest()).await?;
    let hash = hash_password(ctx, &queued(ctx)?, &newcomer.password).await?;
    let user = NewUser {
        id: UserId::new(ctx.now.as_millis(), &ctx.ports.random_bytes()?),
        mailing: mailing(ctx, &newcomer)?,
        language: newcomer.language,
        email: newcomer.email,
        name: newcomer.name,
        hash,
        role: ctx.config().default_role.clone(),
        most_an_hour: ctx.config().registrations_an_hour,
        trace: ctx.trace(),
    };
    match registrations::register(ctx.ports, &user).await? {
        Registration::Registered(registered, mail) => {
            ctx.caller.is(registered.user.id);
            deliver_later(ctx, mail);
            Ok(Some(registered))
        }
        Registration::EmailTaken(mail) => {
            deliver_later(ctx, mail);
            Ok(None)
        }
        Registration::TooMany(pause) => {
            request_refused(ctx, AuditEvent::Throttled);
            Err(ServiceError::Throttled(pause))
        }
        Registration::NoSuchRole => Err(ServiceError::Misconfigured(
            "DEFAULT_ROLE is not in the table roles".to_owned(),
        )),
    }
}

/// Returns the mail that proves the address, where addresses are proven.
fn mailing<P: Ports>(
    ctx: &Ctx<'_, P>,
    newcomer: &Newcomer,
) -> Result<Option<RegistrationMail>, ServiceError> {
    let verification = ctx.config().verification;
    if verification == EmailVerification::Off {
        return Ok(None);
    }
    let intent = Intent::of(ctx, MailKind::VerifyEmail, newcomer.language);
    Ok(Some(RegistrationMail {
        draft: draft(ctx, &intent)?,
        counted: counted(ctx, &newcomer.email, MailKind::VerifyEmail),
        is_required: verification == EmailVerification::Required,
    }))
}

/// `User` in docs/http.md.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = User))]
#[serde(rename_all = "camelCase")]
struct UserBody {
    id: String,
    name: Option<String>,
    email: String,
    is_active: bool,
    is_superuser: bool,
    role_name: String,
    role_slug: String,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    created_at: String,
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    updated_at: String,
}

impl From<Registered> for UserBody {
    fn from(Registered { user, role_name }: Registered) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.as_str().to_owned(),
            name: user.name,
            is_active: user.is_active,
            is_superuser: user.is_superuser,
            role_name,
            role_slug: user.role_slug,
            created_at: user.created_at.to_rfc3339(),
            updated_at: user.updated_at.to_rfc3339(),
        }
    }
}

#[cfg(feature = "openapi")]
mod documented {
    use super::{Register, UserBody};
    use crate::domain::identity::user::Profile;
    use crate::web::documented::{Documented, Field, Returned, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for Register {
        const SUMMARY: &'static str = "Registers a user. With VERIFICATION=required the answer is a 202 for every address, and a mail contains the link that proves it.";

        fn body() -> Vec<Field> {
            vec![
                Field::email("email"),
                Field::new_password("password"),
                Field::display_name("name").nullable().optional(),
            ]
        }

        fn returns() -> Returned {
            Returned::one::<UserBody>()
        }

        fn example(sample: &Sample) -> Answer {
            let Profile {
                id,
                name,
                email,
                is_active,
                is_superuser,
                role_slug,
            } = sample.profile();
            Reply::created(&UserBody {
                id: id.to_string(),
                name,
                email,
                is_active,
                is_superuser,
                role_name: "Application Access".to_owned(),
                role_slug,
                created_at: sample.days_ago(0),
                updated_at: sample.days_ago(0),
            })
        }

        /// Where `VERIFICATION` is `required`.
        fn shortest_example(_: &Sample) -> Option<Answer> {
            Some(Ok(Reply::accepted()))
        }
    }
}
