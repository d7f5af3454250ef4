//! The initial commit of `/repo create NAME`: a small service that builds, deploys and answers without changes.
//!
//! The files are embedded from `commands/scaffold/`, where they can be read, run and tested; only the pipeline's name is
//! inserted. The same pipeline always gets the same bytes. No file contains a secret.

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::ports::NewFile;
use sluice_model::PipelineName;

/// The placeholder for the pipeline's name in the files.
const NAME: &str = "{{pipeline}}";

/// Path in the repository, and content.
const PYTHON: [(&str, &str); 6] = [
    (".gitignore", include_str!("../../scaffold/python/gitignore")),
    ("README.md", include_str!("../../scaffold/python/README.md")),
    ("buildspec.yml", include_str!("../../scaffold/python/buildspec.yml")),
    ("src/app.py", include_str!("../../scaffold/python/src/app.py")),
    ("template.yaml", include_str!("../../scaffold/python/template.yaml")),
    ("tests/test_app.py", include_str!("../../scaffold/python/tests/test_app.py")),
];

/// The Python service, sorted by path.
pub fn python(pipeline: &PipelineName) -> Vec<NewFile> {
    let file = |(path, content): (&str, &str)| NewFile {
        path: path.to_owned(),
        content: Bytes::from(content.replace(NAME, pipeline.as_str())),
    };
    PYTHON.into_iter().map(file).collect()
}
