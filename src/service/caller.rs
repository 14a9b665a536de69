//! Where a request comes from, as far as it is known before anything is verified, and whose it
//! turns out to be.

use core::cell::{Cell, OnceCell};

use super::Service;
use crate::domain::audit::Trace;
use crate::domain::id::UserId;
use crate::domain::throttle::{ClientPrefix, ThrottleKey};
use crate::domain::time::UnixSeconds;

/// The sender of a request.
pub struct Caller {
    /// The request's id, in the answer and in each log line.
    pub request_id: String,
    /// The address, as coarse as the throttle sees it.
    pub client: ClientPrefix,
    /// The country's two letters, as the network's edge knows it.
    pub country: Option<String>,
    key: OnceCell<ThrottleKey>,
    user: Cell<Option<UserId>>,
}

impl Caller {
    /// A sender who has shown nothing yet.
    #[must_use]
    pub const fn new(request_id: String, client: ClientPrefix, country: Option<String>) -> Self {
        Self {
            request_id,
            client,
            country,
            key: OnceCell::new(),
            user: Cell::new(None),
        }
    }

    /// The keyed hash of the client's prefix, made when it is first needed.
    pub fn key(&self, service: &Service) -> &ThrottleKey {
        self.key
            .get_or_init(|| service.throttle.of_client(self.client))
    }

    /// When and from where, for the audit log.
    #[must_use]
    pub fn trace(&self, service: &Service, at: UnixSeconds) -> Trace {
        Trace {
            at,
            request_id: self.request_id.clone(),
            client: self.key(service).clone(),
            country: self.country.clone(),
        }
    }

    /// Remembers, for the log, whose token or password the request carries.
    pub fn is(&self, user: UserId) {
        self.user.set(Some(user));
    }

    /// Whose request it is, once an authentic token or the right password has said so.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        self.user.get()
    }
}
