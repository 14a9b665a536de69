//! The languages of mails, and which of them a browser prefers.

/// The most bytes of `Accept-Language` that are read. Browsers send fewer than 100.
const MAX_HEADER_BYTES: usize = 512;

/// A language in which mails are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// `en`.
    #[default]
    English,
    /// `de`.
    German,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Returns the language's code (ISO 639-1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Returns the language with exactly this code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == code)
    }

    /// Returns the language that an `Accept-Language` header prefers (RFC 9110, section 12.5.4):
    /// the one with the highest weight, and the first of several with the same. `None` when it
    /// names none of them, or has more than 512 bytes. A malformed entry is ignored.
    #[must_use]
    pub fn from_accept_language(header: &str) -> Option<Self> {
        if header.len() > MAX_HEADER_BYTES {
            return None;
        }
        let mut best = None;
        let mut best_weight = 0;
        for (language, weight) in header.split(',').filter_map(entry) {
            if weight > best_weight {
                (best, best_weight) = (Some(language), weight);
            }
        }
        best
    }
}

/// Returns the language of an entry such as `de-AT;q=0.8`, with its weight in thousandths.
fn entry(text: &str) -> Option<(Language, u32)> {
    let (range, weight) = match text.split_once(';') {
        Some((range, parameter)) => (range, weight(parameter)?),
        None => (text, 1_000),
    };
    let primary = range.trim().split('-').next().unwrap_or_default();
    let language = Language::ALL
        .into_iter()
        .find(|one| primary.eq_ignore_ascii_case(one.as_str()))?;
    Some((language, weight))
}

/// Returns the thousandths of `q=0.8` (RFC 9110, section 12.4.2).
fn weight(parameter: &str) -> Option<u32> {
    let parameter = parameter.trim();
    let value = parameter
        .strip_prefix("q=")
        .or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, digits) = value.split_once('.').unwrap_or((value, ""));
    if digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{digits:0<3}").parse().ok()?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn a_language_has_one_code() {
        for language in Language::ALL {
            assert_eq!(Language::parse(language.as_str()), Some(language));
        }
        for code in ["", "DE", "de-AT", "fr"] {
            assert_eq!(Language::parse(code), None, "{code}");
        }
    }

    #[test]
    fn the_highest_weight_wins_and_then_the_first() {
        let (english, german) = (Some(Language::English), Some(Language::German));
        for (header, expected) in [
            ("de", german),
            ("de-AT", german),
            ("DE-at,en;q=0.9", german),
            ("en-GB,en;q=0.9,de;q=0.8", english),
            ("en;q=0.8, de;q=0.9", german),
            ("fr-FR,fr;q=0.9,de;q=0.5,en;q=0.4", german),
            ("en;q=0.5,de;q=0.5", english),
            ("de;q=0.5,en;q=0.5", german),
            ("en;q=0.001,de;q=0", english),
            ("de;q=1.000,en", german),
            ("en ; q=0.7 , de ; Q=0.8", german),
            // Malformed, or not accepted at all.
            ("de;q=1.001,en;q=0.1", english),
            ("de;q=0.9999,en;q=0.1", english),
            ("de;q=,en;q=0.1", english),
            ("de;q=0.+1,en;q=0.1", english),
            ("de;q=2,en;q=0.1", english),
            ("de;x=1,en;q=0.1", english),
            ("de;q=0", None),
            ("fr", None),
            ("deu", None),
            ("*", None),
            ("", None),
            (",,;,", None),
        ] {
            assert_eq!(Language::from_accept_language(header), expected, "{header}");
        }
        let long = format!("{}de", "fr,".repeat(170));
        assert_eq!(Language::from_accept_language(&long), german);
        assert_eq!(Language::from_accept_language(&format!("{long}-AT")), None);
    }
}
