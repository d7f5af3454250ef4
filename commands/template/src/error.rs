//! The errors of a template, as data: the place, the problem, and what to do. All of them at once, in the order of the file.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::source_map::SourceMap;

/// The kind of error, stable for tests and for the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TemplateCode {
    /// The template cannot be parsed, or a part has the wrong shape.
    Shape,
    /// CloudFormation or SAM supports it; Sluice does not.
    Unsupported,
    /// Something required is missing.
    Missing,
    /// A value that AWS or Sluice does not allow.
    Value,
    /// It refers to something that is not in the template.
    Reference,
    /// A parameter has no value for this stage, or an invalid one.
    Parameter,
    /// The code of a function differs from what the build recorded, or is elsewhere.
    Code,
    /// `sluice-manifest.json` is not what the packaging script writes.
    Manifest,
    /// A statement has no specific action or resource, and no admin allowed that for the stage.
    WildRights,
    /// The template is too large, or causes too much work.
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

/// One error in a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[error("{}{problem}", self.place())]
pub struct TemplateError {
    /// The kind of error.
    pub code: TemplateCode,
    /// The logical id of the resource that contains it, if any.
    pub resource: Option<String>,
    /// The file that the line is of; `None` for `template.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of that file, from 1, if it could be found.
    pub line: Option<usize>,
    /// The problem, without its place.
    pub problem: String,
    /// What to do about it.
    pub hint: String,
}

impl TemplateError {
    /// "template.yaml line 12, Hello: ", or the known part of it.
    fn place(&self) -> String {
        if self.code == TemplateCode::Manifest {
            return String::new(); // the problem names its file
        }
        let file = self.file.as_deref().unwrap_or("template.yaml");
        match (&self.line, &self.resource) {
            (Some(line), Some(resource)) => format!("{file} line {line}, {resource}: "),
            (Some(line), None) => format!("{file} line {line}: "),
            (None, Some(resource)) => format!("{file}, {resource}: "),
            (None, None) => String::new(),
        }
    }
}

/// An error before its place in the file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) code: TemplateCode,
    pub(super) problem: String,
    pub(super) hint: String,
    /// It follows from an error that is already recorded, so it is not reported.
    is_consequence: bool,
    /// The values that are only known once other resources exist: no error, and nothing else is wrong here.
    waits_for: BTreeSet<String>,
}

impl Violation {
    pub(super) fn new(code: TemplateCode, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code,
            problem: problem.into(),
            hint: hint.into(),
            is_consequence: false,
            waits_for: BTreeSet::new(),
        }
    }

    /// A value needs others, described in words, that are known later.
    pub(super) fn later(needs: BTreeSet<String>) -> Self {
        Self { waits_for: needs, ..Self::consequence() }
    }

    /// As an error outside of the template's own lines.
    pub(super) fn outside(self) -> TemplateError {
        let Self { code, problem, hint, .. } = self;
        TemplateError {
            code,
            resource: None,
            file: None,
            line: None,
            problem: cut(problem, LONGEST_PROBLEM),
            hint,
        }
    }

    /// A value cannot be read because of an error that is already recorded.
    pub(super) fn consequence() -> Self {
        Self { is_consequence: true, ..Self::new(TemplateCode::Shape, "", "") }
    }
}

/// A place in a template: the path of keys to it.
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

    /// The keys below the resource, or all of them outside of the resources: `Properties.Code.S3Key`.
    fn below(&self) -> String {
        let keys = if self.resource().is_some() { self.0.get(2..) } else { self.0.get(..) };
        keys.unwrap_or_default().join(".")
    }

    fn resource(&self) -> Option<String> {
        match self.0.as_slice() {
            [section, logical_id, ..] if section == "Resources" => Some(logical_id.clone()),
            _ => None,
        }
    }
}

/// The most findings that are kept.
const MOST_FINDINGS: usize = 1_000;
/// The most characters of a problem: problems quote what people wrote.
const LONGEST_PROBLEM: usize = 400;

/// Collects the errors, for a person to fix all of them at once. The same error is reported once. The packager's map knows the
/// lines of resources only, so problems name the keys below them.
pub(super) struct Findings {
    sources: SourceMap,
    errors: Vec<TemplateError>,
    known: HashSet<TemplateError>,
    /// The values, in words, for which something that was read has to wait.
    waits_for: BTreeSet<String>,
}

impl Findings {
    pub(super) fn new(sources: SourceMap) -> Self {
        Self { sources, errors: Vec::new(), known: HashSet::new(), waits_for: BTreeSet::new() }
    }

    /// Records an error at a place.
    pub(super) fn add(&mut self, place: &Place, wrong: Violation) {
        let Violation { code, problem, hint, is_consequence, waits_for } = wrong;
        if !waits_for.is_empty() {
            self.waits_for.extend(waits_for);
            return;
        }
        if (is_consequence && !self.errors.is_empty()) || self.errors.len() >= MOST_FINDINGS {
            return;
        }
        let resource = place.resource();
        let source = resource.as_deref().and_then(|id| self.sources.get(id));
        let (file, line) = (source.map(|source| source.file.clone()), source.map(|source| source.line));
        let below = place.below();
        let problem = if below.is_empty() { problem } else { format!("{below}: {problem}") };
        let resource = resource.map(|name| cut(name, 255));
        let error =
            TemplateError { code, resource, file, line, problem: cut(problem, LONGEST_PROBLEM), hint };
        if self.known.insert(error.clone()) {
            self.errors.push(error);
        }
    }

    /// Records the errors of a part that was read on its own.
    pub(super) fn extend(&mut self, errors: Vec<TemplateError>) {
        let errors = errors.into_iter().filter(|error| self.known.insert(error.clone()));
        self.errors.extend(errors.take(MOST_FINDINGS));
    }

    /// What was read on its own: its errors are added here, and the values for which it waits are returned if there are none.
    pub(super) fn absorb(&mut self, part: Self) -> BTreeSet<String> {
        let waits_for = if part.errors.is_empty() { part.waits_for } else { BTreeSet::new() };
        self.extend(part.errors);
        waits_for
    }

    /// Whether nothing is wrong but something has to wait.
    pub(super) fn is_waiting(&self) -> bool {
        self.errors.is_empty() && !self.waits_for.is_empty()
    }

    /// The value; or `None`, and the error is recorded at that place.
    pub(super) fn take<T>(&mut self, place: &Place, result: Result<T, Violation>) -> Option<T> {
        result.map_err(|wrong| self.add(place, wrong)).ok()
    }

    /// The value if there were no errors, otherwise the errors in the order of the file.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, Vec<TemplateError>> {
        if self.errors.is_empty() {
            return Ok(value);
        }
        self.errors.sort_by_key(|error| error.line.unwrap_or(usize::MAX));
        Err(self.errors)
    }
}

/// The text, cut with an ellipsis after that many characters.
pub(super) fn cut(text: String, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
