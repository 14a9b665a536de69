//! Breached passwords: what may be asked about a password, and what the answer means.
//!
//! The protocol is the range API of Have I Been Pwned (k-anonymity). The request contains the first
//! five hexadecimal digits of the password's SHA-1; the answer lists all known hashes with that
//! prefix, without the prefix. The remaining digits are compared here and never leave the service.
//! SHA-1 is only the name under which the service lists a password; it protects nothing.

use core::fmt;

use sha1::{Digest, Sha1};

/// The digits that are sent: about one in a million passwords has the same prefix.
const PREFIX_DIGITS: usize = 5;
/// The digits that stay here: 160 bits are 40 digits.
const SUFFIX_DIGITS: usize = 40 - PREFIX_DIGITS;

/// The hash of a password, in the two parts of the protocol.
pub struct PasswordDigest {
    prefix: RangePrefix,
    suffix: String,
}

/// The part of the hash that may be sent. Only [`PasswordDigest`] creates one.
pub struct RangePrefix(String);

/// The error for an answer that does not follow the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedRange;

impl PasswordDigest {
    /// Hashes a password in its normal form, which most devices send.
    pub(super) fn of(text: &str) -> Self {
        let mut prefix = format!("{:X}", Sha1::digest(text));
        let suffix = prefix.split_off(PREFIX_DIGITS);
        Self {
            prefix: RangePrefix(prefix),
            suffix,
        }
    }

    /// Returns the part of the hash that is sent.
    #[must_use]
    pub const fn prefix(&self) -> &RangePrefix {
        &self.prefix
    }

    /// Returns whether an answer to [`Self::prefix`] lists the password.
    ///
    /// A line with the count 0 is padding, which hides the length of the answer, and not a breached
    /// password.
    ///
    /// # Errors
    ///
    /// Returns [`MalformedRange`] when a line is not `SUFFIX:COUNT`, or when there is none: every
    /// prefix has passwords. One malformed line invalidates the whole answer.
    pub fn is_among(&self, range: &[u8]) -> Result<bool, MalformedRange> {
        let text = core::str::from_utf8(range).map_err(|_| MalformedRange)?;
        if text.is_empty() {
            return Err(MalformedRange);
        }
        let mut is_among = false;
        for line in text.lines() {
            let Entry { suffix, is_padding } = Entry::parse(line).ok_or(MalformedRange)?;
            is_among |= !is_padding && suffix.eq_ignore_ascii_case(&self.suffix);
        }
        Ok(is_among)
    }
}

impl RangePrefix {
    /// Returns the five digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A line of an answer.
struct Entry<'a> {
    suffix: &'a str,
    is_padding: bool,
}

impl<'a> Entry<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (suffix, count) = line.split_once(':')?;
        let is_hash =
            suffix.len() == SUFFIX_DIGITS && suffix.bytes().all(|digit| digit.is_ascii_hexdigit());
        let is_count = !count.is_empty() && count.bytes().all(|digit| digit.is_ascii_digit());
        (is_hash && is_count).then(|| Self {
            suffix,
            // Not parsed: a count of any size is not 0.
            is_padding: count.bytes().all(|digit| digit == b'0'),
        })
    }
}

impl fmt::Debug for PasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordDigest(…)")
    }
}

impl fmt::Debug for RangePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RangePrefix(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::{MalformedRange, PasswordDigest};

    /// The SHA-1 of `password`, without its prefix.
    const SUFFIX: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
    const OTHER: &str = "0018A45C4D1DEF81644B54AB7F969B88D65";

    fn is_among(range: &str) -> Result<bool, MalformedRange> {
        PasswordDigest::of("password").is_among(range.as_bytes())
    }

    #[test]
    fn a_hash_is_split_behind_its_fifth_digit() {
        let digest = PasswordDigest::of("password");
        assert_eq!(digest.prefix().as_str(), "5BAA6");
        assert_eq!(digest.suffix, SUFFIX);
        // Leading zeros are kept: the SHA-1 of this password begins with five of them.
        let digest = PasswordDigest::of("quiet lantern 2773016");
        assert_eq!(digest.prefix().as_str(), "00000");
        assert_eq!(digest.suffix.len(), 35);
    }

    #[test]
    fn a_password_is_found_wherever_its_line_stands() {
        for range in [
            format!("{SUFFIX}:3"),
            format!("{SUFFIX}:3\r\n{OTHER}:1\r\n"),
            format!("{OTHER}:1\r\n{SUFFIX}:52256179"),
            format!("{OTHER}:1\n{SUFFIX}:007\n"),
            format!("{SUFFIX}:{}", "9".repeat(40)),
        ] {
            assert_eq!(is_among(&range), Ok(true), "{range}");
        }
        assert_eq!(is_among(&format!("{OTHER}:1\r\n{OTHER}:2")), Ok(false));
    }

    #[test]
    fn the_case_of_digits_does_not_matter() {
        let range = format!("{}:3", SUFFIX.to_lowercase());
        assert_eq!(is_among(&range), Ok(true));
    }

    #[test]
    fn padding_is_no_password() {
        for range in [
            format!("{OTHER}:1\r\n{SUFFIX}:0"),
            format!("{SUFFIX}:00\r\n"),
        ] {
            assert_eq!(is_among(&range), Ok(false), "{range}");
        }
        assert_eq!(is_among(&format!("{SUFFIX}:0\r\n{SUFFIX}:2\r\n")), Ok(true));
    }

    #[test]
    fn one_line_of_another_form_spoils_the_answer() {
        for line in [
            "",
            " ",
            ":",
            "nonsense",
            SUFFIX,
            &format!("{SUFFIX}:"),
            &format!("{SUFFIX}:-1"),
            &format!("{SUFFIX}:1.5"),
            &format!("{SUFFIX}: 3"),
            &format!("{SUFFIX}:3 "),
            &format!("{SUFFIX}:3:4"),
            &format!("{SUFFIX}:٣"),
            &format!("5BAA6{SUFFIX}:3"),
            &format!("{}:3", &SUFFIX[1..]),
            &format!("{}G:3", &SUFFIX[1..]),
            "<html><body>Bad gateway</body></html>",
        ] {
            let range = format!("{SUFFIX}:3\r\n{line}\r\n{OTHER}:1");
            assert_eq!(is_among(&range), Err(MalformedRange), "{line}");
        }
    }

    #[test]
    fn an_answer_that_is_empty_or_cut_off_in_a_hash_is_none() {
        assert_eq!(is_among(""), Err(MalformedRange));
        let range = format!("{OTHER}:1\r\n{SUFFIX}:3");
        for end in OTHER.len() + 5..range.len() - 1 {
            assert_eq!(is_among(&range[..end]), Err(MalformedRange), "{end}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_no_answer() {
        let digest = PasswordDigest::of("password");
        assert_eq!(digest.is_among(&[0xff; 40]), Err(MalformedRange));
    }

    #[test]
    fn nothing_of_a_hash_is_in_debug_output() {
        let digest = PasswordDigest::of("password");
        let printed = format!("{digest:?} {:?}", digest.prefix());
        assert_eq!(printed, "PasswordDigest(…) RangePrefix(…)");
    }
}
