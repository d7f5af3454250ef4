//! Phrases that `docs/STYLE.md` does not use, in code, comments, messages and documents.

use std::path::{Path, PathBuf};

use crate::root;

/// Each is searched for in lower case, across line breaks.
const NOT_USED: [&str; 16] = [
    "so that",
    "that is to be",
    "is told",
    "are told",
    "was told",
    "be told",
    "whoever",
    "nobody but",
    "mended",
    "to mend",
    "pass by",
    "passes by",
    "taken back",
    "takes back",
    "take back",
    "comes to be",
];
const FOLDERS: [&str; 7] = ["aws-adapter", "bot", "commands", "docs", "sandbox", "state", "tests"];
const PAGES: [&str; 3] = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"];
/// Files that quote the phrases.
const QUOTE: [&str; 2] = ["docs/STYLE.md", "tests/arrows/english.rs"];

/// The text in one line, without the marks of comments.
fn plain(text: &str) -> String {
    let words = text.lines().map(|line| line.trim().trim_start_matches(['/', '!', '#']));
    words.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ").to_lowercase()
}

fn add(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let is_read =
            path.extension().is_some_and(|ending| ["rs", "md"].iter().any(|known| ending == *known));
        if path.is_dir() && entry.file_name() != "target" {
            add(&path, files);
        } else if path.is_file() && is_read {
            files.push(path);
        }
    }
}

#[test]
fn phrases_that_the_style_does_not_use_do_not_appear() {
    let mut files: Vec<PathBuf> = PAGES.iter().map(|page| root().join(page)).collect();
    for folder in FOLDERS {
        add(&root().join(folder), &mut files);
    }
    assert!(files.len() > 500, "only {} files were read", files.len());
    let mut found = vec![];
    for file in files {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        if QUOTE.contains(&name.as_str()) {
            continue;
        }
        let text = plain(&std::fs::read_to_string(&file).unwrap());
        for phrase in NOT_USED.iter().filter(|phrase| text.contains(*phrase)) {
            found.push(format!("{name}: \"{phrase}\""));
        }
    }
    assert!(found.is_empty(), "see docs/STYLE.md:\n{}", found.join("\n"));
}
