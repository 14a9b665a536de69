//! The fields of a JSON object, a form or a query: each once, a text or nothing.

use core::fmt;

use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::multipart::{self, Part};
use super::problem::{Code, Refusal};
use super::value::Value;

/// The most fields that are kept. No endpoint knows more than six, and each is compared with
/// all before it: 8 KiB have room for thousands.
pub const MAX_FIELDS: usize = 32;

/// Which fields are kept.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// All of them: what is not known is an error later on.
    All,
    /// Those with these names. Others are read over, even if they come twice (RFC 6749, section
    /// 3.2: unrecognized parameters are ignored).
    Only(&'a [&'a str]),
}

impl Wanted<'_> {
    fn includes(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(&name),
        }
    }
}

/// The fields of a body, each once.
#[derive(Clone, Default)]
pub struct Fields(Vec<(String, Value)>);

impl Fields {
    /// Reads a URL's query, which has the same form.
    ///
    /// # Errors
    ///
    /// 400 when it is not UTF-8, has a parameter twice, or has more than [`MAX_FIELDS`].
    pub fn from_query(query: Option<&str>) -> Result<Self, Refusal> {
        Self::from_form(query.unwrap_or_default().as_bytes(), Wanted::All)
            .ok_or_else(|| Refusal::new(Code::MalformedRequest))
    }

    /// Reads a JSON object.
    pub(crate) fn from_json(bytes: &[u8], wanted: Wanted<'_>) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let visitor = FieldsVisitor { wanted };
        let fields = reader.deserialize_map(visitor).ok()?;
        reader.end().ok()?;
        Some(fields)
    }

    /// Reads `application/x-www-form-urlencoded` (URL standard, section 5.1), but refuses
    /// what the standard would replace or merge: invalid UTF-8 and repeated names.
    ///
    /// A parameter without a value counts as left out (RFC 6749, section 3.2).
    pub(crate) fn from_form(bytes: &[u8], wanted: Wanted<'_>) -> Option<Self> {
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
            if wanted.includes(&name) {
                fields.insert(name, value)?;
            }
        }
        Some(fields)
    }

    /// Reads `multipart/form-data`, by the rules of [`Fields::from_form`].
    pub(crate) fn from_multipart(bytes: &[u8], boundary: &str, wanted: Wanted<'_>) -> Option<Self> {
        let mut fields = Self::default();
        for part in multipart::parts(bytes, boundary) {
            let Part { name, value } = part?;
            if wanted.includes(&name) {
                fields.insert(name, value)?;
            }
        }
        Some(fields)
    }

    /// `None` when the name is there already, or when there are too many.
    fn insert(&mut self, name: String, value: Value) -> Option<()> {
        let is_full = self.0.len() >= MAX_FIELDS;
        if is_full || self.get(&name).is_some() {
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

struct FieldsVisitor<'a> {
    wanted: Wanted<'a>,
}

impl<'de> Visitor<'de> for FieldsVisitor<'_> {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value::<Value>()?;
            // serde_json's own map would keep the last of two.
            if self.wanted.includes(&name) {
                fields
                    .insert(name, value)
                    .ok_or_else(|| A::Error::custom("a field appears twice, or one too many"))?;
            }
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

#[cfg(test)]
mod tests {
    use super::{Fields, MAX_FIELDS, Value};
    use crate::web::body::Body;

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

    #[test]
    fn more_fields_than_anybody_needs_are_refused_at_the_first_one_too_many() {
        let names = |count: usize| (0..count).map(|i| format!("f{i}")).collect::<Vec<_>>();
        for (count, is_read) in [(MAX_FIELDS, true), (MAX_FIELDS + 1, false), (2_000, false)] {
            let names = names(count);
            let objects: Vec<String> = names.iter().map(|name| format!("\"{name}\":1")).collect();
            assert_eq!(
                json(&format!("{{{}}}", objects.join(","))).is_some(),
                is_read
            );
            assert_eq!(form(names.join("&").as_bytes()).is_some(), is_read);
            let query = names.join("&");
            assert_eq!(Fields::from_query(Some(&query)).is_ok(), is_read);
        }
    }

    #[test]
    fn what_is_not_wanted_is_read_over_however_often_it_comes() {
        let known = ["a", "b"];
        let many = "&x=1".repeat(2_000);
        let fields = Body::Form(format!("a=1&remember=0&remember=1{many}&b=2").into_bytes())
            .fields_among(&known)
            .unwrap();
        assert_eq!(text(&fields, "a").as_deref(), Some("1"));
        assert_eq!(text(&fields, "b").as_deref(), Some("2"));
        assert!(!fields.has_others_than(&known));
        let read = |text: &str| Body::Json(text.as_bytes().to_vec()).fields_among(&known);
        let fields = read(r#"{"x":[{}],"a":"1","x":{"a":"2"},"remember":true}"#).unwrap();
        assert_eq!(text(&fields, "a").as_deref(), Some("1"));
        assert!(fields.get("x").is_none());
        // It must be readable all the same, and what is wanted comes once.
        for body in [r#"{"a":"1","a":"2"}"#, r#"{"x":"1""#, r#"{"x":NaN}"#] {
            assert!(read(body).is_err(), "{body}");
        }
        for body in [&b"a=1&a=2"[..], b"a=1&%61=1", b"x=%ff", b"%ff=x&a=1"] {
            assert!(Body::Form(body.to_vec()).fields_among(&known).is_err());
        }
    }
}
