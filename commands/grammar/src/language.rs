//! The templates of a repository's first commit.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The template of a first commit: the same service in a language, or the frame for an application of one's own. Its words are
/// in journals, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python: for commands that name none, and for journals from before there was a choice.
    #[default]
    Python,
    /// Node.js.
    Node,
    /// Rust.
    Rust,
    /// An application of one's own, in any language, described by AWS SAM or CloudFormation.
    Sam,
}

impl Language {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Language; 4] = [Language::Python, Language::Node, Language::Rust, Language::Sam];

    /// The template as people type it.
    pub fn word(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::Node => "node",
            Language::Rust => "rust",
            Language::Sam => "sam",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
