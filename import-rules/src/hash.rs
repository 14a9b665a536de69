//! Password hashes: whether the service verifies one, and if not, what is wrong with it.
//!
//! The verdict is the service's alone. The reason is for the person who imports: a hash of a
//! known kind that would be read if its costs were low is beyond the bounds, and any other of a
//! known kind is damaged.

use latchkey::domain::credential::hashing::StoredHash;
use serde::Serialize;

/// Why the service could not verify a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HashFault {
    /// No kind that the service knows.
    #[serde(rename = "hash_unsupported")]
    Unsupported,
    /// It asks for more work than the service does for a login, or for less than it allows.
    #[serde(rename = "hash_out_of_bounds")]
    OutOfBounds,
    /// A known kind, and something else is wrong with it.
    #[serde(rename = "hash_damaged")]
    Damaged,
}

/// Costs that every kind allows, by the name of the parameter.
const LOW_COSTS: [(&str, &str); 6] = [
    ("m", "8192"),
    ("t", "1"),
    ("p", "1"),
    ("ln", "4"),
    ("r", "8"),
    ("i", "1"),
];
/// A cost that is a number alone: of bcrypt's, and rounds.
const LOW_COST: u32 = 4;
/// Hexadecimal digits of a key that Better Auth makes.
const BETTER_AUTH_KEY_DIGITS: usize = 128;

/// Reads a hash and returns the name of the pepper that it needs, if it needs one.
///
/// # Errors
///
/// [`HashFault`] when the service could not verify it.
pub(crate) fn read(text: String) -> Result<Option<String>, HashFault> {
    let hash = StoredHash::from_database(text);
    if hash.can_be_verified() {
        return Ok(hash.pepper());
    }
    let cheap = StoredHash::from_database(with_low_costs(hash.expose())?);
    Err(if cheap.can_be_verified() {
        HashFault::OutOfBounds
    } else {
        HashFault::Damaged
    })
}

/// The same hash at low costs; a fault when the kind has none to change, or is not known.
fn with_low_costs(text: &str) -> Result<String, HashFault> {
    let fields: Vec<&str> = text.split('$').collect();
    let place = match fields.as_slice() {
        ["pbkdf2_sha256" | "pbkdf2_sha1", ..] => 1,
        [
            "",
            "2a" | "2b" | "2y" | "scrypt" | "firebase-scrypt" | "pbkdf2" | "pbkdf2-sha1"
            | "pbkdf2-sha256",
            ..,
        ] => 2,
        ["", "argon2id" | "argon2i" | "argon2d", version, _, _, _]
            if !matches!(*version, "v=16" | "v=19") =>
        {
            return Err(HashFault::Unsupported);
        }
        ["", "argon2id" | "argon2i" | "argon2d", ..] => 3,
        // The importer rewrites Supabase's spelling of Firebase's hashes: what is left is damaged.
        ["", "fbscrypt", version, ..] if version.starts_with("v=1,") => {
            return Err(HashFault::Damaged);
        }
        [text] if is_better_auth(text) => return Err(HashFault::Damaged),
        _ => return Err(HashFault::Unsupported),
    };
    let cheap: Vec<String> = fields
        .iter()
        .enumerate()
        .map(|(at, field)| {
            if at == place {
                lowered(field)
            } else {
                (*field).to_owned()
            }
        })
        .collect();
    Ok(cheap.join("$"))
}

/// `m=4194304,t=10,p=4` with low numbers; what is not a number stays.
fn lowered(costs: &str) -> String {
    let parts: Vec<String> = costs.split(',').map(lowered_part).collect();
    parts.join(",")
}

fn lowered_part(part: &str) -> String {
    let Some((name, value)) = part.split_once('=') else {
        let width = part.len();
        return if part.parse::<u32>().is_ok() {
            format!("{LOW_COST:0width$}")
        } else {
            part.to_owned()
        };
    };
    let is_number = value
        .parse::<u32>()
        .is_ok_and(|number| number.to_string() == value);
    let low = LOW_COSTS.iter().find(|(cost, _)| *cost == name);
    match low {
        Some((_, low)) if is_number => format!("{name}={low}"),
        _ => part.to_owned(),
    }
}

fn is_better_auth(text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split_once(':').is_some_and(|(salt, key)| {
        !salt.is_empty() && is_hex(salt) && key.len() == BETTER_AUTH_KEY_DIGITS && is_hex(key)
    })
}

#[cfg(test)]
mod tests {
    use super::{HashFault, read};

    const ARGON: &str = "$argon2id$v=19$m=4096,t=2,p=1$c29tZXNhbHQtMTZieXRlcw$ktaY8UpTHC5aE+VAp8vC4kgZEVi3bOxtZwnPVJwmpPk";
    const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
    const SCRYPT: &str = "$scrypt$ln=10,r=8,p=5$c29tZXNhbHQtMTZieXRlcw$c29tZXNhbHQtMTZieXRlcw";
    const PBKDF2: &str = "$pbkdf2-sha256$i=1000,l=32$c29tZXNhbHQtMTZieXRlcw$c29tZXNhbHQtMTZieXRlcw";
    const PASSLIB: &str = "$pbkdf2$29000$c29tZXNhbHQtMTZieXRlcw$c29tZXNhbHQtMTZieXRlcw";
    const DJANGO: &str = "pbkdf2_sha256$1000$somesalt$c29tZXNhbHQtMTZieXRlcw==";
    const FIREBASE: &str = "$firebase-scrypt$ln=14,r=8$c2FsdA==$Bw==$c29tZXNhbHQtMTZieXRlcw==$c29tZXNhbHQtMTZieXRlcw==";

    fn changed(hash: &str, part: &str, by: &str) -> Result<Option<String>, HashFault> {
        assert!(hash.contains(part), "{hash} has no {part}");
        read(hash.replace(part, by))
    }

    #[test]
    fn a_hash_that_the_service_reads_is_taken() {
        let better_auth = format!("{}:{}", "a".repeat(32), "0f".repeat(64));
        for hash in [
            ARGON,
            BCRYPT,
            SCRYPT,
            PBKDF2,
            PASSLIB,
            DJANGO,
            FIREBASE,
            &better_auth,
        ] {
            assert_eq!(read(hash.to_owned()), Ok(None), "{hash}");
        }
        assert_eq!(
            changed(ARGON, "p=1", "p=1,keyid=b25l"),
            Ok(Some("one".to_owned()))
        );
    }

    #[test]
    fn costs_beyond_the_bounds_are_told_from_damage() {
        for (hash, part, by) in [
            (ARGON, "m=4096", "m=4194304"),
            (ARGON, "m=4096", "m=4095"),
            (ARGON, "t=2", "t=4294967295"),
            (ARGON, "p=1", "p=5"),
            (BCRYPT, "$04$", "$31$"),
            (BCRYPT, "$04$", "$03$"),
            (SCRYPT, "ln=10", "ln=30"),
            (SCRYPT, "ln=10", "ln=0"),
            (SCRYPT, "r=8", "r=65"),
            (SCRYPT, "p=5", "p=4294967295"),
            (PBKDF2, "i=1000", "i=2000001"),
            (PASSLIB, "29000", "4294967295"),
            (DJANGO, "1000", "0"),
            (FIREBASE, "ln=14", "ln=17"),
        ] {
            assert_eq!(
                changed(hash, part, by),
                Err(HashFault::OutOfBounds),
                "{hash}: {by}"
            );
        }
    }

    #[test]
    fn damage_is_no_question_of_costs() {
        for (hash, part, by) in [
            (ARGON, "m=4096", "m=04096"),
            (ARGON, "t=2", "t=4294967296"),
            (ARGON, "p=1", "p=1,x=1"),
            (ARGON, "mpPk", "mpPl"),
            (ARGON, "v=19$", ""),
            (BCRYPT, "$04$", "$4$"),
            (BCRYPT, "6e", "6f"),
            (SCRYPT, ",p=5", ""),
            (PBKDF2, "i=1000", "i=-1"),
            (PASSLIB, "29000", "4294967296"),
            (DJANGO, "==", ""),
            (FIREBASE, "$Bw==", ""),
        ] {
            assert_eq!(
                changed(hash, part, by),
                Err(HashFault::Damaged),
                "{hash}: {by}"
            );
        }
        let salt = "a".repeat(129);
        let better_auth = format!("{salt}:{}", "0f".repeat(64));
        assert_eq!(read(better_auth), Err(HashFault::Damaged));
        assert_eq!(
            read("$fbscrypt$v=1,n=14,r=8,p=2".to_owned()),
            Err(HashFault::Damaged)
        );
    }

    #[test]
    fn an_unknown_kind_is_unsupported() {
        for text in [
            "",
            "x",
            "$",
            "$1$salt$hash",
            "$5$rounds=5000$salt$hash",
            "$fbscrypt$v=2,n=14",
            "md5$salt$hash",
            &ARGON.replace("v=19", "v=17"),
            &ARGON.replace("argon2id", "Argon2id"),
            &PASSLIB.replace("pbkdf2", "pbkdf2-sha512"),
        ] {
            assert_eq!(read(text.to_owned()), Err(HashFault::Unsupported), "{text}");
        }
    }
}
