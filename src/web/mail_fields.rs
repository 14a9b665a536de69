//! The bodies of the endpoints about mails: an address that receives one, and the token of a link.

use super::form::Form;
use super::problem::Refusal;
use super::request::Received;
use crate::domain::credential::one_time::OneTimeToken;
use crate::domain::identity::email::Email;
use crate::domain::mail::Language;
use crate::service::ServiceError;

/// `{token}`, and the language that the request prefers.
#[derive(Clone, Copy, Debug)]
pub struct LinkFields {
    /// The token of the link.
    pub token: OneTimeToken,
    /// The language of a mail that follows.
    pub language: Option<Language>,
}

impl LinkFields {
    /// Reads the body.
    ///
    /// # Errors
    ///
    /// Refuses with 400 or 422, and with 410 a text that is no token: like a token that does not
    /// work.
    pub fn read(request: &Received<'_>) -> Result<Self, Refusal> {
        let fields = request.fields()?;
        let mut form = Form::of(&fields, &["token"]);
        let token = form.one_time_token("token");
        let token = form.finish(|| token)?;
        Ok(Self {
            token: token.ok_or(ServiceError::InvalidLink)?,
            language: request.language(),
        })
    }
}

/// `{email}`, and the language that the request prefers.
#[derive(Debug)]
pub struct RecipientFields {
    /// The address.
    pub email: Email,
    /// The language of the mail.
    pub language: Option<Language>,
}

impl RecipientFields {
    /// Reads the body.
    ///
    /// # Errors
    ///
    /// Refuses with 400 or 422.
    pub fn read(request: &Received<'_>) -> Result<Self, Refusal> {
        let fields = request.fields()?;
        let mut form = Form::of(&fields, &["email"]);
        let email = form.email("email");
        let language = request.language();
        form.finish(|| {
            Some(Self {
                email: email?,
                language,
            })
        })
    }
}
