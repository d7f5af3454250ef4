//! `sluice-manifest.json`: what the packaging script pinned, one object version and one SHA-256 per function.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::error::{TemplateCode, TemplateError};

/// The format that this reader knows.
const SCHEMA: u32 = 1;

/// The packaged code of a build's functions, by logical id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the format.
    pub schema: u32,
    /// Where the code of each function is, and what it is.
    pub functions: BTreeMap<String, ManifestFunction>,
}

/// The packaged code of one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFunction {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The version id of the object.
    pub version: String,
    /// SHA-256 of the zip in base64, as Lambda reports it.
    pub sha256: String,
}

impl Manifest {
    /// Reads and checks a manifest; all that is wrong is told at once.
    pub fn parse(text: &str) -> Result<Self, Vec<TemplateError>> {
        let manifest: Self = serde_json::from_str(text).map_err(|error| vec![wrong(None, error.to_string())])?;
        if manifest.schema != SCHEMA {
            return Err(vec![wrong(None, format!("its schema is {}, not {SCHEMA}", manifest.schema))]);
        }
        let errors: Vec<_> =
            manifest.functions.iter().flat_map(|(logical_id, function)| function.problems(logical_id)).collect();
        if errors.is_empty() { Ok(manifest) } else { Err(errors) }
    }
}

impl ManifestFunction {
    fn problems(&self, logical_id: &str) -> Vec<TemplateError> {
        let mut problems = Vec::new();
        for (name, value) in [("bucket", &self.bucket), ("key", &self.key), ("version", &self.version)] {
            // "null" is the version id of an object that was written before versioning was on.
            if value.is_empty() || value == "null" {
                problems.push(format!("`{name}` is empty"));
            }
        }
        if STANDARD.decode(&self.sha256).map(|bytes| bytes.len()) != Ok(32) {
            problems.push("`sha256` is no SHA-256 in base64".to_owned());
        }
        problems.into_iter().map(|problem| wrong(Some(logical_id), problem)).collect()
    }
}

fn wrong(logical_id: Option<&str>, problem: String) -> TemplateError {
    let function = logical_id.map(|id| format!(", {id}")).unwrap_or_default();
    TemplateError {
        code: TemplateCode::Manifest,
        resource: logical_id.map(str::to_owned),
        line: None,
        problem: format!("sluice-manifest.json{function}: {problem}"),
        hint: "build again; the buildspec runs `python3 sluice_package.py`, which writes this file".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn problems(text: &str) -> Vec<String> {
        Manifest::parse(text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_manifest_is_read() {
        let text = format!(
            r#"{{"schema":1,"functions":{{"F":{{"bucket":"b","key":"k","version":"v","sha256":"{SHA}"}}}}}}"#
        );
        assert_eq!(Manifest::parse(&text).unwrap().functions["F"].sha256, SHA);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let text = r#"{"schema":1,"functions":{"F":{"bucket":"b","key":"","version":"null","sha256":"abc"}}}"#;
        let found = problems(text);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().all(|problem| problem.contains("sluice-manifest.json, F")), "{found:?}");
    }

    #[test]
    fn another_schema_an_unknown_field_and_garbage_are_refused() {
        for text in [r#"{"schema":2,"functions":{}}"#, r#"{"schema":1,"functions":{},"x":1}"#, "[]", "", "{"] {
            assert_eq!(problems(text).len(), 1, "{text}");
        }
    }
}
