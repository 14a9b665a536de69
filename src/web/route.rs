//! The facts of a route, in one place, for the router, the limiters, the inventory
//! (`docs/routes.json`) and the documents.

use super::body::BodyKind;
use super::problem::Code;
use crate::ports::Limiter;
use crate::service::limits::Limited;
use crate::service::policy::{Policy, Proof};

/// The HTTP method of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads, and answers HEAD as well.
    Get,
    /// Adds or performs something.
    Post,
    /// Changes a part.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    /// Returns the method's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Where an endpoint is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// In every deployment.
    Always,
    /// Where `HOME_PAGE` is on. Elsewhere its path is unknown.
    IfWanted,
}

/// How an endpoint answers when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failures {
    /// With 503 where a repetition may help, otherwise with 500.
    ByCause,
    /// With 503, whatever the cause: the endpoint is asked whether the service works.
    Unavailable,
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The only method.
    pub method: Method,
    /// The only spelling of the path. A segment `{name}` matches any segment that is not empty.
    pub path: &'static str,
    /// The name of the operation in docs/http.md.
    pub operation: &'static str,
    /// The bodies that the endpoint reads.
    pub body: BodyKind,
    /// Whether the endpoint reads query parameters.
    pub has_query: bool,
    /// The platform's limiter that counts a request before it reaches the database or KV. `None`
    /// for an endpoint that reaches neither.
    pub limiter: Option<Limiter>,
    /// Whether the endpoint acts as OAuth's token endpoint (RFC 6749, section 5.2).
    pub is_token_endpoint: bool,
    /// Where the endpoint is offered.
    pub offered: Offered,
    /// How failures are answered.
    pub failures: Failures,
    /// Whether allowed origins may read the answer (CORS).
    pub has_cors: bool,
    /// The refusals that the other facts do not imply.
    pub own_refusals: &'static [Code],
}

impl Route {
    const fn new(method: Method, path: &'static str, operation: &'static str) -> Self {
        Self {
            method,
            path,
            operation,
            body: BodyKind::Nothing,
            has_query: false,
            limiter: None,
            is_token_endpoint: false,
            offered: Offered::Always,
            failures: Failures::ByCause,
            has_cors: true,
            own_refusals: &[],
        }
    }

    /// Creates a route for GET, and so for HEAD.
    #[must_use]
    pub const fn get(path: &'static str, operation: &'static str) -> Self {
        Self::new(Method::Get, path, operation)
    }

    /// Creates a route for POST.
    #[must_use]
    pub const fn post(path: &'static str, operation: &'static str) -> Self {
        Self::new(Method::Post, path, operation)
    }

    /// Creates a route for PATCH.
    #[must_use]
    pub const fn patch(path: &'static str, operation: &'static str) -> Self {
        Self::new(Method::Patch, path, operation)
    }

    /// Creates a route for DELETE.
    #[must_use]
    pub const fn delete(path: &'static str, operation: &'static str) -> Self {
        Self::new(Method::Delete, path, operation)
    }

    /// Adds a body of JSON.
    #[must_use]
    pub const fn json(self) -> Self {
        Self {
            body: BodyKind::Json,
            ..self
        }
    }

    /// Adds a body of JSON or a form.
    #[must_use]
    pub const fn json_or_form(self) -> Self {
        Self {
            body: BodyKind::JsonOrForm,
            ..self
        }
    }

    /// Adds query parameters.
    #[must_use]
    pub const fn query(self) -> Self {
        Self {
            has_query: true,
            ..self
        }
    }

    /// Adds the limiter that counts the requests.
    #[must_use]
    pub const fn limited(self, limiter: Limiter) -> Self {
        Self {
            limiter: Some(limiter),
            ..self
        }
    }

    /// Makes the route OAuth's token endpoint.
    #[must_use]
    pub const fn token_endpoint(self) -> Self {
        Self {
            is_token_endpoint: true,
            ..self
        }
    }

    /// Answers every failure with 503, whatever its cause.
    #[must_use]
    pub const fn probe(self) -> Self {
        Self {
            failures: Failures::Unavailable,
            ..self
        }
    }

    /// Offers the endpoint only where `HOME_PAGE` is on.
    #[must_use]
    pub const fn if_wanted(self) -> Self {
        Self {
            offered: Offered::IfWanted,
            ..self
        }
    }

    /// Leaves the CORS headers out, for any origin.
    #[must_use]
    pub const fn without_cors(self) -> Self {
        Self {
            has_cors: false,
            ..self
        }
    }

    /// Adds refusals that the other facts do not imply.
    #[must_use]
    pub const fn refuses(self, own_refusals: &'static [Code]) -> Self {
        Self {
            own_refusals,
            ..self
        }
    }

    /// Returns what the platform's limiters count, if anything.
    #[must_use]
    pub fn counted(&self) -> Option<Limited> {
        self.limiter.map(|limiter| Limited {
            limiter,
            operation: self.operation,
        })
    }

    /// Returns every problem that the endpoint may answer with under this policy.
    #[must_use]
    pub fn problems(&self, policy: Policy) -> Vec<Code> {
        let mut codes = vec![Code::HttpsRequired, Code::Misconfigured];
        if self.method != Method::Get {
            codes.push(Code::CrossOrigin);
        }
        if matches!(self.offered, Offered::IfWanted) {
            codes.push(Code::NotFound);
        }
        match policy.proof {
            Proof::Nothing => {}
            Proof::Access | Proof::Refresh => codes.extend([
                Code::NotAuthenticated,
                Code::InvalidToken,
                Code::TokenExpired,
                Code::MalformedRequest,
            ]),
            Proof::Either => codes.extend([Code::NotAuthenticated, Code::InvalidToken]),
        }
        if self.limiter.is_some() {
            codes.extend([Code::TooManyRequests, Code::Unavailable]);
            if self.failures == Failures::ByCause {
                codes.push(Code::Internal);
            }
        }
        match self.body {
            BodyKind::Nothing => {}
            BodyKind::Json | BodyKind::JsonOrForm => codes.extend([
                Code::MalformedRequest,
                Code::RequestTimeout,
                Code::BodyTooLarge,
                Code::UnsupportedMediaType,
                Code::ValidationFailed,
            ]),
        }
        if self.has_query {
            codes.extend([Code::MalformedRequest, Code::ValidationFailed]);
        }
        codes.extend(self.own_refusals);
        codes.sort_by_key(|code| (code.status().as_u16(), code.as_str()));
        codes.dedup();
        codes
    }
}
