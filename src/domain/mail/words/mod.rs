//! The wording: for each language one file, for each kind of mail one entry. `{product}` is
//! replaced by the operator's name for the service.

mod english;
mod german;

use super::{Language, MailKind};

/// The sentences of a kind of mail, in the order in which they appear.
pub(super) struct Wording {
    /// The subject line.
    pub(super) subject: &'static str,
    /// What has happened. Followed by the facts.
    pub(super) intro: &'static str,
    /// What the recipient can do. Followed by the link.
    pub(super) prompt: &'static str,
    /// The text of the link.
    pub(super) action: &'static str,
    /// What else there is to know.
    pub(super) closing: &'static str,
}

/// What a language calls the facts.
pub(super) struct Labels {
    pub(super) code: &'static str,
    pub(super) new_email: &'static str,
    pub(super) at: &'static str,
    pub(super) device: &'static str,
    pub(super) country: &'static str,
    /// How long the link works: `{time}` is replaced.
    pub(super) link_lasts: &'static str,
    /// As `link_lasts`, of a code.
    pub(super) code_lasts: &'static str,
    /// The singular and plural of a minute, an hour and a day.
    pub(super) units: [[&'static str; 2]; 3],
    /// Stands above the link in its written form.
    pub(super) copy: &'static str,
    /// Parts of device labels, and their translations.
    pub(super) devices: &'static [[&'static str; 2]],
}

pub(super) const fn wording(language: Language, kind: MailKind) -> &'static Wording {
    match language {
        Language::English => english::wording(kind),
        Language::German => german::wording(kind),
    }
}

pub(super) fn labels(language: Language) -> &'static Labels {
    match language {
        Language::English => &english::LABELS,
        Language::German => &german::LABELS,
    }
}
