//! Which crate may know which other, which may use the outside world, and the terms that the product never uses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::root;

/// The crates that each crate may depend on, from the bottom up. Its tests may also use [`KIT`].
const ARROWS: &[(&str, &[&str])] = &[
    ("sluice-model", &[]),
    ("sluice-grammar", &["sluice-model"]),
    ("sluice-engine", &["sluice-model"]),
    ("sluice-template", &["sluice-model"]),
    ("sluice-commands", &["sluice-model", "sluice-grammar", "sluice-engine", "sluice-template"]),
    ("sluice-state", &["sluice-model", "sluice-grammar", "sluice-commands"]),
    ("sluice-aws-adapter", &["sluice-model", "sluice-commands"]),
    ("sluice", &["sluice-model", "sluice-grammar", "sluice-commands", "sluice-state", "sluice-aws-adapter"]),
    (KIT, &[]),
    ("sluice-sandbox", &[]),
    ("sluice-e2e", &[]),
];
/// Shared by tests: a dependency of tests only.
const KIT: &str = "sluice-testkit";

/// Restricted dependencies: a prefix of crate names, and the crates that may use it. Tests may use more.
const OUTSIDE: &[(&str, &[&str])] = &[
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

/// The folders of the product, which must not know that the sandbox exists.
const PRODUCT: [&str; 4] = ["aws-adapter", "bot", "commands", "state"];
const FORBIDDEN: [&str; 2] = ["sandbox", "ministack"];

/// The packages of the workspace, each with what it depends on: name and kind (null, "dev", "build").
fn packages() -> BTreeMap<String, Vec<(String, Value)>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let needs = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap();
        all.iter().map(|need| (text(&need["name"]), need["kind"].clone())).collect()
    };
    crate::packages().iter().map(|package| (text(&package["name"]), needs(package))).collect()
}

#[test]
fn crates_depend_only_on_the_crates_below_them() {
    let packages = packages();
    let listed: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let all: BTreeSet<&str> = packages.keys().map(String::as_str).collect();
    assert_eq!(all, listed, "list each crate in ARROWS and in docs/ARCHITECTURE.md");
    for (name, allowed) in ARROWS {
        for (need, kind) in
            packages[*name].iter().filter(|(need, _)| need != name && all.contains(need.as_str()))
        {
            let is_kit = need == KIT && kind == "dev";
            assert!(is_kit || allowed.contains(&need.as_str()), "{name} must not depend on {need}");
        }
    }
}

#[test]
fn only_the_listed_crates_use_the_outside_world() {
    for (name, needs) in packages() {
        for (need, kind) in needs {
            let rule = OUTSIDE.iter().find(|(prefix, _)| need.starts_with(prefix));
            let is_allowed = rule.is_none_or(|(_, users)| users.contains(&name.as_str()));
            assert!(is_allowed || kind == "dev", "{name} must not use {need}");
        }
    }
}

#[test]
fn the_product_does_not_mention_the_sandbox() {
    let mut found = vec![];
    let mut read = 0;
    let mut folders: Vec<_> = PRODUCT.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" && name != "target" {
                folders.push(path);
            } else if path.is_file() && !name.ends_with(".md") {
                read += 1;
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).to_lowercase();
                let words = FORBIDDEN.iter().filter(|word| text.contains(**word));
                found.extend(words.map(|word| format!("{word} in {}", path.display())));
            }
        }
    }
    assert!(read > 100, "only {read} files were read");
    assert!(found.is_empty(), "{found:#?}");
}
