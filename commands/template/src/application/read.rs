//! Reads an artifact: the plain template, the lines of its resources, and the manifest that pins its code.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::{AppApi, AppFunction, AppLayer, Application, Deploying};
use super::openapi::version_variable;
use super::reading::Reading;
use super::{apis, functions, layers};
use crate::budget::{self, MOST_FUNCTIONS, MOST_ROUTES};
use crate::error::{Findings, Place, TemplateCode, TemplateError, Violation};
use crate::manifest::Manifest;
use crate::names::{alias_arn, function_arn, function_name};
use crate::plain::{
    self, Attribute, Evaluator, Known, ParameterValues, Part, Resolution, SourceMap, Stage, classify,
};
use sluice_model::CodeRef;

/// Reads the plain template of an artifact (JSON) for a stage. `lines` is `sluice-lines.json`.
///
/// A hostile file costs at most some megabytes and a fraction of a second (`budget`). Callers still run it on a thread that
/// drives no operations.
///
/// # Errors
///
/// Everything that is wrong with the template, in the order of the file, each with its place and what to do.
pub fn read(
    packaged: &str,
    lines: &str,
    manifest: &Manifest,
    deploying: &Deploying<'_>,
) -> Result<Application, Vec<TemplateError>> {
    let sources = SourceMap::parse(lines).map_err(|error| vec![error])?;
    let template = plain::read(packaged, &sources)?;
    let values = ParameterValues::of(&template, &deploying.stage, &sources)?;
    let later = |_: &str, _: &Attribute| Known::Later;
    let split = classify(&Evaluator::new(&template, deploying.stage, &values, &later), &sources)?;
    let reading = Reading { template: &template, split: &split, manifest, deploying };
    let mut findings = Findings::new(sources.clone());
    reading.refuse_stack(&mut findings);
    let application = Application {
        functions: reading.functions(&values, &sources, &mut findings),
        layers: reading.layers(&values, &mut findings),
        apis: reading.apis(&values, &mut findings),
        unknown_parameters: values.unknown.clone(),
    };
    findings.finish(application)
}

impl Reading<'_> {
    fn in_part(&self, is_it: impl Fn(&Part) -> bool) -> impl Iterator<Item = &str> {
        let placed = self.split.placements.iter().filter(move |(_, placed)| is_it(&placed.part));
        placed.map(|(id, _)| id.as_str())
    }

    fn functions(
        &self,
        values: &ParameterValues,
        sources: &SourceMap,
        findings: &mut Findings,
    ) -> BTreeMap<String, AppFunction> {
        let answer = |id: &str, attribute: &Attribute| self.known(id, attribute, Caller::Function);
        let evaluator = Evaluator::new(self.template, self.deploying.stage, values, &answer);
        let ids: Vec<&str> = self.in_part(|part| *part == Part::Function).collect();
        if ids.len() > MOST_FUNCTIONS {
            findings.add(&Place::of(&["Resources"]), budget::too_many("functions", MOST_FUNCTIONS));
            return BTreeMap::new();
        }
        if ids.is_empty() {
            let hint = "a pipeline deploys functions; declare at least one";
            let wrong = Violation::new(TemplateCode::Missing, "the template has no function", hint);
            findings.add(&Place::of(&["Resources"]), wrong);
        }
        let mut functions: BTreeMap<String, AppFunction> = BTreeMap::new();
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for id in ids {
            let Some(function) = functions::read(self, id, &evaluator, sources, findings) else { continue };
            // A long name is cut and ends with 32 bits of a hash.
            if let Some(other) = names.insert(function.name.clone(), id.to_owned()) {
                let problem = format!("{id} and {other} would get the same function name, {}", function.name);
                let hint = "give one of them a shorter logical id";
                let wrong = Violation::new(TemplateCode::Value, problem, hint);
                findings.add(&Place::of(&["Resources", id]), wrong);
            }
            functions.insert(id.to_owned(), function);
        }
        self.refuse_surplus("function", &self.manifest.functions, findings);
        functions
    }

    /// Refuses what the manifest has and the template has not.
    fn refuse_surplus(&self, noun: &str, pinned: &BTreeMap<String, CodeRef>, findings: &mut Findings) {
        for id in pinned.keys().filter(|id| !self.template.resources.contains_key(*id)) {
            let problem = format!("sluice-manifest.json has the {noun} {id}, but the template does not");
            let hint = "build again: the two files are from different builds, or were edited by hand";
            findings.add(&Place::default(), Violation::new(TemplateCode::Manifest, problem, hint));
        }
    }

    fn layers(&self, values: &ParameterValues, findings: &mut Findings) -> BTreeMap<String, AppLayer> {
        let answer = |id: &str, attribute: &Attribute| self.known(id, attribute, Caller::Function);
        let evaluator = Evaluator::new(self.template, self.deploying.stage, values, &answer);
        let ids = self.in_part(|part| *part == Part::Layer);
        let layers =
            ids.filter_map(|id| Some((id.to_owned(), layers::read(self, id, &evaluator, findings)?)));
        let layers: BTreeMap<String, AppLayer> = layers.collect();
        if layers.len() > MOST_FUNCTIONS {
            findings.add(&Place::of(&["Resources"]), budget::too_many("layers", MOST_FUNCTIONS));
        }
        self.refuse_surplus("layer", &self.manifest.layers, findings);
        layers
    }

    fn apis(&self, values: &ParameterValues, findings: &mut Findings) -> BTreeMap<String, AppApi> {
        let answer = |id: &str, attribute: &Attribute| self.known(id, attribute, Caller::Api);
        let evaluator = Evaluator::new(self.template, self.deploying.stage, values, &answer);
        let ids = self.in_part(|part| *part == Part::Api);
        let apis = ids.filter_map(|id| Some((id.to_owned(), apis::read(self, id, &evaluator, findings)?)));
        let apis: BTreeMap<String, AppApi> = apis.collect();
        if apis.values().map(|api| api.routes().len()).sum::<usize>() > MOST_ROUTES {
            findings.add(&Place::of(&["Resources"]), budget::too_many("routes", MOST_ROUTES));
        }
        apis
    }

    /// What is known of a resource's attribute, for a part of the application that refers to it.
    fn known(&self, id: &str, attribute: &Attribute, caller: Caller) -> Known {
        let Stage { pipeline, name: stage, target, .. } = self.deploying.stage;
        let function = || function_name(pipeline, stage, id);
        match self.split.resolution(id, attribute) {
            Resolution::Never(reason) => Known::Never(reason),
            // The alias: the function's boundary denies calls without a qualifier.
            Resolution::Direct if self.split.part(id) == Some(&Part::Function) => {
                Known::Value(format!("{}:{stage}", function()).into())
            }
            Resolution::AliasArn(function) => {
                let name = function_name(pipeline, stage, &function);
                Known::Value(Value::String(match caller {
                    Caller::Function => alias_arn(target, &name, stage),
                    Caller::Api => format!("{}:{}", function_arn(target, &name), version_variable(&function)),
                }))
            }
            Resolution::Direct | Resolution::Stack => Known::Later,
        }
    }

    /// Stages have no stacks yet.
    fn refuse_stack(&self, findings: &mut Findings) {
        for id in self.in_part(|part| *part == Part::Stack) {
            let kind = self.template.resources.get(id).map(|resource| resource.kind.as_str());
            let problem = format!("resources of type `{}` are not deployed yet", kind.unwrap_or_default());
            let hint = "remove it for now; docs/templates.md lists what this version of Sluice deploys";
            findings.add(
                &Place::of(&["Resources", id]).key("Type"),
                Violation::new(TemplateCode::Unsupported, problem, hint),
            );
        }
    }
}

/// What refers to a function: that decides between its alias and the version that an API's stage selects.
#[derive(Clone, Copy)]
enum Caller {
    Function,
    Api,
}
