//! What requests contain: parameters and bodies.

use latchkey::web::body::BodyKind;
use latchkey::web::documented::{Field, Part};
use latchkey::web::route::Route;
use serde_json::{Map, Value, json};

/// Returns the parameters of the path and the query.
pub(crate) fn parameters(route: &Route, part: &Part) -> Vec<Value> {
    let mut documented: Vec<String> = Vec::new();
    let mut of = |place: &str, fields: &[Field]| -> Vec<Value> {
        documented.extend(fields.iter().map(|field| format!("{{{}}}", field.name)));
        fields.iter().map(|field| parameter(place, field)).collect()
    };
    let path = of("path", &part.path);
    let named: Vec<&str> = route
        .path
        .split('/')
        .filter(|it| it.starts_with('{'))
        .collect();
    assert_eq!(documented, named, "the segments of {}", route.operation);
    assert_eq!(
        route.has_query,
        !part.query.is_empty(),
        "the query of {}",
        route.operation
    );
    let query = part.query.iter().map(|field| parameter("query", field));
    path.into_iter().chain(query).collect()
}

fn parameter(place: &str, field: &Field) -> Value {
    let mut schema = field.schema.clone();
    let description = schema
        .as_object_mut()
        .and_then(|schema| schema.remove("description"));
    let mut parameter = json!({
        "name": field.name,
        "in": place,
        "required": field.is_required,
        "schema": schema,
        "example": field.example,
    });
    if let Some(description) = description {
        parameter["description"] = description;
    }
    if place == "query" && !field.is_required {
        // It counts as left out (docs/http.md, section 5).
        parameter["allowEmptyValue"] = true.into();
    }
    parameter
}

/// Returns the body, if the endpoint reads one.
pub(crate) fn body(route: &Route, part: &Part) -> Option<Value> {
    let media_types = media_types(route.body);
    assert_eq!(
        media_types.is_empty(),
        part.body.is_empty(),
        "the body of {}",
        route.operation
    );
    if media_types.is_empty() {
        return None;
    }
    let content: Map<String, Value> = media_types
        .iter()
        .map(|media_type| {
            let is_form = *media_type != "application/json";
            let content = json!({"schema": object(part, is_form), "example": example(&part.body)});
            ((*media_type).to_owned(), content)
        })
        .collect();
    Some(json!({"required": true, "content": content}))
}

/// Returns the media types of a kind of body.
pub(crate) fn media_types(kind: BodyKind) -> &'static [&'static str] {
    match kind {
        BodyKind::Nothing => &[],
        BodyKind::Json => &["application/json"],
        BodyKind::JsonOrForm => &[
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ],
    }
}

fn object(part: &Part, is_form: bool) -> Value {
    let properties: Map<String, Value> = part
        .body
        .iter()
        .map(|field| {
            let mut schema = field.schema.clone();
            // A member that may be left out may be null. A form has no null.
            if !field.is_required && !is_form && schema["type"].is_string() {
                schema["type"] = json!([schema["type"], "null"]);
                if let Some(texts) = schema.get_mut("enum").and_then(Value::as_array_mut) {
                    texts.push(Value::Null);
                }
            }
            (field.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = part
        .body
        .iter()
        .filter(|field| field.is_required)
        .map(|field| field.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": part.ignores_unknown_fields,
    })
}

/// Returns a body with every required field.
pub(crate) fn example(fields: &[Field]) -> Value {
    let required = fields.iter().filter(|field| field.is_required);
    required
        .map(|field| (field.name.to_owned(), field.example.clone()))
        .collect::<Map<String, Value>>()
        .into()
}
