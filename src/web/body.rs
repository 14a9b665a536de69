//! Bodies: their media type, and a bound on their size that counts while they are read.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};

use super::endpoint::BodyKind;
use super::fields::Fields;
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
    // A stream that is known to be empty is not worth opening.
    if announced == Some(0) {
        return Ok(make(Vec::new()));
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
