//! `buildspec.yml`, version 0.2, as far as the sandbox supports it.

use saphyr::{LoadableYamlNode, Yaml};

/// The phases of a buildspec in order, with their names in CodeBuild's API.
pub const PHASES: [(&str, &str); 4] =
    [("install", "INSTALL"), ("pre_build", "PRE_BUILD"), ("build", "BUILD"), ("post_build", "POST_BUILD")];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Buildspec {
    pub variables: Vec<(String, String)>,
    /// In the order of [`PHASES`].
    pub phases: [PhaseSpec; 4],
    pub artifacts: Option<ArtifactSpec>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhaseSpec {
    pub commands: Vec<String>,
    pub finally: Vec<String>,
    /// `on-failure: ABORT`.
    pub abort: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactSpec {
    pub files: Vec<String>,
    pub exclude: Vec<String>,
    pub base: Option<String>,
    pub discard_paths: bool,
    pub name: Option<String>,
}

impl Buildspec {
    /// Reads a buildspec. The error is worded like CodeBuild's.
    pub fn parse(text: &str) -> Result<Self, String> {
        let documents = Yaml::load_from_str(text).map_err(|error| format!("YAML is not valid: {error}"))?;
        let root = documents.first().filter(|root| root.is_mapping()).ok_or("the buildspec is not a map")?;
        match text_of(root.as_mapping_get("version")).as_deref() {
            Some("0.2") => {}
            Some(other) => return Err(format!("buildspec version {other} is not supported, use 0.2")),
            None => return Err("the buildspec has no version".into()),
        }
        let mut spec = Self::default();
        if let Some(variables) = root.as_mapping_get("env").and_then(|env| env.as_mapping_get("variables")) {
            for (name, value) in variables.as_mapping().into_iter().flatten() {
                spec.variables.extend(text_of(Some(name)).zip(text_of(Some(value))));
            }
        }
        let phases = root.as_mapping_get("phases").ok_or("the buildspec has no phases")?;
        for (name, _) in phases.as_mapping().into_iter().flatten() {
            let name = text_of(Some(name)).unwrap_or_default();
            if !PHASES.iter().any(|(known, _)| *known == name) {
                return Err(format!("unknown phase {name}"));
            }
        }
        for (index, (name, _)) in PHASES.iter().enumerate() {
            let Some(phase) = phases.as_mapping_get(name) else { continue };
            spec.phases[index] = PhaseSpec {
                commands: list(phase, "commands"),
                finally: list(phase, "finally"),
                abort: text_of(phase.as_mapping_get("on-failure")).as_deref() == Some("ABORT"),
            };
        }
        spec.artifacts = root.as_mapping_get("artifacts").map(|artifacts| ArtifactSpec {
            files: list(artifacts, "files"),
            exclude: list(artifacts, "exclude-paths"),
            base: text_of(artifacts.as_mapping_get("base-directory")),
            discard_paths: text_of(artifacts.as_mapping_get("discard-paths"))
                .is_some_and(|text| matches!(text.as_str(), "yes" | "true")),
            name: text_of(artifacts.as_mapping_get("name")),
        });
        Ok(spec)
    }
}

/// A list of texts. A single text is a list of one.
fn list(map: &Yaml<'_>, field: &str) -> Vec<String> {
    let Some(value) = map.as_mapping_get(field) else { return Vec::new() };
    match value.as_sequence() {
        Some(items) => items.iter().filter_map(|item| text_of(Some(item))).collect(),
        None => text_of(Some(value)).into_iter().collect(),
    }
}

fn text_of(value: Option<&Yaml<'_>>) -> Option<String> {
    let value = value?;
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let number = value.as_integer().map(|number| number.to_string());
    number
        .or_else(|| value.as_floating_point().map(|number| number.to_string()))
        .or_else(|| value.as_bool().map(|truth| truth.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buildspec_is_parsed() {
        let spec = Buildspec::parse(
            "version: 0.2\nenv:\n  variables:\n    A: one\n    N: 3\nphases:\n  build:\n    commands:\n      - echo hi\n      - |\n        if true; then\n          echo there\n        fi\n    finally:\n      - echo bye\n  post_build:\n    on-failure: ABORT\n    commands: echo one\nartifacts:\n  base-directory: out\n  files: ['**/*', a.yaml]\n  discard-paths: yes\n",
        )
        .unwrap();
        assert_eq!(spec.variables, [("A".to_owned(), "one".to_owned()), ("N".to_owned(), "3".to_owned())]);
        assert_eq!(spec.phases[2].commands.len(), 2);
        assert!(spec.phases[2].commands[1].contains("echo there"));
        assert_eq!(spec.phases[2].finally, ["echo bye"]);
        assert!(spec.phases[3].abort && !spec.phases[2].abort);
        assert_eq!(spec.phases[3].commands, ["echo one"]);
        let artifacts = spec.artifacts.unwrap();
        assert_eq!(artifacts.files, ["**/*", "a.yaml"]);
        assert!(artifacts.discard_paths);
    }

    #[test]
    fn a_wrong_buildspec_gets_an_error_that_names_the_problem() {
        for (text, why) in [
            ("version: 0.1\nphases: {}", "0.1"),
            ("phases: {}", "version"),
            ("version: 0.2", "phases"),
            ("version: 0.2\nphases:\n  bild:\n    commands: [x]", "bild"),
            ("- a", "map"),
            ("a: [", "YAML"),
        ] {
            let error = Buildspec::parse(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
