//! What is wrong with a template, as data: where, what, and what to do. All of it at once, in the order of the file.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::lines::Lines;

/// The kind of trouble, stable for tests and for the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TemplateCode {
    /// It cannot be read at all, or a part has the wrong shape.
    Shape,
    /// CloudFormation or SAM knows it; Sluice does not read it.
    Unsupported,
    /// Something that has to be there is not.
    Missing,
    /// A value outside of what AWS or Sluice allows.
    Value,
    /// It refers to something that is not in the template.
    Reference,
    /// A parameter has no value for this stage, or a wrong one.
    Parameter,
    /// The code of a function is not where, or not what, the build recorded.
    Code,
    /// `sluice-manifest.json` is not what the packaging script writes.
    Manifest,
    /// A statement names no action or no resource, and no admin allowed that for the stage.
    WildRights,
    /// It is larger, or causes more work, than a template may.
    TooLarge,
}

impl fmt::Display for TemplateCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TemplateCode::Shape => "shape",
            TemplateCode::Unsupported => "unsupported",
            TemplateCode::Missing => "missing",
            TemplateCode::Value => "value",
            TemplateCode::Reference => "reference",
            TemplateCode::Parameter => "parameter",
            TemplateCode::Code => "code",
            TemplateCode::Manifest => "manifest",
            TemplateCode::WildRights => "wild-rights",
            TemplateCode::TooLarge => "too-large",
        })
    }
}

/// One thing that is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[error("{}{problem}", self.place())]
pub struct TemplateError {
    /// The kind of trouble.
    pub code: TemplateCode,
    /// The logical id of the resource it is in, if it is in one.
    pub resource: Option<String>,
    /// The line of `template.yaml`, from 1, if the place could be found there.
    pub line: Option<usize>,
    /// What is wrong, without its place.
    pub problem: String,
    /// What to do about it.
    pub hint: String,
}

impl TemplateError {
    /// "template.yaml line 12, Hello: ", as far as it is known.
    fn place(&self) -> String {
        if self.code == TemplateCode::Manifest {
            return String::new(); // such a problem names its own file
        }
        match (&self.line, &self.resource) {
            (Some(line), Some(resource)) => format!("template.yaml line {line}, {resource}: "),
            (Some(line), None) => format!("template.yaml line {line}: "),
            (None, Some(resource)) => format!("template.yaml, {resource}: "),
            (None, None) => String::new(),
        }
    }
}

/// What is wrong with a value, before anybody knows where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) code: TemplateCode,
    pub(super) problem: String,
    pub(super) hint: String,
    /// Its cause stands among the findings already, so that this consequence is not worth a line.
    told: bool,
}

impl Wrong {
    pub(super) fn new(code: TemplateCode, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, problem: problem.into(), hint: hint.into(), told: false }
    }

    /// Something cannot be read because of what was found before.
    pub(super) fn told_before() -> Self {
        Self { told: true, ..Self::new(TemplateCode::Shape, "", "") }
    }
}

/// A place in a template: the keys on the way to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place(Vec<String>);

impl Place {
    pub(super) fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    /// The place of a key below this one.
    pub(super) fn key(&self, key: impl fmt::Display) -> Self {
        let mut keys = self.0.clone();
        keys.push(key.to_string());
        Self(keys)
    }

    fn resource(&self) -> Option<String> {
        match self.0.as_slice() {
            [section, logical_id, ..] if section == "Resources" => Some(logical_id.clone()),
            _ => None,
        }
    }
}

/// No more findings than this are kept.
const MOST_FINDINGS: usize = 1_000;
/// No problem is longer, in characters: problems quote what people wrote.
const LONGEST_PROBLEM: usize = 400;

/// Collects what is wrong, so that a person puts everything right in one go. What is wrong in `Globals` is told once,
/// not once per function.
pub(super) struct Findings {
    lines: Lines,
    errors: Vec<TemplateError>,
    known: HashSet<TemplateError>,
}

impl Findings {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, errors: Vec::new(), known: HashSet::new() }
    }

    /// Records what is wrong at a place.
    pub(super) fn add(&mut self, place: &Place, wrong: Wrong) {
        let Wrong { code, problem, hint, told } = wrong;
        if (told && !self.errors.is_empty()) || self.errors.len() >= MOST_FINDINGS {
            return;
        }
        let line = self.lines.nearest(&place.0);
        let resource = place.resource().map(|name| cut(name, 255));
        let error = TemplateError { code, resource, line, problem: cut(problem, LONGEST_PROBLEM), hint };
        if self.known.insert(error.clone()) {
            self.errors.push(error);
        }
    }

    /// The value, or nothing and a record of what is wrong at that place.
    pub(super) fn take<T>(&mut self, place: &Place, result: Result<T, Wrong>) -> Option<T> {
        result.map_err(|wrong| self.add(place, wrong)).ok()
    }

    /// The outcome: the value if nothing was wrong, otherwise the findings in the order of the file.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, Vec<TemplateError>> {
        if self.errors.is_empty() {
            return Ok(value);
        }
        self.errors.sort_by_key(|error| error.line.unwrap_or(usize::MAX));
        Err(self.errors)
    }
}

/// The text, cut with an ellipsis where it is longer than that many characters.
pub(super) fn cut(text: String, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
