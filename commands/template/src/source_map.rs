//! The file and line of each resource in the team's own sources.
//!
//! The packager writes them (`sluice-lines.json`), because the plain template is generated and its own lines help nobody. They
//! are for people only: nothing that is deployed depends on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The most characters of a file's name that are kept.
const LONGEST_FILE: usize = 200;

/// A place in a source file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The path below the repository's root: `template.yaml`.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// The source of each resource by logical id. A clone costs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceMap(Arc<BTreeMap<String, Source>>);

impl SourceMap {
    /// The source of a resource, if the packager knew it.
    pub fn get(&self, logical_id: &str) -> Option<&Source> {
        self.0.get(logical_id)
    }
}

/// Names of files are shortened, and lose characters that would break the line of a message.
impl FromIterator<(String, Source)> for SourceMap {
    fn from_iter<I: IntoIterator<Item = (String, Source)>>(entries: I) -> Self {
        let plain = |file: &str| file.chars().filter(|sign| !sign.is_control()).take(LONGEST_FILE).collect();
        let entries = entries.into_iter();
        Self(Arc::new(
            entries.map(|(id, Source { file, line })| (id, Source { file: plain(&file), line })).collect(),
        ))
    }
}
