//! What a field holds.

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
