//! The fields of a JSON object, a form or a query: each appears once, and is a text or null.

use core::fmt;

use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::multipart::{self, Part};
use super::problem::{Code, Refusal};
use super::value::Value;

/// The most fields that are kept. No endpoint has more than six. Each is compared with all fields
/// before it, and 8 KiB could contain thousands.
pub const MAX_FIELDS: usize = 32;

/// The fields that are kept.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// All of them. Unknown ones are reported later.
    All,
    /// Those with these names. Others are skipped, even if repeated (RFC 6749, section 3.2:
    /// unrecognized parameters are ignored).
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
    /// Parses a URL's query, which has the format of a form.
    ///
    /// # Errors
    ///
    /// Refuses with 400 when the query is not UTF-8, repeats a parameter, or has more than
    /// [`MAX_FIELDS`].
    pub fn from_query(query: Option<&str>) -> Result<Self, Refusal> {
        Self::from_form(query.unwrap_or_default().as_bytes(), Wanted::All)
            .ok_or_else(|| Refusal::new(Code::MalformedRequest))
    }

    /// Parses a JSON object. `None` when it is malformed, repeats a wanted field, or has too many.
    pub(crate) fn from_json(bytes: &[u8], wanted: Wanted<'_>) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let visitor = FieldsVisitor { wanted };
        let fields = reader.deserialize_map(visitor).ok()?;
        reader.end().ok()?;
        Some(fields)
    }

    /// Parses `application/x-www-form-urlencoded` (URL standard, section 5.1). `None` for what the
    /// standard would replace or merge: invalid UTF-8 and repeated names.
    ///
    /// A parameter without a value is treated as omitted (RFC 6749, section 3.2).
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

    /// Parses `multipart/form-data`, by the rules of [`Fields::from_form`].
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

    /// Adds a field. `None` when the name is already present, or there are too many fields.
    fn insert(&mut self, name: String, value: Value) -> Option<()> {
        let is_full = self.0.len() >= MAX_FIELDS;
        if is_full || self.get(&name).is_some() {
            return None;
        }
        self.0.push((name, value));
        Some(())
    }

    /// Returns the value of a field, if present.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value)
    }

    /// Returns whether there is a field that is not in `known`.
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
mod tests;
