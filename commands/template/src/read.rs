//! Reads a template: its sections, functions and routes, and everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::application::{AppFunction, AppRoute, Application, Deploying};
use super::budget::{self, Budget, MOST_FUNCTIONS, MOST_ROUTES};
use super::error::{Findings, Place, TemplateCode, TemplateError, Violation};
use super::intrinsics::Resolver;
use super::lines::Lines;
use super::manifest::Manifest;
use super::{function, parameters, shape};

pub(super) const TRANSFORM: &str = "AWS::Serverless-2016-10-31";
pub(super) const FUNCTION: &str = "AWS::Serverless::Function";

/// Reads a packaged template (JSON) for a stage.
///
/// `original` is `template.yaml` as its author wrote it. It is used only for line numbers: nothing in it is deployed.
///
/// A hostile file costs at most some megabytes and a fraction of a second (`budget`). Callers still run it on a thread that
/// drives no operations.
pub fn read(
    packaged: &str,
    original: &str,
    manifest: &Manifest,
    deploying: &Deploying<'_>,
) -> Result<Application, Vec<TemplateError>> {
    let sizes = [("packaged.json", packaged), ("template.yaml", original)];
    let sized = sizes.iter().try_for_each(|(file, text)| budget::check_size(file, text));
    // The lines of a file that is too large are not read.
    let mut findings = Findings::new(if sized.is_ok() { Lines::of(original) } else { Lines::default() });
    let template = sized.and_then(|()| {
        let hint = "package it with sluice_package.py (`aws cloudformation package --use-json`)";
        shape::template(packaged, "packaged.json is not a template in JSON", hint)
    });
    let application = match findings.take(&Place::default(), template) {
        Some(template) => application(&template, manifest, deploying, &mut findings),
        None => {
            Application { functions: BTreeMap::new(), routes: Vec::new(), unknown_parameters: Vec::new() }
        }
    };
    findings.finish(application)
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
    // Every function repeats the values in Globals.
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
        // A long name is cut and ends with 32 bits of a hash.
        if let Some(other) = names.insert(function.name.clone(), function.logical_id.clone()) {
            let problem =
                format!("{logical_id} and {other} would get the same function name, {}", function.name);
            let hint = "give one of them a shorter logical id";
            findings.add(
                &Place::of(&["Resources", logical_id]),
                Violation::new(TemplateCode::Value, problem, hint),
            );
        }
        functions.insert((*logical_id).clone(), function);
        for (place, route) in own_routes {
            if let Some(first) = routes.get(&route.key) {
                let problem = format!("the route `{}` already belongs to {}", route.key, first.function);
                let hint = "a route has one function: change or remove one of the two events";
                findings.add(&place, Violation::new(TemplateCode::Value, problem, hint));
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
        let problem =
            format!("sluice-manifest.json has the function {logical_id}, but the template does not");
        let hint = "build again: the two files are from different builds, or were edited by hand";
        findings.add(&Place::default(), Violation::new(TemplateCode::Manifest, problem, hint));
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
            "remove it, and use a parameter with a value for each stage".into()
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
        let wrong = Violation::new(
            code,
            "the template's Transform is not the one of AWS SAM",
            format!("write `Transform: {TRANSFORM}`"),
        );
        findings.add(&Place::of(&["Transform"]), wrong);
    }
}

/// The resources that are functions. Every other resource is an error.
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
            let problem = format!("resources of type `{kind}` are not supported");
            let hint =
                format!("remove it; only {FUNCTION} is supported, and Sluice creates the API and the roles");
            findings.add(&place.key("Type"), Violation::new(TemplateCode::Unsupported, problem, hint));
            continue;
        }
        if logical_id.is_empty()
            || logical_id.len() > 255
            || !logical_id.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            let problem = format!("`{logical_id}` is not a logical id");
            findings.add(&place, Violation::new(TemplateCode::Value, problem, "use letters and digits"));
            continue;
        }
        shape::only(resource, &["Type", "Properties", "Metadata"], &place, findings, |key| match key {
            "DependsOn" => "remove it: the order in which Sluice creates functions does not matter".into(),
            "Condition" => "remove it, and use a parameter with a value for each stage".into(),
            _ => "remove it; a function may have Type, Properties and Metadata".into(),
        });
        functions.insert(logical_id, resource);
    }
    if functions.len() > MOST_FUNCTIONS {
        findings.add(&section, budget::too_many("functions", MOST_FUNCTIONS));
        return BTreeMap::new();
    }
    if functions.is_empty() {
        let hint = format!("add a resource of type {FUNCTION}");
        findings.add(&section, Violation::new(TemplateCode::Missing, "the template has no functions", hint));
    }
    functions
}
