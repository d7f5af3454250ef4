//! One `AWS::Serverless::Function`: its settings, with those of `Globals` as defaults, its code, permissions and routes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::application::{AppFunction, AppRoute, Deploying};
use super::error::{Findings, Place, TemplateCode, Violation};
use super::intrinsics::Resolver;
use super::manifest::Manifest;
use super::{code, events, names, policies, runtimes, shape};

/// What `Globals.Function` may set.
const SETTINGS: [&str; 6] = ["Runtime", "Handler", "MemorySize", "Timeout", "Architectures", "Environment"];

/// All properties that a function may have.
const PROPERTIES: [&str; 10] = [
    "Runtime",
    "Handler",
    "MemorySize",
    "Timeout",
    "Architectures",
    "Environment",
    "CodeUri",
    "Description",
    "Policies",
    "Events",
];

const MEMORY: RangeInclusive<u32> = 128..=10_240;
const TIMEOUT: RangeInclusive<u32> = 1..=900;

/// Lambda's limit for the names and values of a function's variables together.
pub(super) const ENVIRONMENT_BYTES: usize = 4_096;

/// Variables that Lambda sets itself; it refuses other values.
const RESERVED: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// The properties of one function, with those of `Globals` as defaults.
struct Settings<'v> {
    own: &'v Map<String, Value>,
    own_place: Place,
    globals: &'v Map<String, Value>,
    globals_place: Place,
}

impl<'v> Settings<'v> {
    /// A setting and its place: the function's own if there is one, otherwise that of `Globals`.
    fn get(&self, name: &str) -> Option<(&'v Value, Place)> {
        let own = self.own.get(name).map(|value| (value, self.own_place.key(name)));
        own.or_else(|| self.global(name))
    }

    fn global(&self, name: &str) -> Option<(&'v Value, Place)> {
        self.globals.get(name).map(|value| (value, self.globals_place.key(name)))
    }

    /// Both settings, the one of `Globals` first, where SAM merges them.
    fn both(&self, name: &str) -> impl Iterator<Item = (&'v Value, Place)> {
        let own = self.own.get(name).map(|value| (value, self.own_place.key(name)));
        self.global(name).into_iter().chain(own)
    }
}

/// Reads `Globals`. Only `Function` is supported.
pub(super) fn globals(template: &Map<String, Value>, findings: &mut Findings) -> Map<String, Value> {
    let place = Place::of(&["Globals"]);
    let Some(globals) = shape::optional_map(template.get("Globals"), &place, findings) else {
        return Map::new();
    };
    shape::only(globals, &["Function"], &place, findings, |_| "remove it; Globals may set `Function`".into());
    let place = place.key("Function");
    let Some(settings) = shape::optional_map(globals.get("Function"), &place, findings) else {
        return Map::new();
    };
    shape::only(settings, &SETTINGS, &place, findings, |key| match key {
        "CodeUri" => "write CodeUri in each function".into(),
        _ => hint_for(key),
    });
    settings.clone()
}

/// Reads one function; `None` if a required property is missing or invalid.
pub(super) fn read(
    logical_id: &str,
    resource: &Map<String, Value>,
    globals: &Map<String, Value>,
    manifest: &Manifest,
    resolver: &Resolver<'_>,
    findings: &mut Findings,
) -> Option<(AppFunction, Vec<(Place, AppRoute)>)> {
    let place = Place::of(&["Resources", logical_id]);
    let none = Map::new();
    let own_place = place.key("Properties");
    let own = match resource.get("Properties") {
        Some(properties) => findings.take(&own_place, shape::map(properties))?,
        None => &none,
    };
    shape::only(own, &PROPERTIES, &own_place, findings, hint_for);
    let globals_place = Place::of(&["Globals", "Function"]);
    let settings = Settings { own, own_place: own_place.clone(), globals, globals_place };

    let runtime = required("Runtime", &place, &settings, resolver, findings).and_then(|(runtime, place)| {
        let known = if runtimes::names().any(|known| known == runtime) {
            Ok(runtime)
        } else {
            Err(bad_runtime(&runtime))
        };
        findings.take(&place, known)
    });
    let handler = required("Handler", &place, &settings, resolver, findings).and_then(|(handler, place)| {
        let good =
            !handler.is_empty() && handler.len() <= 128 && handler.bytes().all(|b| b.is_ascii_graphic());
        let wrong = || {
            Violation::new(
                TemplateCode::Value,
                format!("`{handler}` is not a handler"),
                "write it like app.handler",
            )
        };
        findings.take(&place, if good { Ok(handler.clone()) } else { Err(wrong()) })
    });
    let memory = whole("MemorySize", 128, MEMORY, &settings, resolver, findings);
    let timeout = whole("Timeout", 3, TIMEOUT, &settings, resolver, findings);
    let architecture = architecture(&settings, resolver, findings);
    let environment = environment(&settings, resolver, findings);
    let statements = own
        .get("Policies")
        .map(|value| policies::read(value, &own_place.key("Policies"), resolver, findings))
        .unwrap_or_default();
    let routes = own
        .get("Events")
        .map(|value| events::read(value, logical_id, &own_place.key("Events"), resolver, findings))
        .unwrap_or_default();
    let Deploying { pipeline, stage, .. } = resolver.deploying;
    let code = code::read(logical_id, own.get("CodeUri"), manifest, resolver.deploying);
    let code = findings.take(&own_place.key("CodeUri"), code);
    let function = AppFunction {
        logical_id: logical_id.to_owned(),
        name: names::function_name(pipeline, stage, logical_id),
        runtime: runtime?,
        handler: handler?,
        memory: memory?,
        timeout: timeout?,
        architecture: architecture?,
        environment: environment?,
        statements,
        code: code?,
    };
    Some((function, routes))
}

fn hint_for(property: &str) -> String {
    match property {
        "FunctionName" => "remove it: Sluice names the function sluice-{pipeline}-{stage}-{logical id}",
        "Role" | "RolePath" | "PermissionsBoundary" | "AssumeRolePolicyDocument" => {
            "remove it: Sluice creates the role. Write the function's permissions as inline documents in Policies"
        }
        "Layers" => "remove it; put the layer's files into the folder of CodeUri",
        "InlineCode" | "ImageUri" | "ImageConfig" | "PackageType" => {
            "put the code into a folder of the repository and name it in CodeUri"
        }
        "AutoPublishAlias"
        | "AutoPublishAliasAllProperties"
        | "DeploymentPreference"
        | "VersionDescription" => "remove it: each stage is an alias, and /promote moves it",
        "FunctionUrlConfig" => "remove it; give the function an event of type HttpApi",
        "Tags" => "remove it: Sluice adds the tags",
        _ => "remove it; docs/templates.md lists what a function may have",
    }
    .into()
}

fn bad_runtime(runtime: &str) -> Violation {
    Violation::new(
        TemplateCode::Value,
        format!("the runtime `{runtime}` is unknown"),
        format!("use one of {}", runtimes::names().collect::<Vec<_>>().join(", ")),
    )
}

/// A required string, with its place.
fn required(
    name: &str,
    function: &Place,
    settings: &Settings<'_>,
    resolver: &Resolver<'_>,
    findings: &mut Findings,
) -> Option<(String, Place)> {
    let Some((value, place)) = settings.get(name) else {
        let problem = format!("the function has no {name}");
        let hint = format!("write {name} in its Properties or in Globals.Function");
        findings.add(function, Violation::new(TemplateCode::Missing, problem, hint));
        return None;
    };
    let text = findings.take(&place, resolver.text(value))?;
    Some((text, place))
}

/// A whole number within limits.
fn whole(
    name: &str,
    default: u32,
    limits: RangeInclusive<u32>,
    settings: &Settings<'_>,
    resolver: &Resolver<'_>,
    findings: &mut Findings,
) -> Option<u32> {
    let Some((value, place)) = settings.get(name) else { return Some(default) };
    let number = resolver.text(value).and_then(|text| {
        let number = text.parse().ok().filter(|number| limits.contains(number));
        number.ok_or_else(|| {
            Violation::new(
                TemplateCode::Value,
                format!("{name} is `{text}`"),
                format!("write a whole number from {} to {}", limits.start(), limits.end()),
            )
        })
    });
    findings.take(&place, number)
}

fn architecture(settings: &Settings<'_>, resolver: &Resolver<'_>, findings: &mut Findings) -> Option<String> {
    let mut found: Vec<String> = Vec::new();
    let mut last = None;
    for (value, place) in settings.both("Architectures") {
        let names = resolver
            .resolve(value)
            .and_then(|list| shape::list(&list)?.iter().map(shape::scalar).collect::<Result<Vec<_>, _>>());
        found.extend(findings.take(&place, names)?);
        last = Some(place);
    }
    let Some(place) = last else { return Some("x86_64".into()) };
    // SAM appends the function's list to that of Globals, so two different values are two architectures.
    found.dedup();
    match found.as_slice() {
        [one] if one == "x86_64" || one == "arm64" => Some(one.clone()),
        _ => {
            let problem = format!("Architectures is [{}]", found.join(", "));
            let hint = "write [x86_64] or [arm64], in Globals or in the function";
            findings.add(&place, Violation::new(TemplateCode::Value, problem, hint));
            None
        }
    }
}

fn environment(
    settings: &Settings<'_>,
    resolver: &Resolver<'_>,
    findings: &mut Findings,
) -> Option<BTreeMap<String, String>> {
    let mut environment = BTreeMap::new();
    let mut complete = true;
    let mut last = None;
    for (value, place) in settings.both("Environment") {
        let map = findings.take(&place, shape::map(value))?;
        shape::only(map, &["Variables"], &place, findings, |_| "Environment has Variables".into());
        let place = place.key("Variables");
        let Some(variables) = shape::optional_map(map.get("Variables"), &place, findings) else { continue };
        for (name, value) in variables {
            let text = variable_name(name).and_then(|()| resolver.text(value));
            match findings.take(&place.key(name), text) {
                Some(text) => _ = environment.insert(name.clone(), text),
                None => complete = false,
            }
        }
        last = Some(place);
    }
    let bytes: usize = environment.iter().map(|(name, value)| name.len() + value.len()).sum();
    if let Some(place) = last.filter(|_| bytes > ENVIRONMENT_BYTES) {
        let problem = format!("the environment has {bytes} bytes, and Lambda's limit is {ENVIRONMENT_BYTES}");
        findings.add(
            &place,
            Violation::new(TemplateCode::Value, problem, "keep large settings in a file of the package"),
        );
        return None;
    }
    complete.then_some(environment)
}

pub(super) fn variable_name(name: &str) -> Result<(), Violation> {
    let mut bytes = name.bytes();
    let good = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && name.len() >= 2
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if RESERVED.contains(&name) {
        let problem = format!("Lambda sets the variable {name} itself");
        return Err(Violation::new(TemplateCode::Value, problem, "choose another name"));
    }
    if !good {
        let problem = format!("`{name}` is not a name for an environment variable");
        let hint = "use at least two letters, digits or _, and begin with a letter";
        return Err(Violation::new(TemplateCode::Value, problem, hint));
    }
    Ok(())
}
