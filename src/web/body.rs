//! Request bodies: their media types, and a bound on their size that applies while they are read.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue};

use super::fields::{Fields, Wanted};
use super::media_type::MediaType;
use super::problem::{Code, Refusal};

/// The largest body that is read (docs/http.md, section 5).
pub const MAX_BODY_BYTES: usize = 8_192;

/// The bodies that an endpoint reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// None. A body that is sent anyway is not read.
    Nothing,
    /// `application/json`.
    Json,
    /// `application/json`, `application/x-www-form-urlencoded` or `multipart/form-data`.
    JsonOrForm,
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The body exceeds the limit; the rest was not read.
    TooLarge,
    /// The body did not end in time.
    TooSlow,
    /// The client closed the connection.
    Broken,
}

/// A body that has not been read yet.
pub trait RequestBody {
    /// Reads the whole body, and stops as soon as it exceeds `limit` bytes. The number of reads is
    /// bounded, however many chunks the body has.
    ///
    /// # Errors
    ///
    /// Returns [`ReadError`] when the body is too large, too slow or incomplete.
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

/// An unread body whose headers are acceptable.
pub struct Incoming<B> {
    body: B,
    format: Option<Format>,
    is_empty: bool,
}

enum Format {
    Json,
    Form,
    Multipart(String),
}

/// A body within the size limit, of a media type that the endpoint reads. It may contain a
/// password, so it has no `Debug`.
pub enum Body {
    /// The endpoint reads no body.
    Nothing,
    /// `application/json`.
    Json(Vec<u8>),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<u8>),
    /// `multipart/form-data`.
    Multipart {
        /// The boundary between the parts.
        boundary: String,
        /// The parts.
        bytes: Vec<u8>,
    },
}

/// Checks the media type, the coding and the announced size. If the endpoint reads no body, they
/// are ignored: proxies repeat the headers of another request.
///
/// # Errors
///
/// Refuses with 415 or 413.
pub fn admit<B>(headers: &HeaderMap, body: B, kind: BodyKind) -> Result<Incoming<B>, Refusal> {
    let format = match (kind, MediaType::of(headers)) {
        (BodyKind::Nothing, _) => None,
        (BodyKind::Json | BodyKind::JsonOrForm, MediaType::Json) => Some(Format::Json),
        (BodyKind::JsonOrForm, MediaType::Form) => Some(Format::Form),
        (BodyKind::JsonOrForm, MediaType::Multipart(boundary)) => Some(Format::Multipart(boundary)),
        (BodyKind::Json, MediaType::Form | MediaType::Multipart(_) | MediaType::Other)
        | (BodyKind::JsonOrForm, MediaType::Other) => {
            return Err(Refusal::new(Code::UnsupportedMediaType));
        }
    };
    let announced = announced_bytes(headers);
    if format.is_some() {
        if is_coded(headers) {
            return Err(refuse_coding());
        }
        if announced.is_some_and(|bytes| bytes > MAX_BODY_BYTES as u64) {
            return Err(Refusal::new(Code::BodyTooLarge));
        }
    }
    Ok(Incoming {
        body,
        format,
        is_empty: announced == Some(0),
    })
}

impl<B: RequestBody> Incoming<B> {
    /// Reads the body, if the endpoint reads one. Nothing of an oversized one is kept.
    ///
    /// # Errors
    ///
    /// Refuses with 413, 408, or 400 when the client closed the connection.
    pub async fn read(self) -> Result<Body, Refusal> {
        let Some(format) = self.format else {
            return Ok(Body::Nothing);
        };
        // A stream that is known to be empty is not worth opening.
        let bytes = if self.is_empty {
            Vec::new()
        } else {
            self.body.read(MAX_BODY_BYTES).await.map_err(refusal)?
        };
        Ok(match format {
            Format::Json => Body::Json(bytes),
            Format::Form => Body::Form(bytes),
            Format::Multipart(boundary) => Body::Multipart { boundary, bytes },
        })
    }
}

impl Body {
    /// Parses all fields.
    ///
    /// # Errors
    ///
    /// Refuses with 400 when the body is malformed or not UTF-8, repeats a field, or has too many.
    pub fn fields(&self) -> Result<Fields, Refusal> {
        self.wanted(Wanted::All)
    }

    /// Parses the fields with these names, and ignores others.
    ///
    /// # Errors
    ///
    /// Refuses with 400 when the body is malformed or not UTF-8, or repeats one of these fields.
    pub fn fields_among(&self, names: &[&str]) -> Result<Fields, Refusal> {
        self.wanted(Wanted::Only(names))
    }

    fn wanted(&self, wanted: Wanted<'_>) -> Result<Fields, Refusal> {
        let fields = match self {
            Self::Nothing => Some(Fields::default()),
            Self::Json(bytes) => Fields::from_json(bytes, wanted),
            Self::Form(bytes) => Fields::from_form(bytes, wanted),
            Self::Multipart { boundary, bytes } => Fields::from_multipart(bytes, boundary, wanted),
        };
        fields.ok_or_else(|| Refusal::new(Code::MalformedRequest))
    }
}

/// Returns `Content-Length`. A number beyond 64 bits becomes the largest one.
fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(CONTENT_LENGTH)?.to_str().ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Returns whether the body is compressed or otherwise encoded.
fn is_coded(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// Refuses with 415 and an `Accept-Encoding` that names the coding as the reason (RFC 9110, section
/// 12.5.3).
fn refuse_coding() -> Refusal {
    let accepted = (ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Refusal {
        headers: vec![accepted],
        ..Refusal::new(Code::UnsupportedMediaType)
    }
}

const fn refusal(error: ReadError) -> Refusal {
    Refusal::new(match error {
        ReadError::TooLarge => Code::BodyTooLarge,
        ReadError::TooSlow => Code::RequestTimeout,
        ReadError::Broken => Code::MalformedRequest,
    })
}
