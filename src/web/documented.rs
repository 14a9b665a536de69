//! What the OpenAPI document (`docs/openapi.json`) contains of an endpoint beyond the facts of its
//! route: the fields that it reads, and an example of its answer. Each endpoint implements
//! [`Documented`] in its own file, and `tests/openapi/` assembles the document.
//!
//! Compiled with the feature `openapi` only, which the native tests turn on. The Worker does not
//! contain it.

mod fields;
mod sample;
mod values;

use http::HeaderMap;
use serde_json::Value;
use utoipa::ToSchema;

use super::body::{Body, BodyKind};
use super::cookies::CookieStyle;
use super::endpoint::Endpoint;
use super::problem::Refusal;
use super::reply::Answer;
use super::request::{Head, Received};
use super::transport::Transport;
use crate::service::Service;
pub use fields::Field;
pub use sample::Sample;

/// What the document contains of an endpoint beyond the facts of its route.
pub trait Documented: Endpoint {
    /// One sentence.
    const SUMMARY: &'static str;

    /// Whether unknown fields of the body are ignored. Otherwise they are refused.
    const IGNORES_UNKNOWN_FIELDS: bool = false;

    /// Returns the named segments of the path.
    #[must_use]
    fn path() -> Vec<Field> {
        Vec::new()
    }

    /// Returns the parameters of the query.
    #[must_use]
    fn query() -> Vec<Field> {
        Vec::new()
    }

    /// Returns the fields of the body.
    #[must_use]
    fn body() -> Vec<Field> {
        Vec::new()
    }

    /// Returns the form of the answer's body.
    #[must_use]
    fn returns() -> Returned {
        Returned::nothing()
    }

    /// Returns an example of the answer. Its status, its headers and its cookies become those of
    /// the document.
    ///
    /// # Errors
    ///
    /// Returns the refusal of a reply that cannot be made.
    fn example(sample: &Sample) -> Answer;

    /// Returns an answer without the headers or cookies that [`example`](Self::example) has and
    /// others lack.
    #[must_use]
    fn shortest_example(_: &Sample) -> Option<Answer> {
        None
    }
}

/// The form of an answer's body, with the schemas that it refers to.
#[derive(Clone, Debug)]
pub struct Returned {
    /// The schema. `None` for an answer without a body.
    pub schema: Option<Value>,
    /// The schemas that it refers to, each with its name.
    pub components: Vec<(String, Value)>,
}

impl Returned {
    /// Describes an answer without a body.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            schema: None,
            components: Vec::new(),
        }
    }

    /// Describes a text, such as a page.
    #[must_use]
    pub fn text() -> Self {
        Self {
            schema: Some(serde_json::json!({"type": "string"})),
            components: Vec::new(),
        }
    }

    /// Describes a body of this type.
    #[must_use]
    pub fn one<T: ToSchema>() -> Self {
        let mut all = Vec::new();
        T::schemas(&mut all);
        all.push((T::name().into_owned(), T::schema()));
        Self {
            schema: Some(reference(&T::name())),
            components: all
                .into_iter()
                .map(|(name, schema)| (name, closed(to_value(&schema))))
                .collect(),
        }
    }

    /// Describes a body that lacks this member where it is `None`, instead of a null.
    #[must_use]
    pub fn may_lack(mut self, member: &str) -> Self {
        let bodies = self.components.iter_mut().map(|(_, schema)| schema);
        for schema in bodies {
            let path = format!("/properties/{member}");
            let Some(value) = schema.pointer_mut(&path) else {
                continue;
            };
            let value_alone = value.pointer("/oneOf/0").cloned();
            *value = value_alone.unwrap_or_default();
            if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
                required.retain(|name| name != member);
            }
        }
        self
    }

    /// Describes a list of this type.
    #[must_use]
    pub fn list<T: ToSchema>() -> Self {
        let one = Self::one::<T>();
        Self {
            schema: one
                .schema
                .map(|items| serde_json::json!({"type": "array", "items": items})),
            ..one
        }
    }
}

/// The endpoint's part of the document, without its type.
pub struct Part {
    /// One sentence.
    pub summary: &'static str,
    /// Whether unknown fields of the body are ignored.
    pub ignores_unknown_fields: bool,
    /// The named segments of the path.
    pub path: Vec<Field>,
    /// The parameters of the query.
    pub query: Vec<Field>,
    /// The fields of the body.
    pub body: Vec<Field>,
    /// The form of the answer's body.
    pub returns: Returned,
    /// Makes the examples of the answer.
    pub examples: fn(&Sample) -> Vec<Answer>,
    /// Parses a request as the endpoint does, from its query and its JSON.
    pub parse: fn(&Service, Asked<'_>) -> Result<(), Refusal>,
}

/// The parts of a request that an endpoint parses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The query.
    pub query: Option<&'a str>,
    /// The body, as JSON.
    pub json: &'a str,
}

impl Part {
    /// Returns the part of an endpoint.
    #[must_use]
    pub fn of<E: Documented>() -> Self {
        Self {
            summary: E::SUMMARY,
            ignores_unknown_fields: E::IGNORES_UNKNOWN_FIELDS,
            path: E::path(),
            query: E::query(),
            body: E::body(),
            returns: E::returns(),
            examples: |sample| {
                let first = E::example(sample);
                core::iter::once(first)
                    .chain(E::shortest_example(sample))
                    .collect()
            },
            parse: parse::<E>,
        }
    }
}

fn parse<E: Endpoint>(service: &Service, asked: Asked<'_>) -> Result<(), Refusal> {
    let headers = HeaderMap::new();
    let head = Head {
        headers: &headers,
        segments: Vec::new(),
        query: asked.query,
        cookies: CookieStyle::of(Transport::Https, &service.config.cookies),
    };
    let body = match E::ROUTE.body {
        BodyKind::Nothing => Body::Nothing,
        BodyKind::Json | BodyKind::JsonOrForm => Body::Json(asked.json.as_bytes().to_vec()),
    };
    E::input(&Received { head, body }, &service.config).map(drop)
}

/// Returns a reference to a schema of the document.
#[must_use]
pub fn reference(name: &str) -> Value {
    serde_json::json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Returns a schema as JSON. Null for one that cannot be written, which no linter accepts.
#[must_use]
pub fn to_value(schema: &impl serde::Serialize) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

/// Returns the schema of an object that has all of its members, nulls included, and no others.
/// Other schemas stay as they are.
fn closed(mut schema: Value) -> Value {
    let members = schema.get("properties").and_then(Value::as_object);
    let Some(names) = members.map(|members| members.keys().cloned().collect::<Vec<_>>()) else {
        return schema;
    };
    if let Some(object) = schema.as_object_mut() {
        object.insert("required".to_owned(), names.into());
        object.insert("additionalProperties".to_owned(), false.into());
    }
    schema
}
