//! Refusals on the wire: RFC 9457 problem documents from a fixed list (docs/http.md, section 4).
//!
//! A problem contains nothing of the request except the names of known fields, and nothing of the
//! cause, which is for the log.

use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::ports::StoreError;
use crate::service::ServiceError;
use crate::service::error::FieldFault;

/// The challenge that a 401 requires (RFC 9110, section 15.5.2). No scheme is registered for
/// cookies. Browsers ignore a scheme that they do not know, and do not ask for a password.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Cookie realm=\"account\"");
/// Seconds after which a client may retry a misconfigured service.
pub const MISCONFIGURED_RETRY_SECONDS: u32 = 60;

/// The parts of a problem that are the same at each occurrence.
#[derive(Clone, Copy, Debug)]
struct Facts {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: &'static str,
}

/// Defines the enum of codes and their facts: one entry for each.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident: $status:ident, $code:literal, $title:literal, $detail:literal;)+) => {
        /// The stable code of a refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every code, in the order of the documents.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            const fn facts(self) -> Facts {
                match self {
                    $(Self::$name => Facts {
                        status: StatusCode::$status,
                        code: $code,
                        title: $title,
                        detail: $detail,
                    },)+
                }
            }
        }
    };
}

codes! {
    /// 401: a refused login, whatever the cause.
    InvalidCredentials: UNAUTHORIZED, "invalid_credentials", "Invalid credentials",
        "The e-mail address or the password is wrong";
    /// 401: no auth cookie.
    NotAuthenticated: UNAUTHORIZED, "not_authenticated", "Not authenticated",
        "The request has no auth cookie";
    /// 401: a token that is not valid.
    InvalidToken: UNAUTHORIZED, "invalid_token", "Invalid token",
        "The session has ended or the token is not valid";
    /// 401: an authentic token that has expired.
    TokenExpired: UNAUTHORIZED, "token_expired", "Token expired",
        "The token has expired";
    /// 401: the current password is wrong.
    WrongCurrentPassword: UNAUTHORIZED, "wrong_current_password", "Wrong current password",
        "The current password is wrong";
    /// 403: a cross-site request.
    CrossOrigin: FORBIDDEN, "cross_origin", "Cross-origin request refused",
        "This request is not allowed from another site";
    /// 403: plain http.
    HttpsRequired: FORBIDDEN, "https_required", "HTTPS required",
        "This service requires https";
    /// 404: no such path.
    NotFound: NOT_FOUND, "not_found", "Not found",
        "There is no resource at this path";
    /// 405: the path exists with other methods.
    MethodNotAllowed: METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed",
        "This path does not support this method";
    /// 409: the address belongs to a user.
    EmailTaken: CONFLICT, "email_taken", "E-mail address taken",
        "A user with this email already exists";
    /// 410: a link or code that does not work.
    InvalidLink: GONE, "invalid_link", "Invalid link or code",
        "The link or code is not valid, has expired or has been used";
    /// 400: a body or header that is malformed or ambiguous.
    MalformedRequest: BAD_REQUEST, "malformed_request", "Malformed request",
        "The request is malformed or ambiguous";
    /// 408: the body did not end in time.
    RequestTimeout: REQUEST_TIMEOUT, "request_timeout", "Request timeout",
        "The body did not arrive in time";
    /// 413: more than 8 KiB.
    BodyTooLarge: PAYLOAD_TOO_LARGE, "body_too_large", "Body too large",
        "The body has more than 8192 bytes";
    /// 415: another media type.
    UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported media type",
        "This endpoint does not accept this media type";
    /// 422: a field breaks a rule.
    ValidationFailed: UNPROCESSABLE_ENTITY, "validation_failed", "Validation failed",
        "One or more fields are not valid";
    /// 429: too many attempts or requests.
    TooManyRequests: TOO_MANY_REQUESTS, "too_many_requests", "Too many requests",
        "Too many attempts or requests; try again later";
    /// 501: such mails are not sent.
    MailOff: NOT_IMPLEMENTED, "mail_off", "Mail is off",
        "This service does not send such mails";
    /// 503: the database does not answer, or too many hashes wait.
    Unavailable: SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable",
        "The service is temporarily unavailable; try again";
    /// 503: the settings are wrong.
    Misconfigured: SERVICE_UNAVAILABLE, "misconfigured", "Service misconfigured",
        "The service is misconfigured; its log contains the cause";
    /// 500: a fault of the service.
    Internal: INTERNAL_SERVER_ERROR, "internal", "Internal error",
        "An internal error occurred";
}

impl Code {
    /// Returns the HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.facts().status
    }

    /// Returns the code on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.facts().code
    }
}

/// A refusal, before it is written as a problem.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The code that the client receives.
    pub code: Code,
    /// The faults of fields, with [`Code::ValidationFailed`] only.
    pub errors: Vec<FieldFault>,
    /// Additional headers: `Allow`, `Retry-After`, `Accept-Encoding`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Replaces the code's own detail, where that is not specific enough.
    pub detail: Option<String>,
    /// The cause, for the log only.
    pub cause: Option<String>,
    /// Whether both auth cookies are deleted. Never with a 5xx.
    pub delete_cookies: bool,
}

impl Refusal {
    /// Creates a refusal with this code and nothing else.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            errors: Vec::new(),
            headers: Vec::new(),
            detail: None,
            cause: None,
            delete_cookies: false,
        }
    }

    /// Creates a 405 with the allowed methods.
    #[must_use]
    pub fn method_not_allowed(allowed: &str) -> Self {
        let mut refusal = Self::new(Code::MethodNotAllowed);
        refusal.headers.extend(
            HeaderValue::from_str(allowed)
                .ok()
                .map(|value| (ALLOW, value)),
        );
        refusal
    }

    /// Creates a 429 or 503 that may be retried after some seconds.
    #[must_use]
    pub fn retry_after(code: Code, seconds: u32, cause: Option<String>) -> Self {
        Self {
            headers: vec![(RETRY_AFTER, HeaderValue::from(seconds))],
            cause,
            ..Self::new(code)
        }
    }
}

// Not inlined: every `?` of every endpoint converts an error.
impl From<ServiceError> for Refusal {
    #[inline(never)]
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::InvalidCredentials => Self::new(Code::InvalidCredentials),
            ServiceError::NotAuthenticated => Self::new(Code::NotAuthenticated),
            ServiceError::InvalidToken => Self::new(Code::InvalidToken),
            ServiceError::UnusableCookies => Self {
                delete_cookies: true,
                ..Self::new(Code::InvalidToken)
            },
            ServiceError::Ambiguous => Self::new(Code::MalformedRequest),
            ServiceError::TokenExpired => Self::new(Code::TokenExpired),
            ServiceError::WrongCurrentPassword => Self::new(Code::WrongCurrentPassword),
            ServiceError::EmailTaken => Self::new(Code::EmailTaken),
            ServiceError::Invalid(errors) => Self {
                errors,
                ..Self::new(Code::ValidationFailed)
            },
            ServiceError::Throttled(pause) => {
                Self::retry_after(Code::TooManyRequests, pause.get().max(1), None)
            }
            ServiceError::InvalidLink => Self::new(Code::InvalidLink),
            ServiceError::MailOff => Self::new(Code::MailOff),
            ServiceError::NotFound => Self::new(Code::NotFound),
            ServiceError::Busy => Self::retry_after(
                Code::Unavailable,
                1,
                Some("too many password hashes wait".to_owned()),
            ),
            ServiceError::Misconfigured(cause) => Self::retry_after(
                Code::Misconfigured,
                MISCONFIGURED_RETRY_SECONDS,
                Some(cause),
            ),
            ServiceError::Unavailable(cause) => {
                Self::retry_after(Code::Unavailable, 2, Some(cause))
            }
            ServiceError::Internal(cause) => Self {
                cause: Some(cause),
                ..Self::new(Code::Internal)
            },
        }
    }
}

impl From<StoreError> for Refusal {
    #[inline(never)]
    fn from(error: StoreError) -> Self {
        ServiceError::from(error).into()
    }
}

/// The document (RFC 9457, section 3), with the `error` of RFC 6749 for OAuth clients.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Problem))]
struct ProblemBody<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(rename = "requestId")]
    #[cfg_attr(feature = "openapi", schema(format = Uuid))]
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldErrorBody>>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = FieldError))]
struct FieldErrorBody {
    field: &'static str,
    code: &'static str,
    message: &'static str,
}

/// The parts of a document that do not depend on the refusal.
#[derive(Clone, Copy, Debug)]
pub struct ProblemContext<'a> {
    /// The base of `type`. Without an issuer, `type` is `about:blank`.
    pub issuer: Option<&'a str>,
    /// The request's id.
    pub request_id: &'a str,
    /// Whether the endpoint acts as RFC 6749's token endpoint.
    pub is_token_endpoint: bool,
}

/// Writes the answer, without the headers of every answer.
#[must_use]
pub fn to_response(refusal: &Refusal, context: ProblemContext<'_>) -> Response<Vec<u8>> {
    let Facts {
        status,
        code,
        title,
        detail,
    } = refusal.code.facts();
    let is_grant_refused = context.is_token_endpoint && status == StatusCode::UNAUTHORIZED;
    let errors = (refusal.code == Code::ValidationFailed).then(|| {
        refusal
            .errors
            .iter()
            .map(|fault| FieldErrorBody {
                field: fault.field,
                code: fault.code,
                message: fault.message,
            })
            .collect()
    });
    let body = ProblemBody {
        r#type: context.issuer.map_or_else(
            || "about:blank".to_owned(),
            |issuer| format!("{issuer}/errors/{code}"),
        ),
        title,
        status: status.as_u16(),
        code,
        detail: refusal.detail.as_deref().unwrap_or(detail),
        request_id: context.request_id,
        error: is_grant_refused.then_some("invalid_grant"),
        errors,
    };
    // Strings and numbers always serialize; an empty body would still carry the status.
    let mut response = Response::new(serde_json::to_vec(&body).unwrap_or_default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json; charset=utf-8"),
    );
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, CHALLENGE);
    }
    for (name, value) in &refusal.headers {
        headers.insert(name, value.clone());
    }
    response
}

/// Returns the form of the document, with that of its parts.
#[cfg(feature = "openapi")]
#[must_use]
pub fn returned() -> super::documented::Returned {
    super::documented::Returned::one::<ProblemBody<'_>>()
}
