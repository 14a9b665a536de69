//! A request as endpoints see it: its head, and its body once that has been read.

use http::header::{HeaderMap, USER_AGENT};

use super::body::Body;
use super::cookies::CookieStyle;
use super::fields::Fields;
use super::problem::Refusal;
use super::router::Segments;
use crate::service::presented::PresentedTokens;

/// The two-letter code of the country a request came from, as the network's edge knows it; a
/// request extension.
#[derive(Clone, Debug)]
pub struct Country(pub String);

/// The head of a request.
pub struct Head<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// What stands in the path for the names of the route's pattern.
    pub segments: Segments<'a>,
    /// The query, not read yet.
    pub query: Option<&'a str>,
    /// The form of its cookies.
    pub cookies: CookieStyle<'a>,
}

/// A request whose body has been read, within the bound.
pub struct Received<'a> {
    /// Its head.
    pub head: Head<'a>,
    /// Its body.
    pub body: Body,
}

impl Head<'_> {
    /// The auth cookies.
    #[inline(never)]
    #[must_use]
    pub fn presented(&self) -> PresentedTokens {
        self.cookies.read(self.headers)
    }
}

impl Received<'_> {
    /// The fields of the body.
    ///
    /// # Errors
    ///
    /// 400 when it cannot be read, is not UTF-8, has a field twice, or has too many.
    pub fn fields(&self) -> Result<Fields, Refusal> {
        self.body.fields()
    }

    /// The fields of the body that have one of these names; others are ignored.
    ///
    /// # Errors
    ///
    /// 400 when it cannot be read, is not UTF-8, or has one of these fields twice.
    pub fn fields_among(&self, names: &[&str]) -> Result<Fields, Refusal> {
        self.body.fields_among(names)
    }

    /// The parameters of the query.
    ///
    /// # Errors
    ///
    /// 400 when it is not UTF-8, or has a parameter twice or too many.
    pub fn query(&self) -> Result<Fields, Refusal> {
        Fields::from_query(self.head.query)
    }

    /// What stands in the path for a name of the route's pattern.
    #[must_use]
    pub fn segment(&self, name: &str) -> &str {
        let mut segments = self.head.segments.iter();
        segments
            .find(|(found, _)| *found == name)
            .map_or("", |(_, segment)| segment)
    }

    /// The `User-Agent` header.
    #[must_use]
    pub fn user_agent(&self) -> Option<String> {
        let value = self.head.headers.get(USER_AGENT)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}
