//! Trusted front ends, which may name the visitor whose request they pass on.
//!
//! A server that calls for its visitors has one address. If it does not name them, all of its
//! visitors share one budget of each limiter and one counter of failures.

use core::fmt;

use subtle::ConstantTimeEq;

/// The most keys that are valid at once: an old one, a new one, and room for a second front end.
const MAX_KEYS: usize = 4;
/// The shortest key, in bytes: 24 random bytes in base64url.
const MIN_KEY_BYTES: usize = 32;
/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 256;

/// `TRUSTED_FRONT_END_KEY`: the keys of trusted front ends.
#[derive(Clone, Default)]
pub struct FrontEndKeys(Vec<String>);

impl FrontEndKeys {
    /// Parses keys that are separated by commas: at most 4, each with 32 to 256 visible ASCII
    /// characters. An empty text contains none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let keys: Vec<String> = text
            .split(',')
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .map(str::to_owned)
            .collect();
        let is_key = |key: &String| {
            (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        (keys.len() <= MAX_KEYS && keys.iter().all(is_key)).then_some(Self(keys))
    }

    /// Returns whether a header's value is one of the keys. Takes the same time for every value of
    /// a key's length.
    #[must_use]
    pub fn contain(&self, presented: &[u8]) -> bool {
        self.0
            .iter()
            .map(|key| key.as_bytes().ct_eq(presented))
            .fold(subtle::Choice::from(0), |any, one| any | one)
            .into()
    }
}

impl fmt::Debug for FrontEndKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrontEndKeys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::FrontEndKeys;

    #[test]
    fn keys_are_long_and_all_of_them_hold() {
        let (one, other) = ("a".repeat(32), "b".repeat(40));
        let keys = FrontEndKeys::parse(&format!("{one}, {other}")).unwrap();
        assert!(keys.contain(one.as_bytes()));
        assert!(keys.contain(other.as_bytes()));
        for wrong in ["", "a", &"a".repeat(31), &"a".repeat(33), &"b".repeat(32)] {
            assert!(!keys.contain(wrong.as_bytes()), "{wrong}");
        }
        assert!(!FrontEndKeys::parse("").unwrap().contain(b""));
        assert!(!format!("{keys:?}").contains('a'), "{keys:?}");
        let five = [one.as_str(); 5].join(",");
        for text in [
            "short",
            &"a".repeat(257),
            &format!("{one},x"),
            &"\u{fc}".repeat(32),
            &five,
        ] {
            assert!(FrontEndKeys::parse(text).is_none(), "{text}");
        }
    }
}
