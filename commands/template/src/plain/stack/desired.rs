//! What a stage's stack has to contain.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::classify::{Notice, Part, Resolution, Split, targets};
use super::super::evaluate::{Evaluator, Known};
use super::super::partial::{Attribute, DynamicService, Need, Partial};
use super::super::references::{Decided, References};
use super::super::template::Output;
use super::api_stages::{self, ApiStages};
use super::body::Bodies;
use super::direct::DirectValues;
use super::error::PassError;
use super::finish::finish;
use super::function_names::FunctionNames;
use super::needs;
use super::shared::{self, HANDLE, handle};
use super::template::{Emission, ParameterValue, StackTemplate};
use crate::error::{Findings, Place, TemplateCode, TemplateError, Violation};
use crate::names::{alias_arn, function_name};
use crate::source_map::SourceMap;

/// What a stage's stack has to contain once all passes are done.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The template; `None` if nothing belongs to the stack.
    pub stack: Option<Emission>,
    /// The template's own outputs as far as they are known, for people. Some of them the stack has, too.
    pub outputs: BTreeMap<String, Partial>,
    /// The logical ids of the stack's resources that functions, roles and APIs refer to. A release records them: they are what it
    /// adds to [`Kept`](super::Kept) once another release is deployed.
    pub needed: BTreeSet<String>,
}

impl Desired {
    /// The template, empty if there is none.
    pub(super) fn emission(&self) -> Emission {
        self.stack.clone().unwrap_or_default()
    }
}

/// Emits the template of a stage's stack. The evaluator is the one that the split was made with: it decides the conditions and
/// has the values of all parameters. Its answers for resources are not used: those follow from the split and from `direct`.
///
/// # Errors
///
/// Expressions that cannot be evaluated, secrets that would be shown, values of direct resources that are missing, and more than
/// CloudFormation takes.
pub fn desired(
    evaluator: &Evaluator<'_>,
    split: &Split,
    direct: &DirectValues,
    sources: &SourceMap,
) -> Result<Desired, Vec<TemplateError>> {
    let mut findings = Findings::new(sources.clone());
    let stage = evaluator.stage;
    let answer = |id: &str, attribute: &Attribute| {
        if let Some(value) = direct.get(id, attribute) {
            return Known::Value(value.clone());
        }
        match (split.resolution(id, attribute), split.part(id)) {
            (Resolution::AliasArn(function), _) => {
                let name = function_name(stage.pipeline, stage.name, &function);
                Known::Value(alias_arn(stage.target, &name, stage.name).into())
            }
            (Resolution::Direct, Some(Part::Function)) => {
                Known::Value(function_name(stage.pipeline, stage.name, id).into())
            }
            (Resolution::Direct, Some(Part::ApiStage(_))) if *attribute == Attribute::Ref => {
                api_stages::stage_name(evaluator, id).map_or(Known::Later, |name| Known::Value(name.into()))
            }
            (Resolution::Direct | Resolution::Stack, _) => Known::Later,
            (Resolution::Never(reason), _) => Known::Never(reason),
        }
    };
    let values = evaluator.parameters.without_secrets(evaluator.template);
    let writer = Evaluator::with_conditions_of(evaluator, &values, &answer);
    let bodies = Bodies {
        evaluator: &writer,
        split,
        direct,
        functions: FunctionNames::of(&writer, split),
        stages: ApiStages::of(&writer, split, direct),
        targets: targets(&writer, split),
    };
    let mut template = StackTemplate::default();
    let mut needed = BTreeSet::new();
    for (id, resource) in &evaluator.template.resources {
        match split.part(id) {
            Some(Part::Stack) => {
                template.resources.insert(id.clone(), bodies.resource(id, resource, &mut findings));
            }
            Some(part) if part.is_direct() => {
                let place = Place::of(&["Resources", id, "Properties"]);
                for (key, value) in resource.properties.iter().filter(|(key, _)| is_read(part, key)) {
                    let found = writer.evaluate(value).and_then(|value| {
                        let secret = value.iter().flat_map(Partial::needs).find_map(|need| match need {
                            Need::Dynamic(service, name) if service != DynamicService::Ssm => Some(name),
                            _ => None,
                        });
                        if let Some(name) = secret {
                            return Err(needs::secret(&format!("the dynamic reference to {name}")));
                        }
                        let expression = value.map(|value| value.expression()).unwrap_or_default();
                        let used = References::of(&expression, &Decided::new()).values.into_iter();
                        let of_stack = |name: &String| split.part(name) == Some(&Part::Stack);
                        needed.extend(used.map(|used| used.name).filter(of_stack));
                        needs::add_outputs(
                            &expression,
                            (evaluator.template, split, direct),
                            &mut template.outputs,
                        )
                    });
                    findings.take(&place.key(key), found);
                }
            }
            _ => {}
        }
    }
    let outputs = own_outputs(&bodies, &mut template, &mut findings);
    missing_values(&template, split, &mut findings);
    shared::name_by_content(&mut template, &writer, &mut findings);
    let mut parameters = declare_parameters(&mut template, &writer);
    if template.resources.is_empty() && template.outputs.is_empty() {
        return findings.finish(Desired { stack: None, outputs, needed });
    }
    if template.resources.is_empty() {
        template.resources.insert(HANDLE.to_owned(), handle());
    }
    for error in finish(&mut template) {
        let hint = error.hint();
        let code = match error {
            PassError::TooMany { .. } => TemplateCode::TooLarge,
            _ => TemplateCode::Reference,
        };
        findings.add(&Place::default(), Violation::new(code, error.to_string(), hint));
    }
    parameters.retain(|name, _| template.parameters.contains_key(name));
    findings.finish(Desired { stack: Some(Emission { template, parameters }), outputs, needed })
}

/// Whether Sluice reads a property of a direct resource: a deployment and a stage name their API, and a policy its roles.
fn is_read(part: &Part, property: &str) -> bool {
    match part {
        Part::ApiDeployment(_) => false,
        Part::ApiStage(_) => !matches!(property, "DeploymentId" | "ApiId" | "RestApiId"),
        Part::Policy(_) => !matches!(property, "Roles" | "RoleName"),
        Part::Role => property != "ManagedPolicyArns",
        _ => true,
    }
}

/// The template's own outputs. The stack has those that other stacks import, and those that only it knows.
fn own_outputs(
    bodies: &Bodies<'_>,
    template: &mut StackTemplate,
    findings: &mut Findings,
) -> BTreeMap<String, Partial> {
    let dropped = bodies.split.notices.iter().find_map(|notice| match notice {
        Notice::DroppedOutputs(names) => Some(names.clone()),
        _ => None,
    });
    let dropped = dropped.unwrap_or_default();
    let mut known = BTreeMap::new();
    for (name, output) in &bodies.evaluator.template.outputs {
        let exists =
            output.condition.as_ref().is_none_or(|condition| bodies.evaluator.holds(condition) == Some(true));
        if !exists || dropped.contains(name) {
            continue;
        }
        let place = Place::of(&["Outputs", name]);
        let Some(Some(value)) = findings.take(&place, bodies.evaluator.evaluate(&output.value)) else {
            continue;
        };
        let needs = value.needs();
        if needs.iter().any(Need::is_secret) {
            findings.add(&place, needs::secret("the value"));
            continue;
        }
        let of_stack = |need: &Need| match need {
            Need::Resource { logical_id, .. } => bodies.split.part(logical_id) == Some(&Part::Stack),
            _ => true,
        };
        let is_for_stack = !needs.is_empty() && needs.iter().all(of_stack);
        if output.export.is_some() || is_for_stack {
            let written = written_output(bodies, output, &value);
            if let Some(written) = findings.take(&place, written) {
                template.outputs.insert(name.clone(), written);
            }
        }
        known.insert(name.clone(), value);
    }
    known
}

fn written_output(bodies: &Bodies<'_>, output: &Output, value: &Partial) -> Result<Value, Violation> {
    let mut written = Map::new();
    written.insert("Value".to_owned(), bodies.written("", value.expression()));
    if let Some(text) = &output.description {
        written.insert("Description".to_owned(), text.clone().into());
    }
    let export = output.export.as_ref().map(|export| bodies.evaluator.required(export)).transpose()?;
    if let Some(export) = export {
        if export.needs().iter().any(Need::is_secret) {
            return Err(needs::secret("the name of the export"));
        }
        written.insert("Export".to_owned(), json!({ "Name": merged_name(&export) }));
    }
    Ok(Value::Object(written))
}

fn merged_name(export: &Partial) -> Value {
    super::text::merged(export.expression())
}

/// Reports what the stack needs of a direct resource that is not known before the stack changes.
fn missing_values(template: &StackTemplate, split: &Split, findings: &mut Findings) {
    let direct = |id: &str| split.part(id).is_some_and(Part::is_direct);
    let resources = template
        .resources
        .iter()
        .map(|(id, resource)| (Place::of(&["Resources", id]), shared::references(resource)));
    let outputs = template
        .outputs
        .iter()
        .map(|(name, output)| (Place::of(&["Outputs", name]), shared::output_references(output)));
    for (place, found) in resources.chain(outputs) {
        let missing: BTreeSet<&str> =
            found.values.iter().map(|used| used.name.as_str()).filter(|id| direct(id)).collect();
        for id in missing {
            let problem = format!("it needs a value of {id}, which is not known before the stack changes");
            let hint = "Sluice creates that resource after the stack: remove the reference, or the Export of the output";
            findings.add(&place, Violation::new(TemplateCode::Reference, problem, hint));
        }
    }
}

/// Declares the parameters that are left, with their values.
fn declare_parameters(
    template: &mut StackTemplate,
    evaluator: &Evaluator<'_>,
) -> BTreeMap<String, ParameterValue> {
    let mut values = BTreeMap::new();
    for name in shared::all_references(template).values.into_iter().map(|used| used.name) {
        if let Some((declared, text)) = evaluator.template.parameter_for_stack(&name, &evaluator.stage) {
            template.parameters.insert(name.clone(), declared);
            values.insert(name, ParameterValue::Text(text));
        }
    }
    values
}
