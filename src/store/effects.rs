//! What a committed change leaves to do.

use super::outbox::QueuedMail;
use super::result;
use super::sessions::EndedSession;
use crate::ports::{Rows, StoreError};

/// The consequences of a change, after the database has decided.
#[derive(Debug, PartialEq, Eq)]
pub struct Effects {
    /// The sessions that it has ended.
    pub ended: Vec<EndedSession>,
    /// The mail that it has queued.
    pub mail: Option<QueuedMail>,
}

impl Effects {
    /// Reads the results of the statement that ends sessions and of
    /// [`READ_QUEUED`](super::outbox::READ_QUEUED), by their places in the batch. `None` for a batch
    /// that queues no mail.
    pub(super) fn read(
        results: &[Box<dyn Rows>],
        ended: usize,
        mail: Option<usize>,
    ) -> Result<Self, StoreError> {
        let mail = match mail {
            Some(place) => QueuedMail::read_first(result(results, place)?)?,
            None => None,
        };
        Ok(Self {
            ended: EndedSession::read_all(result(results, ended)?)?,
            mail,
        })
    }
}
