//! From the fields of a body to the types of a use-case, with every broken rule reported.

use core::ops::RangeInclusive;

use crate::api::account::change_password::ChangePassword;
use crate::api::account::register::Register;
use crate::domain::audit::AuditCursor;
use crate::domain::credential::password::{PasswordFault, PasswordPolicy, PresentedPassword};
use crate::domain::identity::email::Email;
use crate::domain::identity::user::{InvalidName, UserName};
use crate::service::AppError;
use crate::service::error::FieldFault;
use crate::store::audit::Page;
use crate::store::sessions::Which;
use crate::web::fields::{Fields, Value};
use crate::web::problem::Refusal;

/// Entries of a page, if the client does not say how many.
const DEFAULT_PAGE: u32 = 20;
/// How many a client may ask for.
const PAGE_LIMITS: RangeInclusive<u32> = 1..=100;

/// What a login looks at: the fields of RFC 6749, section 4.3.2, and those with which an OAuth
/// client may name itself (section 2.3.1). Others guard nothing there, and HTML forms have them:
/// a "remember me" box, a token against cross-site requests.
pub(crate) const LOGIN_FIELDS: [&str; 6] = [
    "username",
    "password",
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
];

/// What a login form holds.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// `username`
    pub(crate) email: Email,
    /// `password`
    pub(crate) password: PresentedPassword,
}

/// `{email, password, name?}`
///
/// # Errors
///
/// 422 with every broken rule.
pub(crate) fn register(fields: &Fields, policy: &PasswordPolicy) -> Result<Register, Refusal> {
    let mut form = Form::of(fields, &["email", "password", "name"]);
    let email = form.email("email");
    let name = form.name("name");
    let password = form
        .required("password")
        .and_then(|text| form.judged("password", policy.judge(text, email.as_ref())));
    form.finish(|| {
        Some(Register {
            email: email?,
            password: password?,
            name: name?,
        })
    })
}

/// `username` and `password`, from [`LOGIN_FIELDS`].
///
/// # Errors
///
/// 422 with every broken rule.
pub(crate) fn log_in(fields: &Fields) -> Result<Credentials, Refusal> {
    let mut form = Form::of(fields, &LOGIN_FIELDS);
    let email = form.email("username");
    let password = form.presented("password");
    if form
        .optional("grant_type")
        .is_some_and(|grant| grant != "password")
    {
        form.fault("grant_type", "unsupported_grant_type", "must be password");
    }
    for name in ["scope", "client_id", "client_secret"] {
        form.optional(name);
    }
    form.finish(|| {
        Some(Credentials {
            email: email?,
            password: password?,
        })
    })
}

/// `{currentPassword, newPassword}` of the owner of `email`; without an address, the rules that
/// do not depend on it.
///
/// # Errors
///
/// 422 with every broken rule.
pub(crate) fn change_password(
    fields: &Fields,
    policy: &PasswordPolicy,
    email: Option<&Email>,
) -> Result<ChangePassword, Refusal> {
    let mut form = Form::of(fields, &["currentPassword", "newPassword"]);
    let current = form.presented("currentPassword");
    let new = form
        .required("newPassword")
        .and_then(|text| form.judged("newPassword", policy.judge(text, email)));
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
        Some(ChangePassword {
            current: current?,
            new: new?,
        })
    })
}

/// `{name}`: a text, or null for no name.
///
/// # Errors
///
/// 422 with every broken rule.
pub(crate) fn rename(fields: &Fields) -> Result<Option<UserName>, Refusal> {
    let mut form = Form::of(fields, &["name"]);
    if fields.get("name").is_none() {
        form.fault("name", "required", "is required; null removes the name");
    }
    let name = form.name("name");
    form.finish(|| name)
}

/// `?scope=others|all`
///
/// # Errors
///
/// 422 with every broken rule.
pub(crate) fn end_sessions(query: &Fields) -> Result<Which, Refusal> {
    let mut form = Form::of_query(query, &["scope"]);
    let scope = match form.required("scope").as_deref() {
        Some("others") => Some(Which::Others),
        Some("all") => Some(Which::All),
        Some(_) => {
            form.fault("scope", "not_in_list", "must be others or all");
            None
        }
        None => None,
    };
    form.finish(|| scope)
}

/// `?cursor=…&limit=…`, either of which may be left out.
///
/// # Errors
///
/// 422 with every broken rule.
pub(crate) fn page(query: &Fields) -> Result<Page, Refusal> {
    let mut form = Form::of_query(query, &["cursor", "limit"]);
    let cursor = match form.optional("cursor") {
        Some(text) => AuditCursor::parse(&text),
        None => Some(AuditCursor::START),
    };
    if cursor.is_none() {
        form.fault(
            "cursor",
            "invalid_cursor",
            "must be a nextCursor of this list",
        );
    }
    let limit = match form.optional("limit") {
        Some(text) => number(&text).filter(|limit| PAGE_LIMITS.contains(limit)),
        None => Some(DEFAULT_PAGE),
    };
    if limit.is_none() {
        form.fault("limit", "out_of_range", "must be a number from 1 to 100");
    }
    form.finish(|| {
        Some(Page {
            cursor: cursor?,
            limit: limit?,
        })
    })
}

/// A number in its one spelling: digits, without a sign and without leading zeros.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Reads fields and collects faults.
struct Form<'a> {
    fields: &'a Fields,
    faults: Vec<FieldFault>,
}

impl<'a> Form<'a> {
    /// The fields of a body.
    fn of(fields: &'a Fields, known: &[&str]) -> Self {
        Self::within("body", fields, known)
    }

    /// The fields of a query.
    fn of_query(fields: &'a Fields, known: &[&str]) -> Self {
        Self::within("query", fields, known)
    }

    fn within(place: &'static str, fields: &'a Fields, known: &[&str]) -> Self {
        let mut form = Self {
            fields,
            faults: Vec::new(),
        };
        if fields.has_others_than(known) {
            // Its name is the client's text: it may be a password that slipped.
            form.fault(place, "unknown_field", "has a field that is not known here");
        }
        form
    }

    fn fault(&mut self, field: &'static str, code: &'static str, message: &'static str) {
        self.faults.push(FieldFault {
            field,
            code,
            message,
        });
    }

    /// The text of a field that may be left out or null.
    fn optional(&mut self, name: &'static str) -> Option<String> {
        match self.fields.get(name) {
            Some(Value::Text(text)) => Some(text.clone()),
            Some(Value::Other) => {
                self.fault(name, "wrong_type", "must be a string");
                None
            }
            Some(Value::Null) | None => None,
        }
    }

    fn required(&mut self, name: &'static str) -> Option<String> {
        if matches!(self.fields.get(name), Some(Value::Null) | None) {
            self.fault(name, "required", "is required");
            return None;
        }
        self.optional(name)
    }

    fn email(&mut self, name: &'static str) -> Option<Email> {
        let text = self.required(name)?;
        let email = Email::parse(&text).ok();
        if email.is_none() {
            self.fault(name, "invalid_email", "must be an e-mail address");
        }
        email
    }

    /// Outer `None`: a fault; inner `None`: no name.
    #[expect(
        clippy::option_option,
        reason = "outer: whether the field is in order; inner: whether there is a name"
    )]
    fn name(&mut self, name: &'static str) -> Option<Option<UserName>> {
        let before = self.faults.len();
        let Some(text) = self.optional(name) else {
            return (self.faults.len() == before).then_some(None);
        };
        match UserName::parse(&text) {
            Ok(user_name) => Some(Some(user_name)),
            Err(InvalidName::Invisible) => {
                self.fault(name, "too_short", "must have a visible character");
                None
            }
            Err(InvalidName::TooLong) => {
                self.fault(name, "too_long", "must have at most 100 characters");
                None
            }
            Err(InvalidName::ControlCharacter) => {
                self.fault(
                    name,
                    "control_character",
                    "must not have control characters, line separators or bidirectional overrides",
                );
                None
            }
        }
    }

    fn presented(&mut self, name: &'static str) -> Option<PresentedPassword> {
        let text = self.required(name)?;
        self.judged(name, PresentedPassword::parse(text))
    }

    fn judged<T>(&mut self, name: &'static str, outcome: Result<T, PasswordFault>) -> Option<T> {
        let (code, message) = match outcome {
            Ok(password) => return Some(password),
            Err(PasswordFault::TooShort) => ("too_short", "is too short"),
            Err(PasswordFault::TooLong) => ("too_long", "must have at most 128 characters"),
            Err(PasswordFault::Common) => ("common", "is one that many people have"),
            Err(PasswordFault::Guessable) => (
                "guessable",
                "must not be the e-mail address, its local part or the service's name",
            ),
        };
        self.fault(name, code, message);
        None
    }

    fn finish<T>(self, value: impl FnOnce() -> Option<T>) -> Result<T, Refusal> {
        match value() {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(AppError::Invalid(self.faults).into()),
        }
    }
}
