//! No two modules of a crate depend on each other. The circles that are left are listed in `circles.txt`; the list only shrinks.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::circles::{Circle, circles};
use crate::tree::Tree;

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/arrows/circles.txt");

/// The circles of each target, by the line that lists it: `sluice-commands: crate::a crate::b`.
fn found() -> BTreeMap<String, Circle> {
    let mut found = BTreeMap::new();
    let mut files = 0;
    for package in crate::packages() {
        for target in package["targets"].as_array().unwrap() {
            let kind = target["kind"][0].as_str().unwrap();
            if !["lib", "bin"].contains(&kind) {
                continue;
            }
            let tree = Tree::read(Path::new(target["src_path"].as_str().unwrap()));
            files += tree.files();
            for circle in circles(&tree.uses()) {
                let name = target["name"].as_str().unwrap();
                found.insert(format!("{name}: {}", circle.modules.join(" ")), circle);
            }
        }
    }
    assert!(files > 200, "only {files} files were read");
    found
}

/// How many modules the lines name.
fn modules<'a>(lines: impl IntoIterator<Item = &'a str>) -> usize {
    lines.into_iter().map(|line| line.split(' ').count() - 1).sum()
}

#[test]
fn modules_do_not_depend_on_each_other() {
    let found = found();
    let list = std::fs::read_to_string(LIST).unwrap_or_default();
    let known: Vec<&str> = list.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let (before, now) = (modules(known.iter().copied()), modules(found.keys().map(String::as_str)));
    if std::env::var_os("SLUICE_WRITE_ARROWS").is_some() && now <= before {
        let head =
            "# Modules that depend on each other, a circle a line. The list only shrinks: see modules.rs.\n";
        let lines: String = found.keys().map(|line| format!("{line}\n")).collect();
        std::fs::write(LIST, format!("{head}{lines}")).unwrap();
        return;
    }
    let mut wrong = String::new();
    for (line, circle) in found.iter().filter(|(line, _)| !known.contains(&line.as_str())) {
        let _ = write!(
            wrong,
            "\na new circle, or a known one that changed: {line}\n  {}\n",
            circle.way.join("\n  ")
        );
    }
    for line in known.iter().filter(|line| !found.contains_key(**line)) {
        let _ = write!(wrong, "\nno longer a circle: {line}\n");
    }
    assert!(
        wrong.is_empty(),
        "{wrong}\n{now} modules are in circles, {before} are listed. Move what the arrow back needs to a module below both. \
         If there are not more than before: SLUICE_WRITE_ARROWS=1 cargo test --workspace --test arrows"
    );
}
