//! Checks that the structure matches its picture in ARCHITECTURE.md.
#![expect(clippy::unwrap_used, reason = "a test: whatever is not there fails it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use latchkey::api::Endpoint;
use latchkey::service::policy::Proof;

/// Each layer, with the layers that it may use.
const LAYERS: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("ports", &["domain"]),
    ("store", &["testing", "ports", "domain"]),
    ("service", &["testing", "store", "ports", "domain"]),
    ("web", &["testing", "service", "store", "ports", "domain"]),
    (
        "api",
        &["testing", "web", "service", "store", "ports", "domain"],
    ),
    (
        "server",
        &[
            "testing", "api", "web", "service", "store", "ports", "domain",
        ],
    ),
    (
        "platform",
        &[
            "server", "api", "web", "service", "store", "ports", "domain",
        ],
    ),
    ("testing", &["ports", "domain"]),
];

/// Crates that only one layer, or some layers, may name.
const CRATES: [(&str, &[&str]); 9] = [
    ("worker", &["platform"]),
    ("js_sys", &["platform"]),
    ("wasm_bindgen", &["platform"]),
    ("getrandom", &["platform"]),
    ("futures_util", &["platform"]),
    ("http", &["web", "server", "platform"]),
    ("jwt_compact", &["domain"]),
    ("argon2", &["domain"]),
    ("utoipa", &["domain", "web", "api"]),
];

/// The ways to make a request to the outside: the runtime's `fetch`, `worker`'s `Fetch` and
/// `Fetcher`, raw sockets, mails.
const OUTBOUND: [&str; 5] = ["fetch_with_", "\"fetch\"", "Fetch", "Socket", "\"send\""];

/// The Rust files of the package, each with its layer and its text without comments.
fn sources() -> Vec<(PathBuf, String, String)> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(&root).unwrap();
            let first = inside.components().next()?.as_os_str().to_str()?;
            let layer = first.trim_end_matches(".rs").to_owned();
            let code = fs::read_to_string(&path)
                .unwrap()
                .lines()
                .map(|line| line.split("//").next().unwrap_or_default())
                .collect::<Vec<_>>()
                .join("\n");
            (layer != "lib").then(|| (inside.to_owned(), layer, code))
        })
        .collect()
}

/// The words that follow `prefix` in a text.
fn words_after(text: &str, prefix: &str) -> BTreeSet<String> {
    text.match_indices(prefix)
        .map(|(at, _)| {
            text[at + prefix.len()..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

/// Whether a text names a crate in a path: `name::`, not `other_name::` or `module::name::`.
fn names_crate(text: &str, name: &str) -> bool {
    text.match_indices(&format!("{name}::")).any(|(at, _)| {
        text[..at]
            .chars()
            .next_back()
            .is_none_or(|before| !(before.is_alphanumeric() || before == '_' || before == ':'))
    })
}

#[test]
fn imports_point_down_the_layers_only() {
    for (file, layer, code) in sources() {
        let (_, below) = LAYERS
            .iter()
            .find(|(name, _)| *name == layer)
            .unwrap_or_else(|| panic!("{} belongs to no layer", file.display()));
        for used in words_after(&code, "crate::") {
            assert!(
                used == layer || below.contains(&used.as_str()),
                "{} uses crate::{used}",
                file.display()
            );
        }
        for (name, users) in CRATES {
            assert!(
                !names_crate(&code, name) || users.contains(&layer.as_str()),
                "{} names the crate {name}",
                file.display()
            );
        }
    }
}

/// Words that begin a statement. (`testing` sets pragmas and runs the SQL of tests.)
const SQL: [&str; 4] = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "];

/// The rules of sessions, passwords and throttling are statements, and exist in one place.
#[test]
fn only_the_store_contains_sql() {
    for (file, layer, code) in sources() {
        let is_test = file
            .iter()
            .any(|part| part == "tests" || part == "tests.rs");
        for words in SQL {
            assert!(
                layer == "store" || layer == "testing" || is_test || !code.contains(words),
                "{} contains {words}",
                file.display()
            );
        }
    }
}

/// Production code must not depend on what only tests use.
#[test]
fn only_tests_use_the_testing_layer() {
    for (file, layer, code) in sources() {
        let is_test = file
            .iter()
            .any(|part| part == "tests" || part == "tests.rs");
        assert!(
            layer == "testing" || is_test || !code.contains("crate::testing"),
            "{} uses crate::testing",
            file.display()
        );
    }
}

/// A new outbound request must be added here, where a reviewer sees it.
#[test]
fn only_two_files_ask_the_rest_of_the_world() {
    let outbound: BTreeSet<PathBuf> = sources()
        .into_iter()
        .filter(|(_, _, code)| OUTBOUND.iter().any(|way| code.contains(way)))
        .map(|(file, _, _)| file)
        .collect();
    assert_eq!(
        outbound,
        BTreeSet::from(["platform/breach.rs", "platform/mail.rs"].map(PathBuf::from))
    );
}

#[test]
fn every_layer_is_there() {
    let found: BTreeSet<String> = sources().into_iter().map(|(_, layer, _)| layer).collect();
    let drawn: BTreeSet<String> = LAYERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, drawn);
}

/// A new endpoint for any client must be added here, where a reviewer sees it.
#[test]
fn what_anyone_may_call_is_listed_here() {
    let open: Vec<&str> = Endpoint::all()
        .filter(|endpoint| endpoint.policy().proof == Proof::Nothing)
        .map(|endpoint| endpoint.route().operation)
        .collect();
    assert_eq!(
        open,
        [
            "Health",
            "Ready",
            "KeySet",
            "Home",
            "AccountRegister",
            "AccountLogin",
            "AccountVerifyEmail",
            "AccountResendVerification",
            "AccountConfirmEmail",
            "AccountRequestLogin",
            "AccountConfirmLogin",
            "RecoveryForgot",
            "RecoveryReset",
            "RecoveryUndoEmail",
            "RecoveryDisownLogin"
        ]
    );
}

#[test]
fn no_route_stands_twice() {
    let keys: BTreeSet<_> = Endpoint::table()
        .map(|(_, route)| (route.method.as_str(), route.path))
        .collect();
    let names: BTreeSet<_> = Endpoint::table()
        .map(|(_, route)| route.operation)
        .collect();
    assert_eq!(keys.len(), Endpoint::all().count());
    assert_eq!(names.len(), Endpoint::all().count());
}

/// An area can be removed or rewritten without looking at the others.
#[test]
fn no_area_names_another() {
    let areas: BTreeSet<String> = sources()
        .into_iter()
        .filter_map(|(file, _, _)| area(&file))
        .collect();
    assert!(areas.len() > 1);
    for (file, _, code) in sources() {
        let Some(own) = area(&file) else { continue };
        for other in areas.iter().filter(|other| **other != own) {
            for path in [format!("api::{other}"), format!("super::super::{other}")] {
                assert!(!code.contains(&path), "{} names {path}", file.display());
            }
        }
    }
}

/// The folder of `api` that contains a file.
fn area(file: &Path) -> Option<String> {
    let inside = file.strip_prefix("api").ok()?;
    let mut parts = inside.components();
    let (area, _) = (parts.next()?, parts.next()?);
    Some(area.as_os_str().to_str()?.to_owned())
}

/// The modules of the package do not import each other in a circle: each can be read after those
/// that it names. A folder and its `mod.rs` are one module, which its files may name.
#[test]
fn imports_have_no_circle() {
    let files: Vec<(String, String)> = sources()
        .into_iter()
        .filter(|(file, layer, _)| layer != "testing" && !is_test(file))
        .map(|(file, _, code)| (module(&file), production(&code)))
        .collect();
    let modules: BTreeSet<&str> = files.iter().map(|(module, _)| module.as_str()).collect();
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (module, code) in &files {
        for path in imported(code, module) {
            let target = modules
                .iter()
                .filter(|known| path == **known || path.starts_with(&format!("{known}::")))
                .max_by_key(|known| known.len());
            if let Some(target) = target
                && *target != module
                && !module.starts_with(&format!("{target}::"))
            {
                edges.entry(module).or_default().insert(target);
            }
        }
    }
    for start in &modules {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = edges.get(start).into_iter().flatten().copied().collect();
        while let Some(next) = open.pop() {
            assert_ne!(next, *start, "{start} is imported by what it imports");
            if reached.insert(next) {
                open.extend(edges.get(next).into_iter().flatten());
            }
        }
    }
}

/// `service/config/mod.rs` and `service/config.rs` are `service::config`.
fn module(file: &Path) -> String {
    let text = file.with_extension("").to_str().unwrap().replace('/', "::");
    text.strip_suffix("::mod").unwrap_or(&text).to_owned()
}

/// The part before a file's own tests.
fn production(code: &str) -> String {
    code.split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The paths of a file's `use` declarations, from the root of the package, including each path of a
/// list.
fn imported(code: &str, module: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let Some(text) = code[at + 4..].split(';').next() else {
            continue;
        };
        let text: String = text.split_whitespace().collect::<Vec<_>>().join("");
        let (parent, _) = module.rsplit_once("::").unwrap_or(("", module));
        let from_root = if let Some(rest) = text.strip_prefix("crate::") {
            rest.to_owned()
        } else if let Some(rest) = text.strip_prefix("super::super::") {
            let (above, _) = parent.rsplit_once("::").unwrap_or(("", parent));
            format!("{above}::{rest}")
        } else if let Some(rest) = text.strip_prefix("super::") {
            format!("{parent}::{rest}")
        } else {
            continue;
        };
        match from_root.split_once('{') {
            None => paths.push(from_root),
            Some((before, list)) => {
                paths.extend(list.trim_end_matches('}').split(',').map(|item| {
                    format!("{before}{item}")
                        .trim_end_matches("::self")
                        .to_owned()
                }));
            }
        }
    }
    paths
}

/// Whether a file contains only tests.
fn is_test(file: &Path) -> bool {
    file.iter()
        .any(|part| part == "tests" || part == "tests.rs" || part == "mutants.rs")
}

/// The values of `key = "…"` lines under `[[section]]` headings of wrangler.toml.
fn bound(section: &str, key: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("wrangler.toml");
    let text = fs::read_to_string(path).unwrap();
    let mut inside = false;
    let mut values = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.trim() == format!("[[{section}]]");
        } else if let Some(value) = line.strip_prefix(&format!("{key} = ")).filter(|_| inside) {
            values.insert(value.trim_matches('"').to_owned());
        }
    }
    values
}

/// The values of the `const NAME: &str = "…"` lines of `platform/names.rs`.
fn named() -> BTreeSet<String> {
    sources()
        .into_iter()
        .filter(|(file, _, _)| file.ends_with("platform/names.rs"))
        .flat_map(|(_, _, code)| {
            code.lines()
                .filter(|line| line.contains("const ") && line.contains(": &str = "))
                .filter_map(|line| line.split('"').nth(1).map(str::to_owned))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn bindings_have_the_names_of_wrangler_toml() {
    let mut bound_names = bound("d1_databases", "binding");
    bound_names.extend(bound("kv_namespaces", "binding"));
    bound_names.extend(bound("ratelimits", "name"));
    bound_names.extend(bound("send_email", "name"));
    assert_eq!(named(), bound_names);
}
