//! The arrows of `docs/ARCHITECTURE.md`: which room may know which other, and the words that the product never says.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The rooms that each room may depend on, in its tests too.
const ARROWS: [(&str, &[&str]); 10] = [
    ("sluice-model", &[]),
    ("sluice-grammar", &["sluice-model", "sluice-testkit"]),
    ("sluice-template", &["sluice-model", "sluice-testkit"]),
    ("sluice-commands", &["sluice-model", "sluice-grammar", "sluice-template", "sluice-testkit"]),
    ("sluice-state", &["sluice-model", "sluice-grammar", "sluice-commands"]),
    ("sluice-aws-adapter", &["sluice-model", "sluice-commands"]),
    (
        "sluice",
        &[
            "sluice-model",
            "sluice-grammar",
            "sluice-commands",
            "sluice-state",
            "sluice-aws-adapter",
            "sluice-testkit",
        ],
    ),
    ("sluice-testkit", &[]),
    ("sluice-sandbox", &[]),
    ("sluice-e2e", &[]),
];

/// What only some rooms may use: how the names of such crates begin, and the rooms. Tests may use more.
const OUTSIDE: [(&str, &[&str]); 9] = [
    ("aws-sdk-dynamodb", &["sluice-state"]),
    ("aws-sdk-", &["sluice-state", "sluice-aws-adapter"]),
    ("aws-", &["sluice-state", "sluice-aws-adapter"]),
    ("slack-morphism", &["sluice"]),
    ("axum", &["sluice", "sluice-sandbox"]),
    ("hyper", &["sluice", "sluice-sandbox", "sluice-aws-adapter"]),
    ("tower", &["sluice", "sluice-sandbox"]),
    ("reqwest", &["sluice-sandbox", "sluice-e2e"]),
    ("rusqlite", &["sluice-state"]),
];

/// Rooms of the product: they do not know that the sandbox is there.
const PRODUCT: [&str; 4] = ["aws-adapter", "bot", "commands", "state"];
const UNSPOKEN: [&str; 2] = ["sandbox", "ministack"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The packages of the workspace, each with what it depends on: name and kind (null, "dev", "build").
fn packages() -> BTreeMap<String, Vec<(String, Value)>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let needs = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap();
        all.iter().map(|need| (text(&need["name"]), need["kind"].clone())).collect()
    };
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| (text(&package["name"]), needs(package))).collect()
}

#[test]
fn rooms_know_only_the_rooms_that_they_may() {
    let packages = packages();
    let rooms: Vec<_> = packages.keys().map(String::as_str).collect();
    let mut known: Vec<_> = ARROWS.iter().map(|(room, _)| *room).collect();
    known.sort_unstable();
    assert_eq!(
        rooms, known,
        "a room without its arrows: say in ARROWS and in docs/ARCHITECTURE.md what it may know"
    );
    for (room, allowed) in ARROWS {
        for (need, _) in &packages[room] {
            let is_room = packages.contains_key(need) && need != room;
            assert!(!is_room || allowed.contains(&need.as_str()), "{room} must not know {need}");
        }
    }
}

#[test]
fn the_outside_world_comes_in_by_its_own_rooms() {
    for (room, needs) in packages() {
        for (need, kind) in needs {
            let rule = OUTSIDE.iter().find(|(begin, _)| need.starts_with(begin));
            let allowed = rule.is_none_or(|(_, rooms)| rooms.contains(&room.as_str()));
            assert!(allowed || kind == "dev", "{room} must not use {need}");
        }
    }
}

#[test]
fn the_product_does_not_speak_of_the_world_it_is_tried_in() {
    let mut found = vec![];
    let mut read = 0;
    for room in PRODUCT {
        let mut folders = vec![root().join(room)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap().flatten() {
                let path = entry.path();
                let name = entry.file_name().to_string_lossy().into_owned();
                if path.is_dir() && name != "tests" && name != "target" {
                    folders.push(path);
                } else if path.is_file() && !name.ends_with(".md") {
                    read += 1;
                    let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).to_lowercase();
                    found.extend(
                        UNSPOKEN
                            .iter()
                            .filter(|word| text.contains(**word))
                            .map(|word| format!("{word} in {}", path.display())),
                    );
                }
            }
        }
    }
    assert!(read > 100, "only {read} files were read");
    assert!(found.is_empty(), "{found:#?}");
}
