//! A request as endpoints see it: its head, and its body once that has been read.

use http::header::{ACCEPT_LANGUAGE, HeaderMap, USER_AGENT};

use super::body::Body;
use super::cookies::CookieStyle;
use super::fields::Fields;
use super::problem::Refusal;
use super::router::Segments;
use crate::domain::mail::Language;
use crate::domain::session::device;
use crate::service::presented::PresentedTokens;

/// The two-letter code of the country that a request came from, according to the network's edge. A
/// request extension.
#[derive(Clone, Debug)]
pub struct Country(pub String);

/// Marks a request that comes through a service binding of the same account; a request extension.
#[derive(Clone, Copy, Debug)]
pub struct Internal;

/// The head of a request.
pub struct Head<'a> {
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The segments of the path that match the names in the route's pattern.
    pub segments: Segments<'a>,
    /// The query, not parsed yet.
    pub query: Option<&'a str>,
    /// The form of the auth cookies.
    pub cookies: CookieStyle<'a>,
}

/// A request whose body has been read, within the size limit.
pub struct Received<'a> {
    /// The head.
    pub head: Head<'a>,
    /// The body.
    pub body: Body,
}

impl Head<'_> {
    /// Returns the auth cookies.
    #[inline(never)]
    #[must_use]
    pub fn presented(&self) -> PresentedTokens {
        self.cookies.read(self.headers)
    }
}

impl Received<'_> {
    /// Parses the fields of the body.
    ///
    /// # Errors
    ///
    /// Refuses with 400 when the body is malformed or not UTF-8, repeats a field, or has too many.
    pub fn fields(&self) -> Result<Fields, Refusal> {
        self.body.fields()
    }

    /// Parses the fields of the body that have one of these names, and ignores others.
    ///
    /// # Errors
    ///
    /// Refuses with 400 when the body is malformed or not UTF-8, or repeats one of these fields.
    pub fn fields_among(&self, names: &[&str]) -> Result<Fields, Refusal> {
        self.body.fields_among(names)
    }

    /// Parses the parameters of the query.
    ///
    /// # Errors
    ///
    /// Refuses with 400 when the query is not UTF-8, repeats a parameter, or has too many.
    pub fn query(&self) -> Result<Fields, Refusal> {
        Fields::from_query(self.head.query)
    }

    /// Returns the segment of the path that matches a name in the route's pattern.
    #[must_use]
    pub fn segment(&self, name: &str) -> &str {
        let mut segments = self.head.segments.iter();
        segments
            .find(|(found, _)| *found == name)
            .map_or("", |(_, segment)| segment)
    }

    /// Returns the language of mails that the request prefers.
    #[must_use]
    pub fn language(&self) -> Option<Language> {
        let value = self.head.headers.get(ACCEPT_LANGUAGE)?;
        Language::from_accept_language(value.to_str().ok()?)
    }

    /// Returns the label of the device, if the request names one.
    #[must_use]
    pub fn device(&self) -> Option<String> {
        let user_agent = self.user_agent()?;
        Some(device::label(Some(&user_agent)))
    }

    /// Returns the `User-Agent` header.
    #[must_use]
    pub fn user_agent(&self) -> Option<String> {
        let value = self.head.headers.get(USER_AGENT)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}
