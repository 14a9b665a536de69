//! The answer of an endpoint that does not refuse.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use super::cookies::CookieStyle;
use super::headers;
use super::problem::{Code, Refusal};
use crate::domain::credential::mailed_login::BrowserSecret;
use crate::domain::time::{Seconds, UnixSeconds};
use crate::service::issue::{AccessToken, TokenPair};

/// A reply, or a refusal.
pub type Answer = Result<Reply, Refusal>;

const JSON: &str = "application/json; charset=utf-8";

/// A status, an optional body, and the change of the auth cookies.
#[must_use]
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    body: Option<Vec<u8>>,
    media_type: &'static str,
    cookies: CookieChange,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// How long anyone may keep the answer.
    shared_for: Option<Seconds>,
}

/// The change of the cookies.
#[derive(Debug)]
enum CookieChange {
    Kept,
    Set(TokenPair),
    /// As `Set`, in a browser that had asked to log in by mail.
    SetByMail(TokenPair),
    LoginRequested(BrowserSecret, UnixSeconds),
    AccessSet(AccessToken),
    Deleted,
}

impl Reply {
    /// Creates a 200 with a body.
    ///
    /// # Errors
    ///
    /// Refuses with 500 when the body cannot be serialized.
    pub fn json(body: &impl Serialize) -> Answer {
        Self::with_status(StatusCode::OK, body)
    }

    /// Creates a 201 with a body.
    ///
    /// # Errors
    ///
    /// Refuses with 500 when the body cannot be serialized.
    pub fn created(body: &impl Serialize) -> Answer {
        Self::with_status(StatusCode::CREATED, body)
    }

    fn with_status(status: StatusCode, body: &impl Serialize) -> Answer {
        let json = serde_json::to_vec(body).map_err(|error| Refusal {
            cause: Some(error.to_string()),
            ..Refusal::new(Code::Internal)
        })?;
        Ok(Self::new(status, Some(json)))
    }

    /// Creates a 200 with a text that is JSON already and the same for everyone: caches and pages of
    /// any origin may keep it for this long.
    pub fn shared_json(text: &str, span: Seconds) -> Self {
        Self {
            shared_for: Some(span),
            ..Self::new(StatusCode::OK, Some(text.as_bytes().to_vec()))
        }
    }

    /// Creates a 200 with a page.
    pub fn page(html: &'static str) -> Self {
        Self {
            media_type: "text/html; charset=utf-8",
            ..Self::new(StatusCode::OK, Some(html.as_bytes().to_vec()))
        }
    }

    const fn new(status: StatusCode, body: Option<Vec<u8>>) -> Self {
        Self {
            status,
            body,
            media_type: JSON,
            cookies: CookieChange::Kept,
            headers: Vec::new(),
            shared_for: None,
        }
    }

    /// Creates a 202 without a body: what was asked for may happen later.
    pub const fn accepted() -> Self {
        Self::new(StatusCode::ACCEPTED, None)
    }

    /// Creates a 204.
    pub const fn no_content() -> Self {
        Self::new(StatusCode::NO_CONTENT, None)
    }

    /// Sets both auth cookies.
    pub fn set_cookies(self, pair: TokenPair) -> Self {
        Self {
            cookies: CookieChange::Set(pair),
            ..self
        }
    }

    /// Sets both auth cookies, and deletes that of the request to log in by mail.
    pub fn set_cookies_by_mail(self, pair: TokenPair) -> Self {
        Self {
            cookies: CookieChange::SetByMail(pair),
            ..self
        }
    }

    /// Sets the cookie of a request to log in by mail.
    pub fn set_login_request(self, browser: BrowserSecret, expires_at: UnixSeconds) -> Self {
        Self {
            cookies: CookieChange::LoginRequested(browser, expires_at),
            ..self
        }
    }

    /// Sets only the access cookie. With `None` the client keeps its current one.
    pub fn set_access_cookie(self, token: Option<AccessToken>) -> Self {
        Self {
            cookies: token.map_or(CookieChange::Kept, CookieChange::AccessSet),
            ..self
        }
    }

    /// Deletes both auth cookies.
    pub fn delete_cookies(self) -> Self {
        Self {
            cookies: CookieChange::Deleted,
            ..self
        }
    }

    /// Adds a header.
    ///
    /// # Errors
    ///
    /// Refuses with 500 when the value is not one or more visible ASCII characters: a proxy might
    /// take an empty or missing header for one that the client sent.
    pub fn with_header(mut self, name: HeaderName, value: String) -> Answer {
        let is_visible = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic());
        match HeaderValue::try_from(value) {
            Ok(value) if is_visible => {
                self.headers.push((name, value));
                Ok(self)
            }
            _ => Err(Refusal {
                cause: Some(format!("{name} cannot be written")),
                ..Refusal::new(Code::Internal)
            }),
        }
    }

    /// Returns the response, without the headers of every answer.
    #[must_use]
    pub fn into_response(self, style: CookieStyle<'_>, now: UnixSeconds) -> Response<Vec<u8>> {
        let has_body = self.body.is_some();
        let mut response = Response::new(self.body.unwrap_or_default());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if has_body {
            let media_type = HeaderValue::from_static(self.media_type);
            headers.insert(CONTENT_TYPE, media_type);
        }
        if let Some(span) = self.shared_for {
            headers::add_shared(headers, span);
        }
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        match self.cookies {
            CookieChange::Kept => {}
            CookieChange::Set(pair) => style.set(headers, &pair, now),
            CookieChange::SetByMail(pair) => {
                style.set(headers, &pair, now);
                style.delete_login_request(headers);
            }
            CookieChange::LoginRequested(browser, expires_at) => {
                style.set_login_request(headers, &browser, expires_at, now);
            }
            CookieChange::AccessSet(token) => style.set_access(headers, &token, now),
            CookieChange::Deleted => style.delete(headers),
        }
        response
    }
}
