//! Support for `tests/mutants/run.mjs`: a list of the statements that run, and a statement or a
//! trigger that runs with another text. Environment variables enable both, so that one build runs
//! every mutant.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::{env, fs};

use serde::Deserialize;

/// The path of a JSON file with the text to replace and its replacement.
const MUTANT: &str = "LATCHKEY_SQL_MUTANT";
/// The path of the file to which the statements that run are written, as a JSON array.
const INVENTORY: &str = "LATCHKEY_SQL_INVENTORY";

#[derive(Deserialize)]
struct Mutant {
    from: String,
    to: String,
}

static CURRENT: LazyLock<Option<Mutant>> = LazyLock::new(|| {
    let path = env::var_os(MUTANT)?;
    let text = fs::read_to_string(path).expect("the mutant's file");
    Some(serde_json::from_str(&text).expect("a mutant"))
});

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Returns the text after the current mutant's replacement.
pub(super) fn applied(sql: &str) -> Cow<'_, str> {
    if let Some(path) = env::var_os(INVENTORY) {
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.insert(sql.to_owned()) {
            let list = serde_json::to_string(&*seen).expect("JSON");
            fs::write(path, list).expect("the inventory's file");
        }
    }
    match &*CURRENT {
        Some(mutant) if sql.contains(&mutant.from) => sql.replace(&mutant.from, &mutant.to).into(),
        _ => sql.into(),
    }
}
