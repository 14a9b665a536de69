//! Puts the facts of a letter into its words, and the words into the two layouts.

use askama::Template;

use super::words::{Labels, Wording, labels, wording};
use super::{Brand, Content, Incomplete, Letter, MailKind};
use crate::domain::time::UnixSeconds;

/// The longest line of the text, in characters, except for one with a link (RFC 5322, section
/// 2.1.1, recommends 78).
const MAX_LINE_CHARS: usize = 76;
/// The longest value of a fact, in characters.
const MAX_VALUE_CHARS: usize = 60;
/// Minutes in an hour, and in a day.
const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

/// The words of a mail, ready for both layouts.
struct Words<'a> {
    subject: String,
    intro: String,
    /// Each with its label: `Device: Firefox on Windows`.
    facts: Vec<String>,
    prompt: String,
    link: Option<&'a str>,
    /// How long the link works.
    validity: Option<String>,
    closing: String,
    wording: &'static Wording,
    labels: &'static Labels,
}

#[derive(Template)]
#[template(path = "mail.txt")]
struct TextLayout<'a> {
    words: &'a Words<'a>,
    brand: &'a Brand,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct HtmlLayout<'a> {
    words: &'a Words<'a>,
    brand: &'a Brand,
    language: &'static str,
}

impl Letter<'_> {
    /// Renders the mail.
    ///
    /// # Errors
    ///
    /// Returns [`Incomplete`] when the letter does not have a fact that its kind must mention: the
    /// link of everything but a notice.
    pub fn render(&self) -> Result<Content, Incomplete> {
        let words = self.words()?;
        // Writing into a string does not fail.
        let text = TextLayout {
            words: &words,
            brand: self.brand,
        };
        let html = HtmlLayout {
            words: &words,
            brand: self.brand,
            language: self.language.as_str(),
        };
        let (text, html) = (text.render(), html.render());
        Ok(Content {
            text: text.unwrap_or_default(),
            html: html.unwrap_or_default(),
            subject: words.subject,
        })
    }

    fn words(&self) -> Result<Words<'_>, Incomplete> {
        let missing = |field| Incomplete {
            kind: self.kind,
            field,
        };
        let (needs_link, needs_code) = match self.kind {
            MailKind::ResetPassword
            | MailKind::VerifyEmail
            | MailKind::ConfirmEmail
            | MailKind::LoginLink => (true, false),
            MailKind::LoginCode => (false, true),
            MailKind::AlreadyRegistered
            | MailKind::EmailChanged
            | MailKind::PasswordChanged
            | MailKind::PasswordRemoved
            | MailKind::NewLogin => (false, false),
        };
        if needs_link && self.link.is_none() {
            return Err(missing("link"));
        }
        if needs_code && self.code.is_none() {
            return Err(missing("code"));
        }
        let (wording, labels) = (wording(self.language, self.kind), labels(self.language));
        let named = |text: &str| text.replace("{product}", &self.brand.product);
        // Everybody may open the login page at any time.
        let has_secret = self.link.is_some() && self.kind != MailKind::AlreadyRegistered;
        let lasts = if needs_code {
            Some(labels.code_lasts)
        } else {
            has_secret.then_some(labels.link_lasts)
        };
        let validity = lasts.zip(self.minutes);
        let validity =
            validity.map(|(lasts, minutes)| lasts.replace("{time}", &span(minutes, &labels.units)));
        Ok(Words {
            subject: named(wording.subject),
            intro: named(wording.intro),
            facts: self.facts(labels),
            prompt: named(wording.prompt),
            link: self.link.filter(|_| !needs_code),
            validity,
            closing: named(wording.closing),
            wording,
            labels,
        })
    }

    /// Returns the code, or what is known of the event: notices state it, so that the recipient
    /// recognises it.
    fn facts(&self, labels: &Labels) -> Vec<String> {
        let (is_notice, is_change) = match self.kind {
            MailKind::EmailChanged => (true, true),
            MailKind::PasswordChanged | MailKind::PasswordRemoved | MailKind::NewLogin => {
                (true, false)
            }
            MailKind::ResetPassword
            | MailKind::VerifyEmail
            | MailKind::AlreadyRegistered
            | MailKind::ConfirmEmail
            | MailKind::LoginLink
            | MailKind::LoginCode => (false, false),
        };
        let mut facts = Vec::new();
        let mut add = |label: &str, value: Option<String>| {
            if let Some(value) = value {
                facts.push(format!("{label}: {}", bounded(&value)));
            }
        };
        if self.kind == MailKind::LoginCode {
            add(labels.code, self.code.map(str::to_owned));
        }
        if is_change {
            add(labels.new_email, self.new_email.map(masked));
        }
        if is_notice {
            let device = self.device.map(|device| translated(device, labels.devices));
            add(labels.at, self.at.map(minute));
            add(labels.device, device);
            add(labels.country, self.country.and_then(country));
        }
        facts
    }
}

/// Returns `n…@e….org` for `new@example.org`: enough for its owner, and no text for anybody else.
/// An address is ASCII.
fn masked(email: &str) -> String {
    let (local, domain) = email.split_once('@').unwrap_or_default();
    let (name, top) = domain.rsplit_once('.').unwrap_or_default();
    // The longest top-level domains in wide use have six letters.
    let (local, name, top) = (start(local, 1), start(name, 1), start(top, 6));
    format!("{local}…@{name}….{top}")
}

/// Returns the first bytes of an ASCII text.
fn start(text: &str, bytes: usize) -> &str {
    text.get(..bytes.min(text.len())).unwrap_or_default()
}

/// Returns `2026-11-27, 12:05 UTC`.
fn minute(at: UnixSeconds) -> String {
    let written = at.to_rfc3339();
    let (date, time) = written.split_once('T').unwrap_or_default();
    let minute = time.get(..5).unwrap_or_default();
    format!("{date}, {minute} UTC")
}

/// Returns the country's two letters. `None` when the platform does not know it.
fn country(code: &str) -> Option<String> {
    match code {
        "T1" => Some("Tor".to_owned()),
        "XX" => None,
        _ => {
            let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
            is_code.then(|| code.to_owned())
        }
    }
}

fn translated(device: &str, parts: &[[&str; 2]]) -> String {
    parts.iter().fold(device.to_owned(), |label, [from, to]| {
        label.replace(from, to)
    })
}

/// Returns `15 minutes`, `1 hour`, `7 days`: the largest unit without a remainder.
fn span(minutes: u32, units: &[[&str; 2]; 3]) -> String {
    let [minute, hour, day] = units;
    let (count, [one, many]) = match minutes {
        0 => (minutes, minute),
        _ if minutes.is_multiple_of(DAY) => (minutes / DAY, day),
        _ if minutes.is_multiple_of(HOUR) => (minutes / HOUR, hour),
        _ => (minutes, minute),
    };
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Returns a value on one line of bounded length.
fn bounded(value: &str) -> String {
    value
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_VALUE_CHARS)
        .collect()
}

/// Breaks a paragraph into lines at its blanks.
fn wrapped(paragraph: &str) -> String {
    let mut text = String::with_capacity(paragraph.len());
    let mut length = 0;
    for word in paragraph.split(' ') {
        let added = word.chars().count();
        if length > 0 && length + 1 + added > MAX_LINE_CHARS {
            text.push('\n');
            length = 0;
        } else if length > 0 {
            text.push(' ');
            length += 1;
        }
        text.push_str(word);
        length += added;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{country, masked, span, translated, wrapped};
    use crate::domain::mail::Language;
    use crate::domain::mail::words::labels;

    #[test]
    fn an_address_is_masked() {
        for (email, expected) in [
            ("new@example.org", "n…@e….org"),
            ("a@b.co", "a…@b….co"),
            ("visit-me@buy.pills.example.com", "v…@b….com"),
            ("x@y.xn--buy-pills-now", "x…@y….xn--bu"),
        ] {
            assert_eq!(masked(email), expected);
        }
    }

    #[test]
    fn a_span_has_the_largest_unit_that_fits() {
        for (minutes, english, german) in [
            (0, "0 minutes", "0 Minuten"),
            (1, "1 minute", "1 Minute"),
            (15, "15 minutes", "15 Minuten"),
            (60, "1 hour", "1 Stunde"),
            (90, "90 minutes", "90 Minuten"),
            (120, "2 hours", "2 Stunden"),
            (1_440, "1 day", "1 Tag"),
            (1_500, "25 hours", "25 Stunden"),
            (10_080, "7 days", "7 Tage"),
        ] {
            assert_eq!(span(minutes, &labels(Language::English).units), english);
            assert_eq!(span(minutes, &labels(Language::German).units), german);
        }
    }

    #[test]
    fn a_country_is_two_letters() {
        for (code, expected) in [
            ("DE", Some("DE")),
            ("T1", Some("Tor")),
            ("XX", None),
            ("", None),
            ("de", None),
            ("DEU", None),
            ("<b", None),
        ] {
            assert_eq!(country(code).as_deref(), expected, "{code}");
        }
    }

    #[test]
    fn devices_are_translated() {
        let german = labels(Language::German).devices;
        for (label, expected) in [
            ("Firefox on Windows", "Firefox unter Windows"),
            ("Safari on Mac or iPad", "Safari unter Mac oder iPad"),
            ("Unknown device", "Unbekanntes Gerät"),
            ("Android app", "Android app"),
        ] {
            assert_eq!(translated(label, german), expected);
            assert_eq!(translated(label, labels(Language::English).devices), label);
        }
    }

    #[test]
    fn paragraphs_are_broken_at_blanks() {
        assert_eq!(wrapped("a b"), "a b");
        let line = "ä".repeat(38);
        assert_eq!(
            wrapped(&format!("{line} {}", "b".repeat(37)))
                .lines()
                .count(),
            1
        );
        assert_eq!(
            wrapped(&format!("{line} {}", "b".repeat(38)))
                .lines()
                .count(),
            2
        );
        assert_eq!(wrapped(&"b".repeat(100)), "b".repeat(100));
    }
}
