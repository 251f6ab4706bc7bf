//! What clients are told is in the table for those who write clients.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A code that only a client's side of the codec gives.
const CLIENTS_OWN: &str = "client_frame_from_server";

#[test]
fn every_code_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let table = fs::read_to_string(root.join("docs/wire.md")).unwrap();
    let codes = codes(&root.join("crates"));
    for known in [
        "no_handler",
        "token_expired",
        "already_taken",
        "busy",
        "too_deep",
    ] {
        assert!(codes.contains(known), "{known} is not found: {codes:?}");
    }
    let missing: Vec<_> = codes
        .iter()
        .filter(|code| *code != CLIENTS_OWN && !table.contains(&format!("`{code}`")))
        .collect();
    assert!(missing.is_empty(), "docs/wire.md lacks {missing:?}");
}

/// The codes of refusals in the sources of all crates.
fn codes(crates: &Path) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for file in sources(crates) {
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for made in ["Rejection::new(", "Refusal::new("] {
            for call in text.split(made).skip(1) {
                let arguments = call.split([';', '{']).next().unwrap_or_default();
                codes.extend(words(arguments).next());
            }
        }
        for function in text.split("fn code(&self) -> ").skip(1) {
            let body = function.split("\n    }").next().unwrap_or_default();
            codes.extend(words(body));
        }
    }
    codes
}

/// String literals that could be a code.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| {
            word.len() > 2
                && word
                    .bytes()
                    .all(|byte| byte == b'_' || byte.is_ascii_lowercase())
        })
        .map(str::to_owned)
}

/// Files of sources, without tests, examples and what is never sent to a client.
fn sources(crates: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![crates.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                let is_apart = ["tests", "examples", "benches", "stompline-load", "target"];
                if !is_apart.contains(&&*name) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|kind| kind == "rs") && name != "tests.rs" {
                found.push(path);
            }
        }
    }
    found
}
