//! Passwords that an attacker guesses first: common ones, and those that follow a rule.
//!
//! The lists are those of zxcvbn (MIT) and Django (BSD): 19,536 entries of at least eight code
//! points, most of them from breaches. `common_passwords/` contains the lists, their licences, and
//! the `list.bin` that `scripts/common-passwords.mjs` builds from them; the script documents its
//! layout. A lookup costs one SHA-512 and a search in memory, and no call.

mod rules;

use sha2::{Digest, Sha512};

const LIST: &[u8] = include_bytes!("common_passwords/list.bin");
/// 257 offsets of two bytes.
const OFFSETS_BYTES: usize = 257 * 2;
/// The bits of a difference that are stored as they are; the quotient is unary.
const REMAINDER_BITS: u32 = 17;

/// Returns whether a password of eight code points or more is easy to guess: it is on a list,
/// follows a rule (repeats, runs, keyboard walks), or repeats a block that is on a list, follows a
/// rule or is too short to be a password. The case of ASCII letters is ignored.
///
/// About one in 220,000 passwords that are not on a list shares its hash prefix with a listed one
/// and is refused as well.
#[must_use]
pub fn is_common(password: &str) -> bool {
    let password = password.to_ascii_lowercase();
    let keys: Vec<char> = password.chars().collect();
    is_listed(&password)
        || rules::is_predictable(&keys)
        || rules::repeated_block(&keys).is_some_and(|block| {
            block.len() < rules::SHORT_BLOCK
                || rules::is_predictable(block)
                || is_listed(&block.iter().collect::<String>())
        })
}

/// Returns whether the lower-case password is on one of the lists.
fn is_listed(password: &str) -> bool {
    let digest = Sha512::digest(password);
    let [first, high, middle, low, ..] = digest.as_slice() else {
        return false;
    };
    let wanted = u32::from_be_bytes([0, *high, *middle, *low]);
    Entries::of_bucket(usize::from(*first))
        .take_while(|entry| *entry <= wanted)
        .any(|entry| entry == wanted)
}

/// The entries of a bucket, in ascending order.
struct Entries {
    bytes: &'static [u8],
    /// The index of the next bit in `bytes`.
    at: usize,
    /// One more than the last entry.
    next: u32,
}

impl Entries {
    /// Returns the entries whose hashes begin with `first`.
    fn of_bucket(first: usize) -> Self {
        let offset = |index: usize| -> Option<usize> {
            let bytes = LIST.get(index * 2..index * 2 + 2)?;
            Some(OFFSETS_BYTES + usize::from(u16::from_be_bytes(bytes.try_into().ok()?)))
        };
        let bytes = offset(first)
            .zip(offset(first + 1))
            .and_then(|(begin, end)| LIST.get(begin..end));
        Self {
            bytes: bytes.unwrap_or_default(),
            at: 0,
            next: 0,
        }
    }

    fn bit(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }
}

impl Iterator for Entries {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let mut difference = 0;
        while self.bit()? == 1 {
            difference += 1;
        }
        for _ in 0..REMAINDER_BITS {
            difference = difference << 1 | self.bit()?;
        }
        let entry = self.next + difference;
        self.next = entry + 1;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::{Entries, is_common, is_listed};

    const LISTS: [&str; 2] = [
        include_str!("common_passwords/zxcvbn.txt"),
        include_str!("common_passwords/django.txt"),
    ];

    #[test]
    fn every_entry_of_both_lists_is_refused_whatever_its_case() {
        let entries: Vec<&str> = LISTS
            .iter()
            .flat_map(|list| list.lines())
            .filter(|entry| entry.chars().count() >= 8)
            .collect();
        assert_eq!(entries.len(), 24_123);
        for entry in entries {
            assert!(is_common(entry), "{entry}");
            assert!(is_common(&entry.to_ascii_uppercase()), "{entry}");
            assert!(is_listed(&entry.to_ascii_lowercase()), "{entry}");
        }
    }

    #[test]
    fn passwords_made_by_rule_are_refused() {
        for password in [
            "00000000",
            "87654321",
            "aaaaaaaa",
            "123123123",
            "\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}",
            "\u{430}\u{431}\u{432}\u{433}\u{434}\u{435}\u{436}\u{437}",
            "KJHGFDSA",
            "mnbvcxz1",
            "qwertz123456",
            "azertyuiop!",
            "zaq1xsw2cde3",
            "1q2w3e4r5t6y",
            "!@#$%^&*",
            "abcdabcdabcd",
            "9o9o9o9o9o",
            "xyzzy7xyzzy7",
            "passwordpassword",
            "football1football1",
            "13579135",
            "24681012",
            "zyxwvuts",
            "aaabbbcccddd",
            "1234512345",
            "99999999999a",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn other_passwords_are_not() {
        for password in [
            "correct horse",
            "password ",
            " password",
            "pässword",
            "kestrel-8-teapot",
            "correct horse correct horse ",
            "x1-9Kq,zT",
            "82739104",
            "my 12345678 reasons",
        ] {
            assert!(!is_common(password), "{password}");
        }
        let accidents = (0..10_000)
            .filter(|number| is_common(&format!("quiet-lantern-{number}-of-oslo")))
            .count();
        assert_eq!(accidents, 0);
    }

    #[test]
    fn the_list_is_whole() {
        let entries = (0..256).map(|first| Entries::of_bucket(first).count());
        assert_eq!(entries.sum::<usize>(), 19_531);
    }
}
