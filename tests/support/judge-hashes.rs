//! Which stored hashes the service can verify, for the tests of the importer: one hash per line on
//! standard input, `1` or `0` per line on standard output.

use std::io::{self, Read, Write};

use latchkey::domain::credential::hashing::StoredHash;

fn main() -> io::Result<()> {
    let mut texts = String::new();
    io::stdin().read_to_string(&mut texts)?;
    let verdicts: String = texts
        .lines()
        .map(|text| StoredHash::from_database(text.to_owned()))
        .map(|hash| if hash.can_be_verified() { "1\n" } else { "0\n" })
        .collect();
    io::stdout().write_all(verdicts.as_bytes())
}
