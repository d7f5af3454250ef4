//! The languages that a repository can begin with.

use std::fmt;

/// The language of a repository's first commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Python, the standard library only.
    Python,
    /// Node.
    Node,
    /// Rust.
    Rust,
}

impl Language {
    pub(super) const ALL: [Language; 3] = [Language::Python, Language::Node, Language::Rust];

    /// The language as people type it.
    pub fn word(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::Node => "node",
            Language::Rust => "rust",
        }
    }

    /// Whether there is a template for it yet.
    pub fn available(self) -> bool {
        self == Language::Python
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
