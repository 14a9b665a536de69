//! The origin of a request, as far as it is known before anything is verified, and its user, once
//! known.

use core::cell::{Cell, OnceCell};

use super::Service;
use crate::domain::audit::Trace;
use crate::domain::id::UserId;
use crate::domain::throttle::{ClientPrefix, ThrottleKey};
use crate::domain::time::UnixSeconds;

/// The sender of a request.
pub struct Caller {
    /// The request's id, which the answer and each log line contain.
    pub request_id: String,
    /// The client's prefix.
    pub client: ClientPrefix,
    /// The two-letter code of the country, according to the network's edge.
    pub country: Option<String>,
    /// Whether the request comes through a service binding of the same account: the platform's
    /// limiters do not count it.
    pub is_internal: bool,
    /// Whether the request has a trusted front end's key: it comes from a server of the operator's.
    pub is_trusted: bool,
    key: OnceCell<ThrottleKey>,
    user: Cell<Option<UserId>>,
}

impl Caller {
    /// Creates a sender who has not proved anything yet.
    #[must_use]
    pub const fn new(request_id: String, client: ClientPrefix, country: Option<String>) -> Self {
        Self {
            request_id,
            client,
            country,
            is_internal: false,
            is_trusted: false,
            key: OnceCell::new(),
            user: Cell::new(None),
        }
    }

    /// Returns the keyed hash of the client's prefix, computed on first use.
    pub fn key(&self, service: &Service) -> &ThrottleKey {
        self.key
            .get_or_init(|| service.throttle.of_client(self.client))
    }

    /// Returns the trace of the request, for the audit log.
    #[must_use]
    pub fn trace(&self, service: &Service, at: UnixSeconds) -> Trace {
        Trace {
            at,
            request_id: self.request_id.clone(),
            client: self.key(service).clone(),
            country: self.country.clone(),
        }
    }

    /// Records, for the log, the user whose token or password the request contains.
    pub fn is(&self, user: UserId) {
        self.user.set(Some(user));
    }

    /// Returns the user whose request it is, once an authentic token or the right password has
    /// proved it.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        self.user.get()
    }
}
