//! The value of a field.

/// A field's value.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON's null.
    Null,
    /// A text.
    Text(String),
    /// A number, a boolean, an array or an object. No field of this service has such a value.
    Other,
}
