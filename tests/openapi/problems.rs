//! The schemas of refusals: one for each code, made of the form of all problem documents.

use std::collections::BTreeMap;

use http::StatusCode;
use latchkey::web::documented::reference;
use latchkey::web::problem::{self, Code};
use serde_json::{Value, json};

/// Returns the schemas, each with its name.
pub(crate) fn schemas() -> BTreeMap<String, Value> {
    let mut schemas: BTreeMap<String, Value> = problem::returned().components.into_iter().collect();
    let any = schemas.remove("Problem").unwrap();
    for code in Code::ALL {
        schemas.insert(name(*code), schema(&any, *code));
    }
    let all = Code::ALL.iter().map(|code| name(*code)).collect::<Vec<_>>();
    schemas.insert("Problem".to_owned(), one_of(&all, Code::ALL));
    schemas
}

/// Returns the schema of a refusal with one of these codes.
pub(crate) fn any_of(codes: &[Code]) -> Value {
    let names: Vec<String> = codes.iter().map(|code| name(*code)).collect();
    match names.as_slice() {
        [name] => reference(name),
        names => one_of(names, codes),
    }
}

fn one_of(names: &[String], codes: &[Code]) -> Value {
    let mapping: BTreeMap<&str, String> = codes
        .iter()
        .zip(names)
        .map(|(code, name)| (code.as_str(), format!("#/components/schemas/{name}")))
        .collect();
    json!({
        "oneOf": names.iter().map(|name| reference(name)).collect::<Vec<_>>(),
        "discriminator": {"propertyName": "code", "mapping": mapping},
    })
}

/// Returns the schema's name: that of `invalid_token` is `InvalidTokenProblem`.
pub(crate) fn name(code: Code) -> String {
    let words = code.as_str().split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect::<String>() + "Problem"
}

/// The form of all, with what the code decides.
fn schema(any: &Value, code: Code) -> Value {
    let mut schema = any.clone();
    let members = schema["properties"].as_object_mut().unwrap();
    members.insert(
        "code".to_owned(),
        json!({"type": "string", "const": code.as_str()}),
    );
    let status = json!({"type": "integer", "const": code.status().as_u16()});
    members.insert("status".to_owned(), status);
    members.insert(
        "type".to_owned(),
        json!({"type": "string", "format": "uri"}),
    );
    let mut required: Vec<String> = members.keys().cloned().collect();
    // The document's optional members.
    required.retain(|name| name != "error" && name != "errors");
    if code == Code::ValidationFailed {
        required.push("errors".to_owned());
        let errors = json!({"type": "array", "items": reference("FieldError"), "minItems": 1});
        members.insert("errors".to_owned(), errors);
    } else {
        members.remove("errors");
    }
    if code.status() == StatusCode::UNAUTHORIZED {
        members.insert(
            "error".to_owned(),
            json!({
                "type": "string",
                "const": "invalid_grant",
                "description": "For OAuth clients: from login and refresh only.",
            }),
        );
    } else {
        members.remove("error");
    }
    schema["required"] = required.into();
    schema["description"] = format!("The refusal `{}`.", code.as_str()).into();
    schema
}
