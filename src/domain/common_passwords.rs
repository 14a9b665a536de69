//! Passwords that many people have: the first that a guesser tries.
//!
//! The list is the frequency list of zxcvbn (MIT, `common_passwords/LICENSE`), entries of at
//! least eight code points, most of the 15,769 from breaches. `scripts/common-passwords.mjs`
//! made `list.bin` and says how it is laid out. Looking up costs one SHA-512 and a search in
//! memory: no call to anything.

use sha2::{Digest, Sha512};

const LIST: &[u8] = include_bytes!("common_passwords/list.bin");
/// 257 offsets of two bytes.
const OFFSETS_BYTES: usize = 257 * 2;
/// What is stored of a hash beside its first byte.
const REST_BYTES: usize = 3;

/// Whether a password is on the list, whatever the case of its ASCII letters.
///
/// About once in 270,000 times a password that is not on the list shares its hash prefix
/// with one that is, and is refused with it.
#[must_use]
pub fn contains(password: &str) -> bool {
    let digest = Sha512::digest(password.to_ascii_lowercase());
    let [first, rest @ ..] = digest.as_slice() else {
        return false;
    };
    let Some(rest) = rest.get(..REST_BYTES) else {
        return false;
    };
    bucket(usize::from(*first)).is_some_and(|bucket| {
        let (entries, _) = bucket.as_chunks::<REST_BYTES>();
        entries
            .binary_search_by(|entry| entry.as_slice().cmp(rest))
            .is_ok()
    })
}

/// The entries whose hashes begin with `first`.
fn bucket(first: usize) -> Option<&'static [u8]> {
    let offset = |index: usize| -> Option<usize> {
        let bytes = LIST.get(index * 2..index * 2 + 2)?;
        let entries = usize::from(u16::from_be_bytes(bytes.try_into().ok()?));
        Some(OFFSETS_BYTES + entries * REST_BYTES)
    };
    LIST.get(offset(first)?..offset(first + 1)?)
}

#[cfg(test)]
mod tests {
    use super::{LIST, OFFSETS_BYTES, REST_BYTES, contains};

    #[test]
    fn the_most_frequent_passwords_are_on_the_list() {
        for password in [
            "password",
            "12345678",
            "123456789",
            "football",
            "iloveyou",
            "princess",
            "baseball",
            "superman",
            "sunshine",
            "trustno1",
            "qwertyuiop",
            "PassWord",
        ] {
            assert!(contains(password), "{password}");
        }
    }

    #[test]
    fn other_passwords_are_not() {
        for password in ["correct horse", "password ", " password", "pässword", ""] {
            assert!(!contains(password), "{password}");
        }
        let accidents = (0..10_000)
            .filter(|number| contains(&format!("quiet-lantern-{number}-of-oslo")))
            .count();
        assert_eq!(accidents, 0);
    }

    #[test]
    fn the_list_is_whole() {
        assert_eq!(LIST.len(), OFFSETS_BYTES + 15_769 * REST_BYTES);
    }
}
