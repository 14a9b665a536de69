//! Bodies: read within a bound, and turned into fields.

use core::fmt;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::endpoint::BodyKind;
use super::problem::{Code, Refusal};

/// The largest body that is read (contract, section 5).
pub const MAX_BODY_BYTES: usize = 8_192;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It has more bytes than the limit; the rest was not read.
    TooLarge,
    /// The client broke off, or was too slow.
    Broken,
}

/// A body that has not been read yet.
pub trait RequestBody {
    /// Reads all of it, and stops as soon as it has more than `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    fn read(self, limit: usize) -> impl Future<Output = Result<Vec<u8>, ReadError>>;
}

impl RequestBody for Vec<u8> {
    async fn read(self, limit: usize) -> Result<Vec<u8>, ReadError> {
        if self.len() > limit {
            return Err(ReadError::TooLarge);
        }
        Ok(self)
    }
}

/// A body within the bound, of a media type that the endpoint reads. It may hold a password:
/// it has no `Debug`.
pub enum Body {
    /// The endpoint reads none.
    Nothing,
    /// `application/json`
    Json(Vec<u8>),
    /// `application/x-www-form-urlencoded`
    Form(Vec<u8>),
}

/// A field's value.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON's null.
    Null,
    /// A text.
    Text(String),
    /// A number, a boolean, an array or an object: no field of ours is one.
    Other,
}

/// The fields of a body, each once.
#[derive(Clone, Default)]
pub struct Fields(Vec<(String, Value)>);

/// Checks media type and size, and reads. Nothing of a larger body is kept.
///
/// # Errors
///
/// 415, 413, or 400 when the client broke off.
pub async fn receive(
    headers: &HeaderMap,
    body: impl RequestBody,
    kind: BodyKind,
) -> Result<Body, Refusal> {
    let make: fn(Vec<u8>) -> Body = match (kind, media_type(headers)) {
        (BodyKind::Nothing, _) => |_| Body::Nothing,
        (BodyKind::Json | BodyKind::JsonOrForm, MediaType::Json) => Body::Json,
        (BodyKind::JsonOrForm, MediaType::Form) => Body::Form,
        (BodyKind::Json, MediaType::Form | MediaType::Other)
        | (BodyKind::JsonOrForm, MediaType::Other) => {
            return Err(Refusal::new(Code::UnsupportedMediaType));
        }
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(Refusal::new(Code::BodyTooLarge));
    }
    match body.read(MAX_BODY_BYTES).await {
        Ok(bytes) => Ok(make(bytes)),
        Err(ReadError::TooLarge) => Err(Refusal::new(Code::BodyTooLarge)),
        Err(ReadError::Broken) => Err(Refusal::new(Code::MalformedRequest)),
    }
}

impl Body {
    /// Reads the fields.
    ///
    /// # Errors
    ///
    /// 400 when it cannot be read, is not UTF-8, or has a field twice.
    pub fn fields(&self) -> Result<Fields, Refusal> {
        let fields = match self {
            Self::Nothing => Some(Fields::default()),
            Self::Json(bytes) => serde_json::from_slice(bytes).ok(),
            Self::Form(bytes) => Fields::from_form(bytes),
        };
        fields.ok_or_else(|| Refusal::new(Code::MalformedRequest))
    }
}

impl Fields {
    /// Reads a URL's query, which has the same form.
    ///
    /// # Errors
    ///
    /// 400 when it is not UTF-8 or has a parameter twice.
    pub fn from_query(query: Option<&str>) -> Result<Self, Refusal> {
        Self::from_form(query.unwrap_or_default().as_bytes())
            .ok_or_else(|| Refusal::new(Code::MalformedRequest))
    }

    /// Reads `application/x-www-form-urlencoded` (URL standard, section 5.1), but refuses
    /// what the standard would replace or merge: invalid UTF-8 and repeated names.
    ///
    /// A parameter without a value counts as left out (RFC 6749, section 3.2).
    fn from_form(bytes: &[u8]) -> Option<Self> {
        let mut fields = Self::default();
        for pair in bytes
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode_form_part(halves.next()?)?;
            let value = decode_form_part(halves.next().unwrap_or_default())?;
            let value = if value.is_empty() {
                Value::Null
            } else {
                Value::Text(value)
            };
            fields.insert(name, value)?;
        }
        Some(fields)
    }

    /// `None` when the name is there already.
    fn insert(&mut self, name: String, value: Value) -> Option<()> {
        if self.0.iter().any(|(other, _)| *other == name) {
            return None;
        }
        self.0.push((name, value));
        Some(())
    }

    /// The value of a field, if it is there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value)
    }

    /// Whether there is a field that is not among `known`.
    #[must_use]
    pub fn has_others_than(&self, known: &[&str]) -> bool {
        self.0
            .iter()
            .any(|(name, _)| !known.contains(&name.as_str()))
    }
}

fn decode_form_part(part: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = part
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value::<Value>()?;
            // serde_json's own map would keep the last of two.
            fields
                .insert(name, value)
                .ok_or_else(|| A::Error::custom("a field stands there twice"))?;
        }
        Ok(fields)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}

enum MediaType {
    Json,
    Form,
    Other,
}

/// The media type, if its `charset` is absent or UTF-8.
fn media_type(headers: &HeaderMap) -> MediaType {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return MediaType::Other;
    };
    let Ok(text) = value.to_str() else {
        return MediaType::Other;
    };
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_utf8 = parts
        .filter(|part| !part.is_empty())
        .all(|part| match part.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
                value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => false,
        });
    if is_utf8 && essence.eq_ignore_ascii_case("application/json") {
        MediaType::Json
    } else if is_utf8 && essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        MediaType::Form
    } else {
        MediaType::Other
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Fields, Value};

    fn json(text: &str) -> Option<Fields> {
        Body::Json(text.as_bytes().to_vec()).fields().ok()
    }

    fn form(bytes: &[u8]) -> Option<Fields> {
        Body::Form(bytes.to_vec()).fields().ok()
    }

    fn text(fields: &Fields, name: &str) -> Option<String> {
        match fields.get(name) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    #[test]
    fn json_objects_become_fields() {
        let fields =
            json(r#" {"a":"x","b":null,"c":1,"d":[{}],"e":{"a":[]},"\u0066":true} "#).unwrap();
        assert_eq!(text(&fields, "a").as_deref(), Some("x"));
        assert!(matches!(fields.get("b"), Some(Value::Null)));
        for name in ["c", "d", "e", "f"] {
            assert!(matches!(fields.get(name), Some(Value::Other)), "{name}");
        }
        assert!(fields.get("g").is_none());
        assert!(fields.has_others_than(&["a", "b"]));
        // Depth costs nothing: what is no text is skipped, not built.
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(4_000), "]".repeat(4_000));
        assert!(matches!(json(&deep).unwrap().get("a"), Some(Value::Other)));
    }

    #[test]
    fn unreadable_and_ambiguous_json_is_refused() {
        let deep = "[".repeat(1_000);
        for body in [
            "",
            "null",
            "[]",
            "\"a\"",
            "{",
            "{}{}",
            "{} x",
            r#"{"a":"x","a":"x"}"#,
            r#"{"a":"x","\u0061":"y"}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":NaN}"#,
            r#"{"a":1e999}"#,
            "{'a':'x'}",
            "\u{feff}{}",
            &format!(r#"{{"a":{deep}"#),
        ] {
            assert!(json(body).is_none(), "{body}");
        }
        assert!(Body::Json(b"{\"a\":\"\xff\"}".to_vec()).fields().is_err());
    }

    #[test]
    fn forms_become_fields_and_empty_values_count_as_left_out() {
        let fields = form(b"username=ada%40example.org&password=a+b%2Bc%26%3D&scope=&x").unwrap();
        assert_eq!(
            text(&fields, "username").as_deref(),
            Some("ada@example.org")
        );
        assert_eq!(text(&fields, "password").as_deref(), Some("a b+c&="));
        assert!(matches!(fields.get("scope"), Some(Value::Null)));
        assert!(matches!(fields.get("x"), Some(Value::Null)));
        assert!(form(b"").is_some());
        assert_eq!(
            text(&form(b"p=%zz%").unwrap(), "p").as_deref(),
            Some("%zz%")
        );
    }

    #[test]
    fn forms_with_invalid_utf8_or_repeated_names_are_refused() {
        for body in [
            &b"password=%ff%fe"[..],
            b"password=\xff",
            b"%ff=x",
            b"password=%ed%a0%80",
            b"a=1&a=1",
            b"a=1&%61=2",
            b"a=&a=2",
        ] {
            assert!(form(body).is_none(), "{body:?}");
        }
    }
}
