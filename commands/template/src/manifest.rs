//! `sluice-manifest.json`: the object version and the SHA-256 of all code, as the packager pinned it. `packager/README.md` describes it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::budget::{LARGEST_FILE, MOST_FUNCTIONS};
use super::error::{TemplateCode, TemplateError, cut};
use sluice_model::{CodeRef, PinnedCode};

/// The most problems that are shown.
const SHOWN: usize = 10;
/// The longest logical id, and the longest key or version of an object in S3.
const LONGEST_ID: usize = 255;
const LONGEST_KEY: usize = 1_024;

/// The supported format.
const SCHEMA: u32 = 2;

/// The packaged code of a build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The code of each function, by logical id.
    pub functions: BTreeMap<String, PinnedCode>,
    /// The content of each layer, by logical id.
    pub layers: BTreeMap<String, CodeRef>,
    /// Names of resources that the packager looked for in the code, and whether it found them.
    pub fixed_names: BTreeMap<String, bool>,
}

/// The file, as far as it is read. A newer packager of the same schema may add to it.
#[derive(Deserialize)]
struct File {
    schema: u32,
    functions: BTreeMap<String, PinnedCode>,
    #[serde(default)]
    layers: BTreeMap<String, CodeRef>,
    #[serde(default)]
    fixed_names: BTreeMap<String, bool>,
}

impl Manifest {
    /// Reads and checks a manifest. The error lists all problems.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > LARGEST_FILE {
            return Err(wrong("it is larger than 1 MiB".to_owned()));
        }
        let file: File = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if file.schema != SCHEMA {
            return Err(wrong(format!("its schema is {}, not {SCHEMA}", file.schema)));
        }
        if file.functions.len().max(file.layers.len()) > MOST_FUNCTIONS {
            return Err(wrong(format!("it has more than {MOST_FUNCTIONS} functions or layers")));
        }
        let functions = file.functions.iter().map(|(id, code)| match code {
            PinnedCode::Archive(object) => (id, Some(object)),
            // Its digest was checked with its form.
            PinnedCode::Image { .. } => (id, None),
        });
        let layers = file.layers.iter().map(|(id, object)| (id, Some(object)));
        let problems: Vec<_> = functions.chain(layers).flat_map(|(id, code)| problems(id, code)).collect();
        if problems.is_empty() {
            let File { functions, layers, fixed_names, .. } = file;
            Ok(Self { functions, layers, fixed_names })
        } else {
            let more = problems.len().saturating_sub(SHOWN);
            let more = if more == 0 { String::new() } else { format!("; and {more} more") };
            let shown: Vec<_> = problems.into_iter().take(SHOWN).collect();
            Err(wrong(shown.join("; ") + &more))
        }
    }
}

fn problems(logical_id: &str, code: Option<&CodeRef>) -> Vec<String> {
    let mut problems = Vec::new();
    if logical_id.len() > LONGEST_ID {
        return vec![format!("a logical id has more than {LONGEST_ID} characters")];
    }
    // CloudFormation's rule for logical ids. An invalid one is not repeated: it is untrusted text.
    if logical_id.is_empty() || !logical_id.chars().all(|sign| sign.is_ascii_alphanumeric()) {
        return vec!["a logical id has characters other than letters and digits".into()];
    }
    let Some(code) = code else { return problems };
    for (name, value) in [("bucket", &code.bucket), ("key", &code.key), ("version", &code.version)] {
        // "null" is the version id of an object that was written before versioning was enabled.
        if value.is_empty() || value == "null" {
            problems.push(format!("{logical_id} has no {name}"));
        }
        if value.len() > LONGEST_KEY {
            problems.push(format!("the {name} of {logical_id} has more than {LONGEST_KEY} characters"));
        }
    }
    if STANDARD.decode(&code.sha256).map(|bytes| bytes.len()) != Ok(32) {
        problems.push(format!("the sha256 of {logical_id} is not a SHA-256 in base64"));
    }
    problems
}

fn wrong(problem: String) -> TemplateError {
    TemplateError {
        code: TemplateCode::Manifest,
        resource: None,
        file: None,
        line: None,
        problem: format!("sluice-manifest.json: {}", cut(problem, 2_000)),
        hint: "build again: sluice-package writes this file".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn problem(text: &str) -> String {
        Manifest::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_good_manifest_is_read() {
        let text = format!(
            r#"{{"schema":2,"functions":{{"F":{{"bucket":"b","key":"k","version":"v","sha256":"{SHA}"}}}}}}"#
        );
        assert_eq!(Manifest::parse(&text).unwrap().functions["F"].sha256(), SHA);
    }

    #[test]
    fn a_function_may_be_an_image() {
        let text = |image: &str| format!(r#"{{"schema":2,"functions":{{"F":{{"image":"{image}"}}}}}}"#);
        let image = format!("1.dkr.ecr.r.amazonaws.com/orders@sha256:{}", "0a".repeat(32));
        let read = Manifest::parse(&text(&image)).unwrap();
        assert_eq!(read.functions["F"].sha256(), "0a".repeat(32));
        assert!(problem(&text("1.dkr.ecr.r.amazonaws.com/orders:1")).contains("sluice-manifest.json: "));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let text =
            r#"{"schema":2,"functions":{"F":{"bucket":"b","key":"","version":"null","sha256":"abc"}}}"#;
        let found = problem(text);
        for part in ["sluice-manifest.json", "F has no key", "F has no version", "the sha256 of F"] {
            assert!(found.contains(part), "{found}");
        }
    }

    #[test]
    fn an_invalid_logical_id_is_refused_and_not_repeated() {
        for name in ["<!subteam^S1> look", "a/b", "orders-api", ""] {
            let text = format!(
                r#"{{"schema":2,"functions":{{"{name}":{{"bucket":"b","key":"k","version":"v","sha256":"{SHA}"}}}}}}"#
            );
            let found = problem(&text);
            assert!(found.contains("characters other than letters and digits"), "{found}");
            assert!(!found.contains("subteam"), "{found}");
        }
    }

    #[test]
    fn another_schema_and_garbage_are_refused() {
        for text in [r#"{"schema":1,"functions":{}}"#, r#"{"schema":2}"#, "[]", "", "{"] {
            assert!(problem(text).starts_with("sluice-manifest.json: "), "{text}");
        }
    }
}
