//! What endpoints answer: by status, with headers, bodies and an example of each code.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, Response};
use latchkey::api::Endpoint;
use latchkey::domain::time::Seconds;
use latchkey::service::ServiceError;
use latchkey::service::policy::Proof;
use latchkey::web::body::{BodyKind, admit};
use latchkey::web::cookies::CookieStyle;
use latchkey::web::documented::{Asked, Part, Sample};
use latchkey::web::problem::{Code, ProblemContext, Refusal, to_response};
use latchkey::web::transport::Transport;
use serde_json::{Map, Value, json};

use super::{headers, problems};

/// The endpoint whose answers are documented.
#[derive(Clone, Copy)]
pub(crate) struct Documented<'a> {
    pub(crate) endpoint: Endpoint,
    pub(crate) part: &'a Part,
    pub(crate) sample: &'a Sample,
}

/// Returns the responses of an operation, by status. Refusals that operations share go into
/// `shared`.
pub(crate) fn responses(documented: Documented<'_>, shared: &mut Map<String, Value>) -> Value {
    let Documented { endpoint, .. } = documented;
    let mut responses = successes(documented);
    let mut refusals: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in endpoint.route().problems(endpoint.policy()) {
        refusals
            .entry(code.status().as_u16())
            .or_default()
            .push(code);
    }
    for (status, codes) in refusals {
        let response = share(&codes, refused(documented, &codes), shared);
        let before = responses.insert(status.to_string(), response);
        assert!(before.is_none(), "a refusal with the status of the success");
    }
    json!(responses)
}

/// Refers to the response of the same codes, unless this one differs.
fn share(codes: &[Code], response: Value, shared: &mut Map<String, Value>) -> Value {
    let names = codes.iter().map(|code| problems::name(*code));
    let name = names.collect::<String>().replace("Problem", "");
    if shared.entry(&name).or_insert_with(|| response.clone()) != &response {
        return response;
    }
    json!({"$ref": format!("#/components/responses/{name}")})
}

/// The answers of a request that is not refused, by status.
fn successes(
    Documented {
        endpoint,
        part,
        sample,
    }: Documented<'_>,
) -> BTreeMap<String, Value> {
    let mut by_status: BTreeMap<u16, Vec<Response<Vec<u8>>>> = BTreeMap::new();
    for answer in (part.examples)(sample) {
        let answer = answer.unwrap().into_response(style(sample), sample.now);
        let status = answer.status().as_u16();
        by_status.entry(status).or_default().push(answer);
    }
    assert!(!by_status.is_empty(), "{}", endpoint.route().operation);
    let all = by_status.into_values().map(|answers| {
        let first = &answers[0];
        let mut response = json!({
            "description": headers::reason(first.status()),
            "headers": headers::of(&answers, endpoint.route().has_cors),
        });
        if !first.body().is_empty() {
            let Some(schema) = &part.returns.schema else {
                panic!("{}: the body has no form", endpoint.route().operation);
            };
            let media_type = first.headers()["content-type"].to_str().unwrap();
            let media_type = media_type.split(';').next().unwrap();
            let text = || Value::from(str::from_utf8(first.body()).unwrap());
            let example = serde_json::from_slice(first.body()).unwrap_or_else(|_| text());
            response["content"] = json!({media_type: {"schema": schema, "example": example}});
        }
        (first.status().as_str().to_owned(), response)
    });
    all.collect()
}

/// The answer of a request that is refused with one of these codes, which have one status.
fn refused(documented: Documented<'_>, codes: &[Code]) -> Value {
    let mut answers = Vec::new();
    let mut examples = Map::new();
    let mut details = Vec::new();
    for code in codes {
        for refusal in refusals(documented, *code) {
            assert_eq!(refusal.code, *code);
            let answer = written(documented, &refusal);
            let body: Value = serde_json::from_slice(answer.body()).unwrap();
            details.push(format!(
                "`{}`: {}.",
                code.as_str(),
                body["title"].as_str().unwrap()
            ));
            examples.insert(code.as_str().to_owned(), json!({"value": body}));
            answers.push(answer);
        }
    }
    details.dedup();
    json!({
        "description": details.join(" "),
        "headers": headers::of(&answers, documented.endpoint.route().has_cors),
        "content": {"application/problem+json": {"schema": problems::any_of(codes), "examples": examples}},
    })
}

/// The refusals with this code, with the headers that each has.
fn refusals(
    Documented {
        endpoint,
        part,
        sample,
    }: Documented<'_>,
    code: Code,
) -> Vec<Refusal> {
    let cause = String::new;
    match code {
        Code::TooManyRequests => vec![ServiceError::Throttled(Seconds::new(60)).into()],
        Code::Unavailable => vec![ServiceError::Unavailable(cause()).into()],
        Code::Misconfigured => vec![ServiceError::Misconfigured(cause()).into()],
        Code::InvalidToken if endpoint.policy().proof == Proof::Either => {
            vec![
                ServiceError::InvalidToken.into(),
                ServiceError::UnusableCookies.into(),
            ]
        }
        Code::UnsupportedMediaType => vec![Refusal::new(code), coded(endpoint)],
        Code::ValidationFailed => vec![invalid(part, sample)],
        other => vec![Refusal::new(other)],
    }
}

/// The refusal of a compressed body.
fn coded(endpoint: Endpoint) -> Refusal {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    assert_ne!(endpoint.route().body, BodyKind::Nothing);
    admit(&headers, (), endpoint.route().body).err().unwrap()
}

/// The refusal of a request with a fault.
fn invalid(part: &Part, sample: &Sample) -> Refusal {
    let asked = Asked {
        query: Some("unknown=1"),
        json: "{}",
    };
    (part.parse)(&sample.service, asked).err().unwrap()
}

fn written(
    Documented {
        endpoint, sample, ..
    }: Documented<'_>,
    refusal: &Refusal,
) -> Response<Vec<u8>> {
    let context = ProblemContext {
        issuer: Some(&sample.service.config.issuance.issuer),
        request_id: headers::REQUEST_ID,
        is_token_endpoint: endpoint.route().is_token_endpoint,
    };
    let mut response = to_response(refusal, context);
    if refusal.delete_cookies {
        style(sample).delete(response.headers_mut());
    }
    response
}

fn style(sample: &Sample) -> CookieStyle<'_> {
    CookieStyle::of(Transport::Https, &sample.service.config.cookies)
}
