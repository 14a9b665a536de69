//! Bodies: what their head says of them, and a bound on their size that counts while they are
//! read.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue};

use super::fields::{Fields, Wanted};
use super::media_type::MediaType;
use super::problem::{Code, Refusal};

/// The largest body that is read (contract, section 5).
pub const MAX_BODY_BYTES: usize = 8_192;

/// Which bodies an endpoint reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// None: what comes all the same is not touched.
    Nothing,
    /// `application/json`
    Json,
    /// `application/json`, `application/x-www-form-urlencoded` or `multipart/form-data`
    JsonOrForm,
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It has more bytes than the limit; the rest was not read.
    TooLarge,
    /// It did not come to its end in time.
    TooSlow,
    /// The client broke off.
    Broken,
}

/// A body that has not been read yet.
pub trait RequestBody {
    /// Reads all of it, and stops as soon as it has more than `limit` bytes. However many pieces
    /// it comes in, it costs a bounded number of reads.
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

/// A body that is not refused by what its head says, and has not been read.
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

/// A body within the bound, of a media type that the endpoint reads. It may hold a password:
/// it has no `Debug`.
pub enum Body {
    /// The endpoint reads none.
    Nothing,
    /// `application/json`
    Json(Vec<u8>),
    /// `application/x-www-form-urlencoded`
    Form(Vec<u8>),
    /// `multipart/form-data`
    Multipart {
        /// What separates the parts.
        boundary: String,
        /// The parts.
        bytes: Vec<u8>,
    },
}

/// Judges media type, coding and announced size. What an endpoint that reads no body is sent all
/// the same is nobody's business: proxies repeat the headers of another request.
///
/// # Errors
///
/// 415 or 413.
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
    /// Reads the body, if the endpoint reads one. Nothing of a larger one is kept.
    ///
    /// # Errors
    ///
    /// 413, 408, or 400 when the client broke off.
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
    /// Reads the fields.
    ///
    /// # Errors
    ///
    /// 400 when it cannot be read, is not UTF-8, has a field twice, or has too many.
    pub fn fields(&self) -> Result<Fields, Refusal> {
        self.wanted(Wanted::All)
    }

    /// Reads the fields with these names, and ignores others.
    ///
    /// # Errors
    ///
    /// 400 when it cannot be read, is not UTF-8, or has one of these fields twice.
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

/// `Content-Length`. A number that no machine can hold is a large one.
fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(CONTENT_LENGTH)?.to_str().ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Whether the body is compressed, or otherwise not what its media type says.
fn is_coded(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// 415, and by `Accept-Encoding` that the coding is the reason (RFC 9110, section 12.5.3).
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
