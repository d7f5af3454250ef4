//! Reads a plain template: its sections, their limits, and whether every reference is to something that it declares.
//!
//! What it lets through is complete in form: logical ids are alphanumeric, no transform is left to do, and no reference is to
//! nothing. Whether a property exists and has the right type is CloudFormation's question.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::declaration::{self, Declaration};
use super::template::{Output, PlainTemplate, Resource};
use super::{attributes, conditions, expansion, references_check};
use crate::budget::{self, MOST_PARAMETERS, too_many};
use crate::error::{Findings, Place, TemplateCode, TemplateError, Violation};
use crate::shape;
use crate::source_map::SourceMap;

/// CloudFormation's limits.
const MOST_RESOURCES: usize = 500;
const MOST_OUTPUTS: usize = 200;
const MOST_MAPPINGS: usize = 200;

const SECTIONS: [&str; 8] = [
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Resources",
    "Outputs",
];

/// The rule that the CDK adds to every stack: it checks a parameter of the CDK's own deployment, which Sluice does not use.
const CDK_RULE: &str = "CheckBootstrapVersion";

/// Reads a plain template (JSON).
///
/// `sources` is used only for the lines of errors.
///
/// # Errors
///
/// Everything that is wrong with it, in the order of the lines. A hostile template costs at most some megabytes and a
/// fraction of a second.
pub fn read(text: &str, sources: &SourceMap) -> Result<PlainTemplate, Vec<TemplateError>> {
    let mut findings = Findings::new(sources.clone());
    let parsed = budget::check_size("the plain template", text).and_then(|()| {
        shape::template(text, "the plain template is not a mapping in JSON", "package it with sluice-package")
    });
    let template = match findings.take(&Place::default(), parsed) {
        Some(template) => sections(&template, &mut findings),
        None => empty(),
    };
    findings.finish(template)
}

fn empty() -> PlainTemplate {
    PlainTemplate {
        parameters: BTreeMap::new(),
        mappings: BTreeMap::new(),
        conditions: BTreeMap::new(),
        resources: BTreeMap::new(),
        outputs: BTreeMap::new(),
    }
}

fn sections(template: &Map<String, Value>, findings: &mut Findings) -> PlainTemplate {
    for (section, value) in template.iter().filter(|(section, _)| !SECTIONS.contains(&section.as_str())) {
        if let Some(wrong) = unsupported(section, value) {
            findings.add(&Place::of(&[section]), wrong);
        }
    }
    if template.get("AWSTemplateFormatVersion").is_some_and(|version| version != "2010-09-09") {
        let wrong = Violation::new(
            TemplateCode::Value,
            "the only version is \"2010-09-09\"",
            "write that, or leave it out",
        );
        findings.add(&Place::of(&["AWSTemplateFormatVersion"]), wrong);
    }
    expansion::check(template, &mut Vec::new(), findings);
    let read = PlainTemplate {
        parameters: parameters(template, findings),
        mappings: mappings(template, findings),
        conditions: entries(template, "Conditions", usize::MAX, findings)
            .into_iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        resources: resources(template, findings),
        outputs: outputs(template, findings),
    };
    references_check::check(&read, findings);
    conditions::check(&read, findings);
    read
}

fn unsupported(section: &str, value: &Value) -> Option<Violation> {
    let (problem, hint) = match section {
        "Transform" if value == &Value::Array(Vec::new()) => return None,
        "Transform" => (
            "the template still has a Transform".to_owned(),
            "package it with sluice-package, which expands every transform in the build",
        ),
        "Rules" => {
            let only_the_cdk =
                value.as_object().is_some_and(|rules| rules.keys().all(|rule| rule == CDK_RULE));
            if only_the_cdk {
                return None;
            }
            (
                "`Rules` are not supported: nothing would check them".to_owned(),
                "check values with AllowedValues, AllowedPattern, MinLength or MinValue of the parameter",
            )
        }
        "Hooks" => (
            "`Hooks` are not supported: they are for CodeDeploy's way to replace servers".to_owned(),
            "remove the section",
        ),
        _ => (format!("`{section}` is not a section of a template"), "remove it, or correct its name"),
    };
    Some(Violation::new(TemplateCode::Unsupported, problem, hint))
}

/// The entries of a section with alphanumeric names. Every other name is an error.
fn entries<'t>(
    template: &'t Map<String, Value>,
    section: &'static str,
    most: usize,
    findings: &mut Findings,
) -> Vec<(&'t String, &'t Value)> {
    let place = Place::of(&[section]);
    let mut map = shape::optional_map(template.get(section), &place, findings);
    if map.is_some_and(|map| map.len() > most) {
        findings.add(&place, too_many(&section.to_ascii_lowercase(), most));
        map = None;
    }
    let map = map.into_iter().flatten();
    map.filter(|(name, _)| {
        let good = (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // `expansion` has reported these.
        if !good && !name.starts_with("Fn::") {
            let problem = format!("`{name}` is not a logical id");
            findings.add(
                &place.key(name),
                Violation::new(TemplateCode::Value, problem, "use letters and digits"),
            );
        }
        good
    })
    .collect()
}

fn parameters(template: &Map<String, Value>, findings: &mut Findings) -> BTreeMap<String, Declaration> {
    let mut declared = BTreeMap::new();
    for (name, value) in entries(template, "Parameters", MOST_PARAMETERS, findings) {
        let read = declaration::declaration(name, value);
        if let Some(read) = findings.take(&Place::of(&["Parameters", name]), read) {
            declared.insert(name.clone(), read);
        }
    }
    declared
}

type Mapping = BTreeMap<String, BTreeMap<String, Value>>;

fn mappings(template: &Map<String, Value>, findings: &mut Findings) -> BTreeMap<String, Mapping> {
    let mut all = BTreeMap::new();
    for (name, value) in entries(template, "Mappings", MOST_MAPPINGS, findings) {
        let read = shape::map(value).and_then(|first| {
            let mut mapping = Mapping::new();
            for (key, second) in first {
                let second = shape::map(second)?;
                for value in second.values() {
                    match value {
                        Value::Array(items) => {
                            items.iter().try_for_each(|item| shape::scalar(item).map(drop))?
                        }
                        one => _ = shape::scalar(one)?,
                    }
                }
                let pairs = second.iter().map(|(key, value)| (key.clone(), value.clone()));
                mapping.insert(key.clone(), pairs.collect());
            }
            Ok(mapping)
        });
        if let Some(mapping) = findings.take(&Place::of(&["Mappings", name]), read) {
            all.insert(name.clone(), mapping);
        }
    }
    all
}

fn resources(template: &Map<String, Value>, findings: &mut Findings) -> BTreeMap<String, Resource> {
    let mut resources = BTreeMap::new();
    for (logical_id, value) in entries(template, "Resources", MOST_RESOURCES, findings) {
        let place = Place::of(&["Resources", logical_id]);
        if let Some(resource) = findings.take(&place, attributes::resource(value)) {
            resources.insert(logical_id.clone(), resource);
        }
    }
    if resources.is_empty() {
        let wrong = Violation::new(
            TemplateCode::Missing,
            "the template has no resources",
            "add at least one resource",
        );
        findings.add(&Place::of(&["Resources"]), wrong);
    }
    resources
}

fn outputs(template: &Map<String, Value>, findings: &mut Findings) -> BTreeMap<String, Output> {
    let mut outputs = BTreeMap::new();
    for (name, value) in entries(template, "Outputs", MOST_OUTPUTS, findings) {
        if let Some(output) = findings.take(&Place::of(&["Outputs", name]), attributes::output(value)) {
            outputs.insert(name.clone(), output);
        }
    }
    outputs
}
