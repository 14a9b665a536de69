//! The headers of answers: those that the service's own code adds, under every setting.

use std::collections::{BTreeMap, BTreeSet};

use http::{Response, StatusCode, Uri};
use latchkey::service::config::Hsts;
use latchkey::web::headers::{self, HeaderContext};
use latchkey::web::problem::{Code, ProblemContext, Refusal, to_response};
use serde_json::{Map, Value, json};

/// The id of the request that the examples answer.
pub(crate) const REQUEST_ID: &str = "d9f54d08-5fed-4a92-980a-1b9c5319fb83";
/// Headers that the media type and the length of the body imply.
const IMPLIED: [&str; 2] = ["content-length", "content-type"];

/// Returns the headers that most answers have, by name.
pub(crate) fn components() -> Map<String, Value> {
    let context = ProblemContext {
        issuer: None,
        request_id: REQUEST_ID,
        is_token_endpoint: false,
    };
    let refusal = to_response(&Refusal::new(Code::NotFound), context);
    described(&[refusal], true)
}

/// Returns the headers of answers with the same status. Each is required if all answers have it,
/// whatever the settings.
pub(crate) fn of(answers: &[Response<Vec<u8>>], has_cors: bool) -> Map<String, Value> {
    let common = components();
    let refer = |(name, header): (String, Value)| {
        let reference = json!({"$ref": format!("#/components/headers/{name}")});
        let is_common = common.get(&name) == Some(&header);
        (name, if is_common { reference } else { header })
    };
    described(answers, has_cors)
        .into_iter()
        .map(refer)
        .collect()
}

fn described(answers: &[Response<Vec<u8>>], has_cors: bool) -> Map<String, Value> {
    let mut seen: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
    let mut variants = 0;
    for answer in answers {
        for context in contexts(has_cors) {
            variants += 1;
            let mut headers = answer.headers().clone();
            headers::add(&mut headers, context);
            for name in headers
                .keys()
                .filter(|name| !IMPLIED.contains(&name.as_str()))
            {
                let (times, values) = seen.entry(name.to_string()).or_default();
                *times += 1;
                let lines = headers.get_all(name);
                values.extend(lines.iter().map(|line| line.to_str().unwrap().to_owned()));
            }
        }
    }
    seen.into_iter()
        .map(|(name, (times, values))| (spelled(&name), header(&name, times == variants, &values)))
        .collect()
}

/// The settings and requests that decide which headers there are.
fn contexts(has_cors: bool) -> Vec<HeaderContext<'static>> {
    let local: &'static Uri = Box::leak(Box::new(Uri::from_static("http://localhost:8787/")));
    let public: &'static Uri = Box::leak(Box::new(Uri::from_static("https://auth.example.org/")));
    let plain = HeaderContext {
        uri: local,
        hsts: Hsts::Host,
        allowed_origin: None,
        varies_by_origin: false,
        request_id: REQUEST_ID,
    };
    vec![
        plain,
        HeaderContext {
            uri: public,
            ..plain
        },
        HeaderContext {
            uri: public,
            hsts: Hsts::Subdomains,
            allowed_origin: has_cors.then_some("https://app.example.com"),
            varies_by_origin: true,
            ..plain
        },
    ]
}

fn header(name: &str, is_required: bool, values: &BTreeSet<String>) -> Value {
    let text = json!({"type": "string"});
    let uuid = json!({"type": "string", "format": "uuid"});
    let (schema, description) = match name {
        "retry-after" => (
            json!({"type": "integer", "minimum": 1}),
            "Seconds until the request may be repeated.",
        ),
        "set-cookie" => (
            text,
            "One line for each cookie. An empty value with `Max-Age=0` deletes it.",
        ),
        "x-request-id" => (uuid, "The id of the request, which its log lines contain."),
        "x-user-id" => (uuid, "The caller's id."),
        "x-user-role" => (text, "The slug of the caller's role."),
        "x-session-id" => (text, "The id of the caller's session."),
        "x-auth-identity" => (text, "A token for the upstream that `aud` names."),
        "access-control-allow-origin" if !values.contains("*") => (
            text,
            "The request's origin, if `ALLOWED_ORIGINS` contains it.",
        ),
        _ => (
            json!({"type": "string", "enum": values}),
            "The same in every answer, or one for each setting.",
        ),
    };
    let example = shortened(values.last().unwrap());
    let number = example.parse::<u32>().map(Value::from);
    json!({
        "required": is_required,
        "schema": schema,
        "description": description,
        "example": number.unwrap_or_else(|_| example.into()),
    })
}

/// A token takes lines, and scanners for secrets would report it.
fn shortened(value: &str) -> String {
    match value.find("eyJ") {
        Some(at) => {
            let end = value[at..]
                .find(';')
                .map_or(value.len(), |length| at + length);
            format!("{}eyJ…{}", &value[..at], &value[end..])
        }
        None => value.to_owned(),
    }
}

/// `x-request-id` is `X-Request-Id`.
fn spelled(name: &str) -> String {
    let words: Vec<String> = name
        .split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect();
    words.join("-").replace("Www", "WWW")
}

/// Returns what the status says, for a description.
pub(crate) fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap()
}
