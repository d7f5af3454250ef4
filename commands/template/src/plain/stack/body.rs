//! The body of one resource of the stack: its properties with everything known in them, and the attributes that Sluice sets.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::classify::{Held, Part, Split, Target, kinds};
use super::super::evaluate::Evaluator;
use super::super::template::Resource;
use super::api_stages::ApiStages;
use super::direct::DirectValues;
use super::function_names::FunctionNames;
use super::template::{SLUICE, StackResource};
use super::text::{map_strings, merged};
use crate::error::{Findings, Place};
use crate::names::{alias_arn, function_name};

const DELETION: &str = "DeletionPolicy";
const REPLACEMENT: &str = "UpdateReplacePolicy";
/// Keeps a resource that is removed from the template, but not one whose creation is undone: the next try could not create it
/// again. From <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html>.
pub(super) const RETAIN: &str = "RetainExceptOnCreate";

/// What the bodies of a stage's stack are made with.
pub(super) struct Bodies<'a> {
    pub(super) evaluator: &'a Evaluator<'a>,
    pub(super) split: &'a Split,
    pub(super) direct: &'a DirectValues,
    pub(super) functions: FunctionNames<'a>,
    pub(super) stages: ApiStages,
    pub(super) targets: BTreeMap<String, Target>,
}

impl Bodies<'_> {
    /// A resource of the stack. Properties that cannot be evaluated are errors.
    pub(super) fn resource(&self, id: &str, resource: &Resource, findings: &mut Findings) -> StackResource {
        let place = Place::of(&["Resources", id]);
        let mut properties = Map::new();
        for (key, value) in &resource.properties {
            let value = findings.take(&place.key("Properties").key(key), self.evaluator.evaluate(value));
            if let Some(Some(value)) = value {
                properties.insert(key.clone(), self.written(&resource.kind, value.expression()));
            }
        }
        let held = self.split.placements.get(id).and_then(|placement| placement.held.clone());
        self.set_properties(id, &resource.kind, &mut properties);
        let mut attributes = Map::new();
        for (key, value) in &resource.policies {
            // CodeDeploy moves aliases by this policy; its application is dropped.
            let value = without_dropped(value, self.split);
            let value =
                value.and_then(|value| findings.take(&place.key(key), self.evaluator.evaluate(&value)));
            attributes.extend(value.flatten().map(|value| (key.clone(), merged(value.expression()))));
        }
        set_policies(resource, held.as_ref(), &mut attributes);
        let in_stack = |id: &&String| self.split.part(id) == Some(&Part::Stack);
        StackResource {
            kind: resource.kind.clone(),
            properties,
            depends_on: resource.depends_on.iter().filter(in_stack).cloned().collect(),
            attributes,
            held,
            carried_since: None,
        }
    }

    /// An expression as it stands in the stack, with Sluice's names of functions and stages.
    pub(super) fn written(&self, kind: &str, expression: Value) -> Value {
        let invokes = kind == kinds::STATE_MACHINE;
        let value = map_strings(merged(expression), &|text| {
            self.stages.in_text(&self.functions.in_text(text, invokes))
        });
        if kind == "AWS::CloudWatch::Alarm" { self.dimensions(value) } else { value }
    }

    /// The literal name of a function as the dimension of an alarm.
    fn dimensions(&self, value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.dimensions(item)).collect(),
            Value::Object(mut map) => {
                let is_function = map.get("Name").is_some_and(|name| name == "FunctionName");
                let given = map.get("Value").and_then(Value::as_str).filter(|_| is_function);
                if let Some(name) = given.and_then(|given| self.functions.of_given(given)) {
                    map.insert("Value".to_owned(), name.into());
                }
                map.into_iter().map(|(key, value)| (key, self.dimensions(value))).collect()
            }
            other => other,
        }
    }

    /// The properties that Sluice sets: the alias of a function, the boundary and the path of a role.
    fn set_properties(&self, id: &str, kind: &str, properties: &mut Map<String, Value>) {
        let stage = self.evaluator.stage;
        if let Some(Target { property, function }) = self.targets.get(id) {
            let name = function_name(stage.pipeline, stage.name, function);
            // These two take the alias in a property of its own.
            let value = match kind {
                "AWS::Lambda::EventInvokeConfig" | "AWS::Lambda::Url" => {
                    properties.insert("Qualifier".to_owned(), stage.name.as_str().into());
                    name
                }
                _ => alias_arn(stage.target, &name, stage.name),
            };
            properties.insert((*property).to_owned(), value.into());
        }
        if !matches!(kind, kinds::ROLE | kinds::MANAGED_POLICY) {
            return;
        }
        let Some(boundary) = &self.direct.boundary else { return };
        properties.insert("Path".to_owned(), format!("/sluice/{}/{}/", stage.pipeline, stage.name).into());
        if kind == kinds::ROLE {
            properties.insert("PermissionsBoundary".to_owned(), boundary.clone().into());
        }
    }
}

/// An update policy without what names a dropped resource; `None` if nothing is left.
fn without_dropped(policy: &Value, split: &Split) -> Option<Value> {
    let Value::Object(map) = policy else { return Some(policy.clone()) };
    let is_dropped = |value: &Value| {
        let found = super::super::references::References::of(value, &BTreeMap::new());
        found.values.iter().any(|used| matches!(split.part(&used.name), Some(Part::Dropped(_))))
    };
    let kept: Map<String, Value> = map
        .iter()
        .filter(|(_, value)| !is_dropped(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    (!kept.is_empty() || map.is_empty()).then_some(Value::Object(kept))
}

/// What happens to a resource that is removed or replaced. A trigger goes: one that stayed behind would deliver events twice.
/// Everything else stays, unless its author wanted more than that.
fn set_policies(resource: &Resource, held: Option<&Held>, attributes: &mut Map<String, Value>) {
    if held == Some(&Held::Type) || kinds::is_trigger(&resource.kind) {
        return;
    }
    let deletion = match resource.deletion_policy.as_deref() {
        Some(stricter @ ("Retain" | "Snapshot")) => stricter,
        own => {
            if own == Some(RETAIN) {
                // SHED has to know that the author wants to keep it.
                attributes.insert("Metadata".to_owned(), json!({ SLUICE: { "Retained": true } }));
            }
            RETAIN
        }
    };
    let replacement = match resource.update_replace_policy.as_deref() {
        Some("Snapshot") => "Snapshot",
        _ => "Retain",
    };
    attributes.insert(DELETION.to_owned(), deletion.into());
    attributes.insert(REPLACEMENT.to_owned(), replacement.into());
}

/// Whether the author wants a resource to stay when it is removed from the template.
pub(super) fn is_kept_by_author(resource: &StackResource) -> bool {
    let own = resource.attributes.get("Metadata").and_then(|metadata| metadata.get(SLUICE)?.get("Retained"));
    own.is_some() || resource.attributes.get(DELETION).is_some_and(|policy| policy == "Retain")
}

/// Lets CloudFormation delete a resource when the next template has it no more.
pub(super) fn release(resource: &mut StackResource) {
    if resource.attributes.get(DELETION).is_some_and(|policy| policy == RETAIN) {
        resource.attributes.insert(DELETION.to_owned(), "Delete".into());
        // A change of a policy alone may be no change to CloudFormation.
        resource.attributes.insert("Metadata".to_owned(), json!({ SLUICE: { "Released": true } }));
    }
}
