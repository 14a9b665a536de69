//! `scripts/users/hash-bounds.json`: which costs and lengths of stored hashes the service verifies,
//! for the importer, which does not require Rust. The test asks the service's own parser, and fails
//! when the file differs. After a change of a bound:
//!
//! ```text
//! LATCHKEY_WRITE_BOUNDS=1 cargo test --test hash_bounds
//! ```
#![expect(clippy::unwrap_used, reason = "a test: whatever is not there fails it")]

use std::{env, fs};

use base64ct::{Base64, Base64Unpadded, Encoding};
use latchkey::domain::credential::hashing::StoredHash;
use serde_json::{Value, json};

const PATH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/scripts/users/hash-bounds.json"
);
/// No accepted length reaches the first, and no accepted cost the second.
const LONGEST: u64 = 1_000;
const HIGHEST: u64 = 1 << 33;

fn is_read(hash: String) -> bool {
    StoredHash::from_database(hash).can_be_verified()
}

/// This number of bytes in unpadded base64.
fn bytes(length: u64) -> String {
    Base64Unpadded::encode_string(&vec![7; usize::try_from(length).unwrap()])
}

/// The first and the last accepted length.
fn lengths(is_taken: impl Fn(u64) -> bool) -> Value {
    range(LONGEST, is_taken)
}

/// The first and the last accepted cost.
fn costs(is_taken: impl Fn(u64) -> bool) -> Value {
    range(HIGHEST, is_taken)
}

/// The first and the last accepted number below `limit`; those between them are accepted too. Null
/// when there is none.
fn range(limit: u64, is_taken: impl Fn(u64) -> bool) -> Value {
    let tries = (0..128).chain((7..33).map(|power| 1 << power));
    let mut tries = tries.filter(|number| *number < limit);
    let Some(inside) = tries.find(|number| is_taken(*number)) else {
        return Value::Null;
    };
    let edge = |mut inside: u64, mut outside: u64| {
        while inside.abs_diff(outside) > 1 {
            let middle = inside.midpoint(outside);
            if is_taken(middle) {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        inside
    };
    let first = if inside == 0 { 0 } else { edge(inside, 0) };
    json!([first, edge(inside, limit)])
}

/// A range for each number from 1 to the last that has one.
fn table(last: u64, is_taken: impl Fn(u64, u64) -> bool) -> Value {
    let rows = (1..=last).map(|key| (key.to_string(), costs(|number| is_taken(key, number))));
    Value::Object(rows.filter(|(_, range)| !range.is_null()).collect())
}

fn argon(memory: u64, passes: u64, lanes: u64, [salt, tag]: [u64; 2]) -> bool {
    let [salt, tag] = [salt, tag].map(bytes);
    is_read(format!(
        "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${tag}"
    ))
}

fn scrypt(log_n: u64, blocks: u64, lanes: u64, [salt, key]: [u64; 2]) -> bool {
    let [salt, key] = [salt, key].map(bytes);
    is_read(format!(
        "$scrypt$ln={log_n},r={blocks},p={lanes}${salt}${key}"
    ))
}

fn pbkdf2(rounds: u64) -> bool {
    let [salt, key] = [16, 32].map(bytes);
    is_read(format!("$pbkdf2-sha256${rounds}${salt}${key}"))
}

fn bcrypt(cost: u64) -> bool {
    is_read(format!(
        "$2b${cost:02}$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
    ))
}

fn bounds() -> [(&'static str, Value); 6] {
    let argon2 = json!({
        "memoryKibByPasses": table(100, |passes, memory| argon(memory, passes, 1, [16, 32])),
        "lanes": costs(|lanes| argon(8_192, 2, lanes, [16, 32])),
        "saltBytes": lengths(|length| argon(8_192, 2, 1, [length, 32])),
        "tagBytes": lengths(|length| argon(8_192, 2, 1, [16, length])),
    });
    let scrypt_bounds = json!({
        "logNByBlocks": table(128, |blocks, log_n| scrypt(log_n, blocks, 1, [16, 32])),
        "lanes": costs(|lanes| scrypt(4, 8, lanes, [16, 32])),
    });
    [
        ("argon2", argon2),
        ("bcrypt", json!({ "cost": costs(bcrypt) })),
        ("scrypt", scrypt_bounds),
        ("pbkdf2", json!({ "rounds": costs(pbkdf2) })),
        ("saltBytes", lengths(|length| scrypt(4, 8, 1, [length, 32]))),
        ("keyBytes", lengths(|length| scrypt(4, 8, 1, [16, length]))),
    ]
}

#[test]
fn the_importer_has_the_bounds_of_the_service() {
    let lines = bounds().map(|(name, value)| format!("  \"{name}\": {value}"));
    let wanted = format!("{{\n{}\n}}\n", lines.join(",\n"));
    if env::var_os("LATCHKEY_WRITE_BOUNDS").is_some() {
        fs::write(PATH, &wanted).unwrap();
    }
    assert_eq!(fs::read_to_string(PATH).unwrap(), wanted);
}

/// The importer has one bound for the salts, and one for the keys, of all kinds but Argon2's.
#[test]
fn lengths_are_those_of_every_kind() {
    let salts = lengths(|length| scrypt(4, 8, 1, [length, 32]));
    let keys = lengths(|length| scrypt(4, 8, 1, [16, length]));
    let key = bytes(32);
    for name in ["pbkdf2-sha256", "pbkdf2-sha1", "pbkdf2"] {
        let salt_of = |length| is_read(format!("${name}$1000${}${key}", bytes(length)));
        let key_of = |length| is_read(format!("${name}$1000${key}${}", bytes(length)));
        assert_eq!(lengths(salt_of), salts, "{name}");
        assert_eq!(lengths(key_of), keys, "{name}");
    }
    let padded = |length: u64| Base64::encode_string(&vec![7; usize::try_from(length).unwrap()]);
    let firebase = |salt: u64, separator: u64, signer: u64| {
        is_read(format!(
            "$firebase-scrypt$ln=4,r=8${}${}${}${}",
            padded(salt),
            padded(separator),
            padded(signer),
            padded(signer)
        ))
    };
    assert_eq!(lengths(|length| firebase(length, 0, 64)), salts);
    assert_eq!(lengths(|length| firebase(0, length, 64)), salts);
    assert_eq!(lengths(|length| firebase(8, 1, length)), keys);
}
