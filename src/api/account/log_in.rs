//! `POST /api/account/login`: begins a session (RFC 6749, section 4.3, with cookies in place of a
//! token response).

use crate::domain::audit::AuditEvent;
use crate::domain::credential::hashing::Verification;
use crate::domain::credential::password::PresentedPassword;
use crate::domain::id::TokenId;
use crate::domain::identity::email::Email;
use crate::domain::mail::Language;
use crate::ports::{Limiter, Ports};
use crate::service::begin_session::{Arrival, begin};
use crate::service::config::{Config, EmailVerification};
use crate::service::hash_password::queued;
use crate::service::hash_queue::{HashTicket, Line};
use crate::service::limits::LIMITER_PAUSE;
use crate::service::mail_request::resend_later;
use crate::service::policy::LoginVisitor;
use crate::service::refusals::{attempt_refused, password_refused};
use crate::service::verify_password::{Proof, given_back_if_failed, verify_password};
use crate::service::{Ctx, ServiceError};
use crate::store::attempts::{
    self, Attempt, Attempted, Guess, Guesser, KnownDevice, PasswordHolder,
};
use crate::store::log_in::{LoginProof, PasswordProof, Rehash};
use crate::web::endpoint::Endpoint;
use crate::web::form::Form;
use crate::web::problem::{Code, Refusal};
use crate::web::reply::{Answer, Reply};
use crate::web::request::Received;
use crate::web::route::Route;

/// The fields that a login reads: those of RFC 6749, section 4.3.2, and those in which an OAuth
/// client may name itself (section 2.3.1). Others are ignored, because refusing them would protect
/// nothing, and HTML forms contain them: a "remember me" box, an anti-forgery token.
const FIELDS: [&str; 6] = [
    "username",
    "password",
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
];
/// Fields that must be texts and have no effect.
const UNUSED: [&str; 3] = ["scope", "client_id", "client_secret"];

/// Begins a session and sets both cookies. One hash and two round trips. A refusal costs one hash
/// and one round trip, whatever its cause (docs/http.md, section 1); a throttled attempt costs no
/// hash.
pub(super) struct LogIn;

/// The form of a login.
#[derive(Debug)]
pub(super) struct LoginForm {
    /// The field `username`.
    email: Email,
    /// The field `password`.
    password: PresentedPassword,
    /// The `User-Agent` header.
    user_agent: Option<String>,
    /// The language that the request prefers.
    language: Option<Language>,
}

impl Endpoint for LogIn {
    const ROUTE: Route = Route::post("/api/account/login", "AccountLogin")
        .json_or_form()
        .limited(Limiter::Login)
        .token_endpoint()
        .refuses(&[Code::InvalidCredentials]);
    type Actor = LoginVisitor;
    type Input = LoginForm;

    fn input(request: &Received<'_>, _: &Config) -> Result<LoginForm, Refusal> {
        let fields = request.fields_among(&FIELDS)?;
        let mut form = Form::of(&fields, &FIELDS);
        let email = form.email("username");
        let password = form.presented("password");
        if form
            .optional("grant_type")
            .is_some_and(|grant| grant != "password")
        {
            form.fault("grant_type", "unsupported_grant_type", "must be password");
        }
        for name in UNUSED {
            form.optional(name);
        }
        form.finish(|| {
            Some(LoginForm {
                email: email?,
                password: password?,
                user_agent: request.user_agent(),
                language: request.language(),
            })
        })
    }

    async fn answer<P: Ports>(ctx: &Ctx<'_, P>, visitor: LoginVisitor, form: LoginForm) -> Answer {
        let place = queued(ctx)?;
        let carried = visitor.carried(ctx);
        let guesser = Guesser {
            device: carried.device.as_ref().map(|claims| KnownDevice {
                session: claims.session,
                refresh_id: claims.id,
                key: ctx.service.throttle.of_device(claims.session.id),
            }),
            must_be_known: visitor.must_be_known(),
        };
        let admitted = admitted(ctx, &form.email, &guesser).await?;
        let verified = verified(ctx, &place, &form.password, admitted.holder).await;
        let verified = given_back_if_failed(ctx, &admitted.guess, verified).await?;
        ctx.caller.is(verified.holder.id);
        let needs_proven_address = ctx.config().verification == EmailVerification::Required;
        if needs_proven_address && !verified.holder.is_verified {
            return Err(unproven(ctx, verified.holder, form.language)?.into());
        }
        let user = verified.holder.id;
        let arrival = Arrival {
            user,
            role_slug: verified.holder.role_slug,
            proof: LoginProof::Password(PasswordProof {
                version: verified.holder.version,
                needs_proven_address,
                rehash: verified.rehash,
                guess: admitted.guess,
            }),
            carried: carried.sessions,
            user_agent: form.user_agent,
            language: form.language,
        };
        // The database refuses if the password, the user or the proof of the address has changed in the
        // meantime.
        let Some(pair) = begin(ctx, arrival).await? else {
            password_refused(ctx, AuditEvent::LoginFailed, Some(user));
            return Err(ServiceError::InvalidCredentials.into());
        };
        Ok(Reply::no_content().set_cookies(pair))
    }
}

/// An attempt that has been counted.
struct Admitted {
    /// The counter that a success resets.
    guess: Guess,
    /// The user with the address, if there is one.
    holder: Option<PasswordHolder>,
}

/// Counts the attempt, and reads the user if it is admitted.
async fn admitted<P: Ports>(
    ctx: &Ctx<'_, P>,
    email: &Email,
    guesser: &Guesser,
) -> Result<Admitted, ServiceError> {
    let throttle = &ctx.service.throttle;
    let attempt = Attempt {
        keys: throttle.of_login(email, ctx.caller.client),
        id: TokenId::from_random(ctx.ports.random_bytes()?),
        now: ctx.now,
    };
    match attempts::log_in(ctx.ports, &attempt, email, guesser).await? {
        Attempted::Admitted(guess, holder) => Ok(Admitted { guess, holder }),
        Attempted::Throttled(throttled) => {
            // An attempt without a pause of its own lacks nothing but the client's budget.
            if guesser.must_be_known && throttled.pause.get() == 0 {
                attempt_refused(ctx, attempt.keys.account, None);
                return Err(ServiceError::Throttled(LIMITER_PAUSE));
            }
            attempt_refused(ctx, attempt.keys.account, throttled.user);
            Err(ServiceError::Throttled(throttled.pause))
        }
    }
}

/// An active user whose password is right.
struct Verified {
    holder: PasswordHolder,
    rehash: Option<Rehash>,
}

/// Compares the password, and rehashes it if today's cost is another. The first hash precedes every
/// check of the user, because it takes the time.
async fn verified<P: Ports>(
    ctx: &Ctx<'_, P>,
    place: &HashTicket<'_>,
    password: &PresentedPassword,
    found: Option<PasswordHolder>,
) -> Result<Verified, ServiceError> {
    let proof = Proof {
        password,
        stored: found.as_ref().and_then(|found| found.hash.as_ref()),
    };
    let verification = verify_password(ctx, place, proof).await?;
    let holder = match (found, verification) {
        (Some(found), Verification::Match { rehash }) if found.is_active => {
            let rehash = if rehash {
                rehashed(ctx, place, password, &found).await?
            } else {
                None
            };
            return Ok(Verified {
                holder: found,
                rehash,
            });
        }
        (found, _) => found,
    };
    // An active user would cost the new hash as well: an inactive one must not be refused sooner.
    if let Verification::Match { rehash: true } = verification {
        let stored = None;
        let _ = verify_password(ctx, place, Proof { password, stored }).await?;
    }
    let user = holder.map(|holder| holder.id);
    if let (Verification::Damaged, Some(user)) = (verification, user) {
        let user = user.to_string().into();
        ctx.ports
            .error("password.stored_hash_damaged", &[("user.id", user)]);
    }
    password_refused(ctx, AuditEvent::LoginFailed, user);
    Err(ServiceError::InvalidCredentials)
}

/// Returns a hash at today's cost, of a password that has just been verified.
async fn rehashed<P: Ports>(
    ctx: &Ctx<'_, P>,
    place: &HashTicket<'_>,
    password: &PresentedPassword,
    holder: &PasswordHolder,
) -> Result<Option<Rehash>, ServiceError> {
    let Some(from) = &holder.hash else {
        return Ok(None);
    };
    let hasher = &ctx.service.hasher;
    let salt = ctx.ports.random_bytes()?;
    let _turn = place.turn(ctx.ports, Line::Own, hasher.effort()).await?;
    Ok(Some(Rehash {
        to: hasher.rehash(password, salt)?,
        from: from.clone(),
    }))
}

/// Returns the refusal of a login before the address is proven. It is that of a wrong password:
/// otherwise, a login would reveal to the person who registers an address whether it was free. The
/// link is mailed again.
fn unproven<P: Ports>(
    ctx: &Ctx<'_, P>,
    holder: PasswordHolder,
    language: Option<Language>,
) -> Result<ServiceError, ServiceError> {
    password_refused(ctx, AuditEvent::LoginFailed, Some(holder.id));
    resend_later(ctx, holder.email, language)?;
    Ok(ServiceError::InvalidCredentials)
}

#[cfg(feature = "openapi")]
mod documented {
    use super::{LogIn, UNUSED};
    use crate::web::documented::{Documented, Field, Sample};
    use crate::web::reply::{Answer, Reply};

    impl Documented for LogIn {
        const SUMMARY: &'static str = "Logs in: begins a session and sets both auth cookies.";
        const IGNORES_UNKNOWN_FIELDS: bool = true;

        fn body() -> Vec<Field> {
            let unused = UNUSED.map(|name| Field::text(name, "web").optional());
            let fields = [
                Field::email("username"),
                Field::presented_password("password"),
                Field::one_of("grant_type", &["password"]).optional(),
            ];
            fields.into_iter().chain(unused).collect()
        }

        fn example(sample: &Sample) -> Answer {
            Ok(Reply::no_content().set_cookies(sample.pair()?))
        }
    }
}
