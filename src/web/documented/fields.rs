//! The fields that endpoints read, with the rules of docs/http.md, section 5, as schemas.

use core::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::domain::credential::one_time::{Nonce, OneTimeToken, Purpose};
use crate::domain::credential::password::MAX_CODE_POINTS;
use crate::domain::id::UserId;
use crate::domain::identity::email::{MAX_ADDRESS_BYTES, MAX_LOCAL_BYTES};
use crate::domain::identity::user::MAX_NAME_CODE_POINTS;

/// A field of a body, a parameter of a query, or a named segment of a path.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// Whether it must be present.
    pub is_required: bool,
    /// The rules of its value.
    pub schema: Value,
    /// An accepted value.
    pub example: Value,
}

impl Field {
    /// A required field with these rules.
    #[must_use]
    pub const fn new(name: &'static str, schema: Value, example: Value) -> Self {
        Self {
            name,
            is_required: true,
            schema,
            example,
        }
    }

    /// An e-mail address, as `Email` parses it.
    #[must_use]
    pub fn email(name: &'static str) -> Self {
        let local = format!(r"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,{MAX_LOCAL_BYTES}}}");
        let label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
        let schema = json!({
            "type": "string",
            "description": "An e-mail address, as HTML's grammar has it, in a domain with a dot.",
            "maxLength": MAX_ADDRESS_BYTES,
            "pattern": format!(r"^{local}@({label}\.)+{label}$"),
        });
        Self::new(name, schema, json!("ada@example.com"))
    }

    /// A password that is presented as proof.
    #[must_use]
    pub fn presented_password(name: &'static str) -> Self {
        let schema = json!({
            "type": "string",
            "format": "password",
            "minLength": 1,
            "maxLength": MAX_CODE_POINTS,
        });
        Self::new(name, schema, json!("correct horse battery staple"))
    }

    /// A password that is about to be stored.
    #[must_use]
    pub fn new_password(name: &'static str) -> Self {
        let schema = json!({
            "type": "string",
            "format": "password",
            "minLength": 8,
            "maxLength": MAX_CODE_POINTS,
            "description": "Not a common password, the e-mail address or the service's name. `PASSWORD_MIN_LENGTH` may require more characters, and `BREACH_CHECK` that it is in no known breach.",
        });
        Self::new(name, schema, json!("incorrect donkey capacitor clip"))
    }

    /// A display name. Null means none.
    #[must_use]
    pub fn display_name(name: &'static str) -> Self {
        let schema = json!({
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_NAME_CODE_POINTS,
            "description": "At least one visible character, no control characters, line separators or bidirectional overrides.",
        });
        Self::new(name, schema, json!("Ada Lovelace"))
    }

    /// A number in a query, in its only spelling.
    #[must_use]
    pub fn number(name: &'static str, bounds: RangeInclusive<u32>) -> Self {
        let (least, most) = bounds.into_inner();
        let schema = json!({"type": "integer", "minimum": least, "maximum": most});
        Self::new(name, schema, json!(most))
    }

    /// One of these texts.
    #[must_use]
    pub fn one_of(name: &'static str, texts: &[&str]) -> Self {
        let example = texts.first().map(|text| json!(text));
        let schema = json!({"type": "string", "enum": texts});
        Self::new(name, schema, example.unwrap_or_default())
    }

    /// The token of a link, as `OneTimeToken` parses it. A text that is none is refused like a token
    /// that does not work.
    #[must_use]
    pub fn one_time_token(name: &'static str) -> Self {
        let token = OneTimeToken {
            user: UserId::new(1_795_251_600_000, &[0x5a; 10]),
            secret: Nonce::from_random([0x5a; 32]).secret(&[0x5a; 32], Purpose::ResetPassword),
        };
        let schema = json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{64}$"});
        Self::new(name, schema, json!(token.expose()))
    }

    /// A text without further rules.
    #[must_use]
    pub fn text(name: &'static str, example: &str) -> Self {
        Self::new(name, json!({"type": "string"}), json!(example))
    }

    /// Makes the field one that may be left out.
    #[must_use]
    pub fn optional(self) -> Self {
        Self {
            is_required: false,
            ..self
        }
    }

    /// Lets the field be null.
    #[must_use]
    pub fn nullable(mut self) -> Self {
        if let Some(kind) = self.schema.get_mut("type") {
            *kind = json!([kind.clone(), "null"]);
        }
        self
    }

    /// Says in words what the schema cannot.
    #[must_use]
    pub fn described(mut self, description: &str) -> Self {
        if let Some(schema) = self.schema.as_object_mut() {
            schema.insert("description".to_owned(), description.into());
        }
        self
    }
}
