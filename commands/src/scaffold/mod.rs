//! The initial commit of `/repo create NAME from …`: a small service that builds, deploys and answers without changes.
//!
//! Python, Node.js and Rust have the same service, with the same routes and answers; `sam` is the frame for an application of
//! one's own. The files are embedded from `commands/scaffold/`, where they can be read, run and tested; only the pipeline's name
//! is inserted. The same pipeline always gets the same bytes. No file contains a secret.

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::ports::NewFile;
use sluice_grammar::Language;
use sluice_model::PipelineName;

/// The placeholder for the pipeline's name in the files.
const NAME: &str = "{{pipeline}}";

/// Path in the repository, and content; sorted by path.
type Files = &'static [(&'static str, &'static str)];

const PYTHON: Files = &[
    (".gitignore", include_str!("../../scaffold/python/gitignore")),
    ("README.md", include_str!("../../scaffold/python/README.md")),
    ("buildspec.yml", include_str!("../../scaffold/python/buildspec.yml")),
    ("src/handlers.py", include_str!("../../scaffold/python/src/handlers.py")),
    ("src/service.py", include_str!("../../scaffold/python/src/service.py")),
    ("template.yaml", include_str!("../../scaffold/python/template.yaml")),
    ("tests/test_service.py", include_str!("../../scaffold/python/tests/test_service.py")),
];

const NODE: Files = &[
    (".gitignore", include_str!("../../scaffold/node/gitignore")),
    ("README.md", include_str!("../../scaffold/node/README.md")),
    ("buildspec.yml", include_str!("../../scaffold/node/buildspec.yml")),
    ("src/handlers.mjs", include_str!("../../scaffold/node/src/handlers.mjs")),
    ("src/service.mjs", include_str!("../../scaffold/node/src/service.mjs")),
    ("template.yaml", include_str!("../../scaffold/node/template.yaml")),
    ("tests/service.test.mjs", include_str!("../../scaffold/node/tests/service.test.mjs")),
];

const RUST: Files = &[
    (".gitignore", include_str!("../../scaffold/rust/gitignore")),
    ("Cargo.lock", include_str!("../../scaffold/rust/Cargo.lock")),
    ("Cargo.toml", include_str!("../../scaffold/rust/Cargo.toml")),
    ("README.md", include_str!("../../scaffold/rust/README.md")),
    ("buildspec.yml", include_str!("../../scaffold/rust/buildspec.yml")),
    ("src/aws.rs", include_str!("../../scaffold/rust/src/aws.rs")),
    ("src/main.rs", include_str!("../../scaffold/rust/src/main.rs")),
    ("src/service.rs", include_str!("../../scaffold/rust/src/service.rs")),
    ("template.yaml", include_str!("../../scaffold/rust/template.yaml")),
];

const SAM: Files = &[
    (".gitignore", include_str!("../../scaffold/sam/gitignore")),
    ("README.md", include_str!("../../scaffold/sam/README.md")),
    ("buildspec.yml", include_str!("../../scaffold/sam/buildspec.yml")),
    ("src/app.py", include_str!("../../scaffold/sam/src/app.py")),
    ("template.yaml", include_str!("../../scaffold/sam/template.yaml")),
];

/// The files of a template, sorted by path.
pub fn files(from: Language, pipeline: &PipelineName) -> Vec<NewFile> {
    let files = match from {
        Language::Python => PYTHON,
        Language::Node => NODE,
        Language::Rust => RUST,
        Language::Sam => SAM,
    };
    let file = |(path, content): &(&str, &str)| NewFile {
        path: (*path).to_owned(),
        content: Bytes::from(content.replace(NAME, pipeline.as_str())),
    };
    files.iter().map(file).collect()
}
