//! `sluice-lines.json`: the file of the artifact that holds the lines of the team's own sources.

use std::collections::BTreeMap;

use crate::budget;
use crate::error::{TemplateCode, TemplateError, Violation};
use crate::source_map::{Source, SourceMap};

/// The file's name in the artifact.
const FILE: &str = "sluice-lines.json";

impl SourceMap {
    /// Reads `{"Hello": {"file": "template.yaml", "line": 12}, …}`. Other keys of an entry are ignored: a newer packager may add
    /// some.
    ///
    /// # Errors
    ///
    /// `manifest` if it is not such a file, `too-large` above 1 MiB.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        budget::check_size(FILE, text).map_err(Violation::outside)?;
        let parsed: Result<BTreeMap<String, Source>, _> = serde_json::from_str(text);
        let map = parsed.map_err(|error| {
            let problem = format!("{FILE} is not a map of logical ids to file and line: {error}");
            let hint = "build again: sluice-package writes this file";
            Violation::new(TemplateCode::Manifest, problem, hint).outside()
        })?;
        Ok(map.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read_and_a_broken_one_is_an_error_that_names_its_file() {
        let map =
            SourceMap::parse(r#"{"Hello": {"file": "a/template.yaml", "line": 7, "column": 2}}"#).unwrap();
        assert_eq!(map.get("Hello"), Some(&Source { file: "a/template.yaml".into(), line: 7 }));
        assert_eq!(map.get("Other"), None);
        for broken in
            ["", "[]", r#"{"A": 1}"#, r#"{"A": {"file": "x"}}"#, r#"{"A": {"file": "x", "line": -1}}"#]
        {
            let error = SourceMap::parse(broken).unwrap_err();
            assert_eq!(error.code, TemplateCode::Manifest, "{broken}");
            assert!(error.to_string().contains("sluice-lines.json"), "{error}");
        }
    }

    #[test]
    fn a_file_name_cannot_break_the_line_of_a_message() {
        let map = SourceMap::parse(r#"{"A": {"file": "x\ny", "line": 1}}"#).unwrap();
        assert_eq!(map.get("A").unwrap().file, "xy");
    }
}
