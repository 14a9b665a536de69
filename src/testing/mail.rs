//! A fake of everything that sends mails: it records them, and can refuse, fail, or accept a mail
//! whose answer is lost.

use core::cell::RefCell;
use std::collections::VecDeque;

use super::MemoryPorts;
use crate::ports::{Mail, Mailer, NotSent, Outbound};

/// The mails and requests that were accepted, in their order.
#[derive(Default)]
pub(crate) struct MemoryMailer {
    /// What the binding accepted.
    pub(crate) sent: RefCell<Vec<SentMail>>,
    /// The requests that arrived.
    pub(crate) posted: RefCell<Vec<Posted>>,
    /// What happens to the next ones. Afterwards all are accepted.
    pub(crate) next: RefCell<VecDeque<Fate>>,
}

/// What happens to a mail or a request.
#[derive(Clone)]
pub(crate) enum Fate {
    /// It does not arrive, with this error.
    Fails(NotSent),
    /// It does not arrive, and the caller gives up after this many seconds.
    Hangs(i64),
    /// It arrives, and the answer does not.
    AnswerLost,
    /// It arrives, and is answered with this status. For the binding, any but 200 is an error.
    Status(u16),
}

/// A mail that the binding accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentMail {
    pub(crate) id: String,
    pub(crate) from: String,
    pub(crate) reply_to: Option<String>,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// A request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl MemoryMailer {
    /// Decides what happens to the mails after those that have been decided about.
    pub(crate) fn then(&self, fate: Fate) {
        self.next.borrow_mut().push_back(fate);
    }
}

impl MemoryPorts {
    fn answer(&self, record: impl FnOnce()) -> Result<u16, NotSent> {
        let fate = self.mailer.next.borrow_mut().pop_front();
        match fate {
            Some(Fate::Hangs(seconds)) => {
                self.timer.pass(seconds);
                return Err(NotSent::Later("timed out".to_owned()));
            }
            Some(Fate::Fails(error)) => return Err(error),
            Some(Fate::AnswerLost) => {
                record();
                return Err(NotSent::Later("timed out".to_owned()));
            }
            Some(Fate::Status(status)) => {
                record();
                return Ok(status);
            }
            None => record(),
        }
        Ok(200)
    }
}

impl Mailer for MemoryPorts {
    async fn send_email(&self, mail: &Mail<'_>) -> Result<(), NotSent> {
        let status = self.answer(|| {
            self.mailer.sent.borrow_mut().push(SentMail {
                id: mail.id.to_owned(),
                from: mail.from.to_string(),
                reply_to: mail.reply_to.map(ToString::to_string),
                to: mail.to.to_owned(),
                subject: mail.subject.to_owned(),
                text: mail.text.to_owned(),
                html: mail.html.to_owned(),
            });
        })?;
        match status {
            200 => Ok(()),
            _ => Err(NotSent::Later(format!("status {status}"))),
        }
    }

    async fn post(&self, request: &Outbound<'_>) -> Result<u16, NotSent> {
        self.answer(|| {
            let headers = request.headers.iter();
            self.mailer.posted.borrow_mut().push(Posted {
                url: request.url.to_owned(),
                headers: headers
                    .map(|(name, value)| (*name, (*value).to_owned()))
                    .collect(),
                body: request.body.to_owned(),
            });
        })
    }
}
