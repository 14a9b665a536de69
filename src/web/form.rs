//! Converts the fields of a body or a query to the types of an endpoint's input, and reports all
//! broken rules at once.

use super::fields::Fields;
use super::problem::Refusal;
use super::value::Value;
use crate::domain::credential::one_time::OneTimeToken;
use crate::domain::credential::password::{PasswordFault, PresentedPassword};
use crate::domain::identity::email::Email;
use crate::domain::identity::user::{InvalidName, UserName};
use crate::service::ServiceError;
use crate::service::error::FieldFault;

/// Reads fields and collects faults.
pub struct Form<'a> {
    fields: &'a Fields,
    faults: Vec<FieldFault>,
}

impl<'a> Form<'a> {
    /// Reads the fields of a body.
    #[must_use]
    pub fn of(fields: &'a Fields, known: &[&str]) -> Self {
        Self::within("body", fields, known)
    }

    /// Reads the parameters of a query.
    #[must_use]
    pub fn of_query(fields: &'a Fields, known: &[&str]) -> Self {
        Self::within("query", fields, known)
    }

    fn within(place: &'static str, fields: &'a Fields, known: &[&str]) -> Self {
        let mut form = Self {
            fields,
            faults: Vec::new(),
        };
        if fields.has_others_than(known) {
            // The field's name is not repeated: it is the client's text and may be a misplaced
            // password.
            form.fault(place, "unknown_field", "contains an unknown field");
        }
        form
    }

    /// Adds a fault. Its texts are constants and contain nothing that the client sent.
    pub fn fault(&mut self, field: &'static str, code: &'static str, message: &'static str) {
        self.faults.push(FieldFault {
            field,
            code,
            message,
        });
    }

    /// Returns the text of a field that may be omitted or null.
    pub fn optional(&mut self, name: &'static str) -> Option<String> {
        match self.fields.get(name) {
            Some(Value::Text(text)) => Some(text.clone()),
            Some(Value::Other) => {
                self.fault(name, "wrong_type", "must be a string");
                None
            }
            Some(Value::Null) | None => None,
        }
    }

    /// Returns the text of a required field.
    pub fn required(&mut self, name: &'static str) -> Option<String> {
        if matches!(self.fields.get(name), Some(Value::Null) | None) {
            self.fault(name, "required", "is required");
            return None;
        }
        self.optional(name)
    }

    /// Returns a required e-mail address.
    pub fn email(&mut self, name: &'static str) -> Option<Email> {
        let text = self.required(name)?;
        let email = Email::parse(&text).ok();
        if email.is_none() {
            self.fault(name, "invalid_email", "must be an e-mail address");
        }
        email
    }

    /// Returns the token of a link. The outer `None` means a fault, the inner one a text that is no
    /// token: it is refused like a token that does not work.
    pub fn one_time_token(&mut self, name: &'static str) -> Option<Option<OneTimeToken>> {
        self.required(name).map(|text| OneTimeToken::parse(&text))
    }

    /// Returns a display name. The outer `None` means a fault, the inner one no name.
    pub fn name(&mut self, name: &'static str) -> Option<Option<UserName>> {
        let before = self.faults.len();
        let Some(text) = self.optional(name) else {
            return (self.faults.len() == before).then_some(None);
        };
        match UserName::parse(&text) {
            Ok(user_name) => Some(Some(user_name)),
            Err(InvalidName::Invisible) => {
                self.fault(name, "too_short", "must contain a visible character");
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
                    "must not contain control characters, line separators or bidirectional overrides",
                );
                None
            }
        }
    }

    /// Returns a required password that is presented as proof.
    pub fn presented(&mut self, name: &'static str) -> Option<PresentedPassword> {
        let text = self.required(name)?;
        self.judged(name, PresentedPassword::parse(text))
    }

    /// Returns a password that has been checked, or records its fault.
    pub fn judged<T>(
        &mut self,
        name: &'static str,
        outcome: Result<T, PasswordFault>,
    ) -> Option<T> {
        outcome
            .map_err(|fault| self.faults.push(password_fault(name, fault)))
            .ok()
    }

    /// Returns the input, if there are no faults.
    ///
    /// # Errors
    ///
    /// Refuses with 422 and every fault.
    pub fn finish<T>(self, value: impl FnOnce() -> Option<T>) -> Result<T, Refusal> {
        match value() {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(ServiceError::Invalid(self.faults).into()),
        }
    }
}

/// Returns the fault of a field whose password breaks a rule.
#[must_use]
pub const fn password_fault(field: &'static str, fault: PasswordFault) -> FieldFault {
    let (code, message) = match fault {
        PasswordFault::TooShort => ("too_short", "is too short"),
        PasswordFault::TooLong => ("too_long", "must have at most 128 characters"),
        PasswordFault::Common => ("common", "is too common"),
        PasswordFault::Guessable => (
            "guessable",
            "must not be the e-mail address, its local part or the service's name",
        ),
    };
    FieldFault {
        field,
        code,
        message,
    }
}

/// Parses a number in its only spelling: digits, without a sign or leading zeros.
#[must_use]
pub fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
