//! Reads a packaged template: the documented subset of AWS SAM (`docs/templates.md`) that Sluice deploys.
//!
//! Pure and total: no call to AWS, no panic on any input, and everything that is wrong at once, each with its resource,
//! its line in `template.yaml` and what to do. What is not in the subset is refused here, before the first call of a
//! deploy, so that nothing is half done because of a word in a file. The result is complete: every reference is
//! resolved for the stage, every function's code is pinned to what the build recorded.

mod budget;
mod code;
mod error;
mod events;
mod function;
mod intrinsics;
mod lines;
mod manifest;
mod names;
mod parameters;
mod policies;
pub mod rights;
mod runtimes;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub use budget::{LARGEST_FILE, MOST_FUNCTIONS};
pub use error::{TemplateCode, TemplateError};
pub use manifest::Manifest;
pub use names::{alias_arn, cut_with_hash, function_arn, function_name};
pub use policies::ROOM;
pub use runtimes::{EndOfSupport, RUNTIMES_PAGE, end_of_support, runtimes_of};
pub use sluice_model::partition;

use budget::{Budget, MOST_ROUTES};
use error::{Findings, Place, Wrong};
use intrinsics::Resolver;
use lines::Lines;
use sluice_model::{CodeRef, PipelineName, StageName, Target};

const TRANSFORM: &str = "AWS::Serverless-2016-10-31";
const FUNCTION: &str = "AWS::Serverless::Function";

/// What a template is read for: one stage of one pipeline, and the only place its code may come from.
#[derive(Debug, Clone, Copy)]
pub struct Deploying<'a> {
    /// The pipeline.
    pub pipeline: &'a PipelineName,
    /// The stage: value of the parameter `Stage`, and the alias that references to functions resolve to.
    pub stage: &'a StageName,
    /// Account and region, for ARNs and pseudo parameters.
    pub target: &'a Target,
    /// The stage's values of the other parameters. Those that the template does not declare are left alone.
    pub parameters: &'a BTreeMap<String, String>,
    /// The artifact bucket.
    pub code_bucket: &'a str,
    /// The pipeline's prefix in it, with or without a slash at its end; code lies below.
    pub code_prefix: &'a str,
    /// Whether an admin allowed statements that name no action or no resource.
    pub wild_rights: bool,
}

/// An application as a template describes it, for one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// The functions by logical id; at least one.
    pub functions: BTreeMap<String, AppFunction>,
    /// The routes, sorted by key; no key twice.
    pub routes: Vec<AppRoute>,
    /// The parameters that have a value for the stage, and that the template does not declare.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_parameters: Vec<String>,
}

/// A function, ready to be compared with what exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppFunction {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in Lambda: [`function_name`].
    pub name: String,
    /// `python3.12`, …
    pub runtime: String,
    /// `app.handler`.
    pub handler: String,
    /// Megabytes; 128 if the template does not say.
    pub memory: u32,
    /// Seconds; 3 if the template does not say.
    pub timeout: u32,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// The IAM statements of its inline policies, in the template's order.
    pub statements: Vec<Value>,
    /// Its code, pinned.
    pub code: CodeRef,
}

/// A route of the pipeline's HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AppRoute {
    /// `GET /items/{id}`, or `$default`.
    pub key: String,
    /// The logical id of the function that answers.
    pub function: String,
}

impl Application {
    /// The SHA-256 over which route goes to which function, as hex digits: equal for two stages and two builds that need
    /// no change of the API, different otherwise, also where the author of a template looks for two that share one.
    pub fn api_digest(&self) -> String {
        let mut routes: Vec<_> = self.routes.iter().collect();
        routes.sort();
        let mut hash = Sha256::new();
        for AppRoute { key, function } in routes {
            // Neither a route key nor a logical id can hold a line break or a tab.
            hash.update(format!("{key}\t{function}\n"));
        }
        hex::encode(hash.finalize())
    }

    /// Whether a function has a statement that names no action or no resource.
    pub fn has_wild_rights(&self) -> bool {
        let mut statements = self.functions.values().flat_map(|function| &function.statements);
        statements.any(|statement| rights::wild(statement).is_some())
    }
}

/// Reads a packaged template (JSON) for a stage.
///
/// `original` is `template.yaml` as it was written, for line numbers only: nothing that is deployed comes from it.
///
/// However hostile the files are, this takes some megabytes and a moment of one processor (`budget`). Callers with
/// anything else to do still run it away from the threads that drive operations.
pub fn read(
    packaged: &str,
    original: &str,
    manifest: &Manifest,
    deploying: &Deploying<'_>,
) -> Result<Application, Vec<TemplateError>> {
    let sizes = [("packaged.json", packaged), ("template.yaml", original)];
    let sized = sizes.iter().try_for_each(|(file, text)| budget::check_size(file, text));
    // A file that is too large has no lines either.
    let mut findings = Findings::new(if sized.is_ok() { Lines::of(original) } else { Lines::default() });
    let template = sized.and_then(|()| parse(packaged));
    let application = match findings.take(&Place::default(), template) {
        Some(template) => application(&template, manifest, deploying, &mut findings),
        None => {
            Application { functions: BTreeMap::new(), routes: Vec::new(), unknown_parameters: Vec::new() }
        }
    };
    findings.finish(application)
}

fn parse(packaged: &str) -> Result<Map<String, Value>, Wrong> {
    let parsed = serde_json::from_str::<Value>(packaged);
    if let Ok(template) = &parsed {
        budget::check_values(template)?;
    }
    match parsed {
        Ok(Value::Object(template)) => Ok(template),
        other => {
            let cause = other.err().map(|error| format!(": {error}")).unwrap_or_default();
            let problem = format!("packaged.json is no template in JSON{cause}");
            let hint = "package it with sluice_package.py (`aws cloudformation package --use-json`)";
            Err(Wrong::new(TemplateCode::Shape, problem, hint))
        }
    }
}

fn application(
    template: &Map<String, Value>,
    manifest: &Manifest,
    deploying: &Deploying<'_>,
    findings: &mut Findings,
) -> Application {
    check_sections(template, findings);
    let parameters = parameters::read(template, deploying, findings);
    let is_unknown = |name: &&String| !parameters.contains_key(*name);
    let unknown_parameters: Vec<String> = deploying.parameters.keys().filter(is_unknown).cloned().collect();
    let globals = function::globals(template, findings);
    let resources = functions_of(template, findings);
    let resolver = Resolver {
        deploying,
        parameters,
        functions: resources.keys().map(|id| (*id).clone()).collect(),
        budget: Budget::new(),
    };
    // Every function repeats what is in Globals.
    let repeated = globals.values().map(budget::count).sum::<usize>().saturating_mul(resources.len());
    let affordable = resolver.budget.values(repeated);
    if findings.take(&Place::of(&["Globals"]), affordable).is_none() {
        return Application {
            functions: BTreeMap::new(),
            routes: Vec::new(),
            unknown_parameters: Vec::new(),
        };
    }

    let mut functions: BTreeMap<String, AppFunction> = BTreeMap::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut routes: BTreeMap<String, AppRoute> = BTreeMap::new();
    for (logical_id, resource) in &resources {
        let Some((function, own_routes)) =
            function::read(logical_id, resource, &globals, manifest, &resolver, findings)
        else {
            continue;
        };
        // A long name is cut, with 32 bits of a hash.
        if let Some(other) = names.insert(function.name.clone(), function.logical_id.clone()) {
            let problem = format!("{logical_id} and {other} would both be the function {}", function.name);
            let hint = "give one of them a shorter logical id";
            findings
                .add(&Place::of(&["Resources", logical_id]), Wrong::new(TemplateCode::Value, problem, hint));
        }
        functions.insert((*logical_id).clone(), function);
        for (place, route) in own_routes {
            if let Some(first) = routes.get(&route.key) {
                let problem = format!("the route `{}` is {}'s already", route.key, first.function);
                let hint = "a route goes to one function: change or remove one of the two events";
                findings.add(&place, Wrong::new(TemplateCode::Value, problem, hint));
            } else {
                routes.insert(route.key.clone(), route);
            }
        }
    }
    if routes.len() > MOST_ROUTES {
        findings.add(&Place::of(&["Resources"]), budget::too_many("routes", MOST_ROUTES));
    }
    let known: BTreeSet<&str> = resources.keys().map(|id| id.as_str()).collect();
    for logical_id in manifest.functions.keys().filter(|id| !known.contains(id.as_str())) {
        let problem = format!("sluice-manifest.json has the function {logical_id}, the template has not");
        let hint = "build again; the two files are of two builds, or were changed by hand";
        findings.add(&Place::default(), Wrong::new(TemplateCode::Manifest, problem, hint));
    }
    Application { functions, routes: routes.into_values().collect(), unknown_parameters }
}

/// The sections of a template, and the one transform.
fn check_sections(template: &Map<String, Value>, findings: &mut Findings) {
    const READ: [&str; 8] = [
        "AWSTemplateFormatVersion",
        "Transform",
        "Description",
        "Metadata",
        "Parameters",
        "Globals",
        "Resources",
        "Outputs",
    ];
    shape::only(template, &READ, &Place::default(), findings, |section| match section {
        "Conditions" | "Mappings" | "Rules" => {
            "remove it: a parameter has a value per stage, which does the same".into()
        }
        _ => "remove it; docs/templates.md lists what a template may have".into(),
    });
    let transforms = match template.get("Transform") {
        None => Vec::new(),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
    };
    if transforms != [TRANSFORM] {
        let code = if transforms.is_empty() { TemplateCode::Missing } else { TemplateCode::Unsupported };
        let wrong = Wrong::new(
            code,
            "the template's Transform is not SAM's",
            format!("write `Transform: {TRANSFORM}`"),
        );
        findings.add(&Place::of(&["Transform"]), wrong);
    }
}

/// The resources that are functions; whatever else stands among them is recorded.
fn functions_of<'t>(
    template: &'t Map<String, Value>,
    findings: &mut Findings,
) -> BTreeMap<&'t String, &'t Map<String, Value>> {
    let section = Place::of(&["Resources"]);
    let mut functions = BTreeMap::new();
    for (logical_id, resource) in
        shape::optional_map(template.get("Resources"), &section, findings).into_iter().flatten()
    {
        let place = section.key(logical_id);
        let Some(resource) = findings.take(&place, shape::map(resource)) else { continue };
        let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
        if kind != FUNCTION {
            let problem = format!("resources of type `{kind}` are not read");
            let hint =
                format!("remove it; only {FUNCTION} is read yet, and Sluice makes the API and the roles");
            findings.add(&place.key("Type"), Wrong::new(TemplateCode::Unsupported, problem, hint));
            continue;
        }
        if logical_id.is_empty()
            || logical_id.len() > 255
            || !logical_id.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            let problem = format!("`{logical_id}` is no logical id");
            findings.add(&place, Wrong::new(TemplateCode::Value, problem, "use letters and digits"));
            continue;
        }
        shape::only(resource, &["Type", "Properties", "Metadata"], &place, findings, |key| match key {
            "DependsOn" => "remove it: functions are made side by side and know each other's names".into(),
            "Condition" => "remove it: a parameter has a value per stage, which does the same".into(),
            _ => "remove it; a function has Type, Properties and Metadata".into(),
        });
        functions.insert(logical_id, resource);
    }
    if functions.len() > MOST_FUNCTIONS {
        findings.add(&section, budget::too_many("functions", MOST_FUNCTIONS));
        return BTreeMap::new();
    }
    if functions.is_empty() {
        let hint = format!("add a resource of type {FUNCTION}");
        findings.add(&section, Wrong::new(TemplateCode::Missing, "the template has no function", hint));
    }
    functions
}
