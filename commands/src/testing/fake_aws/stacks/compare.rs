//! What a change set would change: two templates with their parameters.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::text;
use crate::ports::{ChangeAction, ChangeCause, PolicyAction, Replacement, ResourceChange, StackResource};

/// Properties that cannot be changed: another value replaces the resource. The first one of a type is its name.
const CREATE_ONLY: &[(&str, &[&str])] = &[
    ("AWS::DynamoDB::Table", &["TableName", "KeySchema"]),
    ("AWS::Events::EventBus", &["Name"]),
    ("AWS::Events::Rule", &["Name", "EventBusName"]),
    ("AWS::IAM::Role", &["RoleName", "Path"]),
    ("AWS::Kinesis::Stream", &["Name"]),
    ("AWS::Lambda::EventSourceMapping", &["", "EventSourceArn"]),
    ("AWS::Logs::LogGroup", &["LogGroupName"]),
    ("AWS::S3::Bucket", &["BucketName"]),
    ("AWS::SNS::Subscription", &["", "TopicArn", "Endpoint", "Protocol"]),
    ("AWS::SNS::Topic", &["TopicName", "FifoTopic"]),
    ("AWS::SQS::Queue", &["QueueName", "FifoQueue"]),
    ("AWS::StepFunctions::StateMachine", &["StateMachineName", "StateMachineType"]),
];

const ATTRIBUTES: [&str; 3] = ["DeletionPolicy", "Metadata", "UpdateReplacePolicy"];

fn create_only(resource_type: &str) -> &'static [&'static str] {
    CREATE_ONLY.iter().find(|(known, _)| *known == resource_type).map_or(&[], |(_, properties)| properties)
}

/// A template whose parameters are replaced by their values.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Template {
    pub(super) resources: BTreeMap<String, Declared>,
    pub(super) outputs: BTreeMap<String, (Value, Option<String>)>,
}

/// A resource of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Declared {
    pub(super) resource_type: String,
    pub(super) properties: serde_json::Map<String, Value>,
    /// The attributes whose change is one of the resource.
    attributes: BTreeMap<&'static str, Value>,
    pub(super) is_retained: bool,
    pub(super) is_retained_on_replacement: bool,
}

impl Declared {
    /// The name that the template fixes.
    pub(super) fn name(&self) -> Option<String> {
        let property = create_only(&self.resource_type).first()?;
        self.properties.get(*property).map(text)
    }
}

impl Template {
    /// Reads a template; `Err` is the service's sentence.
    pub(super) fn read(body: &str, parameters: &BTreeMap<String, String>) -> Result<Self, String> {
        let body: Value =
            serde_json::from_str(body).map_err(|error| format!("Template format error: {error}"))?;
        for (name, declared) in body["Parameters"].as_object().into_iter().flatten() {
            if declared.get("Default").is_none() && !parameters.contains_key(name) {
                return Err(format!("Parameters: [{name}] must have values"));
            }
        }
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, declared) in body["Parameters"].as_object().into_iter().flatten() {
            let given = parameters.get(name).cloned();
            values.insert(name.clone(), given.unwrap_or_else(|| text(&declared["Default"])));
        }
        let declared = body["Resources"].as_object().filter(|declared| !declared.is_empty());
        let declared =
            declared.ok_or("Template format error: At least one Resources member must be defined.")?;
        let mut resources = BTreeMap::new();
        for (logical, resource) in declared {
            let keeps =
                |policy: &str| resource[policy].as_str().is_some_and(|word| word.starts_with("Retain"));
            let properties = with_parameters(&resource["Properties"], &values);
            let made = Declared {
                resource_type: text(&resource["Type"]),
                properties: properties.as_object().cloned().unwrap_or_default(),
                attributes: ATTRIBUTES.map(|name| (name, resource[name].clone())).into(),
                is_retained: keeps("DeletionPolicy"),
                is_retained_on_replacement: keeps("UpdateReplacePolicy"),
            };
            let missing = references(&Value::Object(made.properties.clone()))
                .into_iter()
                .filter(|name| !declared.contains_key(name) && !name.starts_with("AWS::"))
                .collect::<Vec<_>>();
            if !missing.is_empty() {
                let missing = missing.join(", ");
                return Err(format!(
                    "Template format error: Unresolved resource dependencies [{missing}] in the Resources block of the template"
                ));
            }
            resources.insert(logical.clone(), made);
        }
        let outputs = body["Outputs"].as_object().into_iter().flatten().map(|(name, output)| {
            let export = output["Export"]["Name"].as_str().map(str::to_owned);
            (name.clone(), (with_parameters(&output["Value"], &values), export))
        });
        Ok(Self { resources, outputs: outputs.collect() })
    }
}

fn with_parameters(value: &Value, parameters: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(map) if map.len() == 1 => match map.get("Ref").and_then(Value::as_str) {
            Some(name) if parameters.contains_key(name) => parameters[name].clone().into(),
            _ => map.iter().map(|(key, value)| (key.clone(), with_parameters(value, parameters))).collect(),
        },
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), with_parameters(value, parameters))).collect()
        }
        Value::Array(list) => list.iter().map(|value| with_parameters(value, parameters)).collect(),
        other => other.clone(),
    }
}

/// The resources that a value names.
pub(super) fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(map) => {
            let name = map.get("Ref").or_else(|| map.get("Fn::GetAtt").map(|at| at.get(0).unwrap_or(at)));
            let own =
                name.and_then(Value::as_str).map(|name| name.split('.').next().unwrap_or(name).to_owned());
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

/// The changes from what a stack has to a template.
pub(super) fn changes(
    from: &Template,
    to: &Template,
    has: &BTreeMap<String, StackResource>,
) -> Vec<ResourceChange> {
    let physical = |logical: &str| has.get(logical).and_then(|resource| resource.physical_id.clone());
    let change = |action, logical: &str, declared: &Declared| ResourceChange {
        action,
        logical_id: logical.to_owned(),
        physical_id: physical(logical),
        resource_type: declared.resource_type.clone(),
        replacement: Replacement::No,
        policy_action: None,
        scope: vec![],
        causes: vec![],
        nested: None,
    };
    let mut changes: Vec<ResourceChange> = Vec::new();
    for (logical, new) in &to.resources {
        match from.resources.get(logical) {
            None => changes.push(change(ChangeAction::Add, logical, new)),
            Some(old) if old.properties != new.properties || old.resource_type != new.resource_type => {
                changes.push(modification(change(ChangeAction::Modify, logical, new), old, new));
            }
            Some(old) => {
                let scope =
                    ATTRIBUTES.iter().filter(|name| old.attributes.get(*name) != new.attributes.get(*name));
                let scope: Vec<String> = scope.map(|name| (*name).to_owned()).collect();
                if !scope.is_empty() {
                    changes.push(ResourceChange { scope, ..change(ChangeAction::Modify, logical, new) });
                }
            }
        }
    }
    for (logical, old) in from.resources.iter().filter(|(logical, _)| !to.resources.contains_key(*logical)) {
        let policy = if old.is_retained { PolicyAction::Retain } else { PolicyAction::Delete };
        let removal = change(ChangeAction::Remove, logical, old);
        changes.push(ResourceChange { policy_action: Some(policy), ..removal });
    }
    // Resources that name a replaced one change with it.
    let replaced: BTreeSet<String> =
        changes.iter().filter(|change| change.replaces()).map(|change| change.logical_id.clone()).collect();
    for (logical, new) in &to.resources {
        let names = references(&Value::Object(new.properties.clone()));
        let Some(entity) = names.intersection(&replaced).next() else { continue };
        if changes.iter().all(|known| known.logical_id != *logical) {
            let cause = ChangeCause {
                attribute: "Properties".to_owned(),
                property: None,
                recreation: None,
                source: Some("ResourceReference".to_owned()),
                entity: Some(entity.clone()),
                is_dynamic: true,
            };
            let dependent = change(ChangeAction::Modify, logical, new);
            changes.push(ResourceChange {
                causes: vec![cause],
                scope: vec!["Properties".to_owned()],
                ..dependent
            });
        }
    }
    changes
}

fn modification(change: ResourceChange, old: &Declared, new: &Declared) -> ResourceChange {
    let all: BTreeSet<&String> = old.properties.keys().chain(new.properties.keys()).collect();
    let differ: Vec<&String> =
        all.into_iter().filter(|key| old.properties.get(*key) != new.properties.get(*key)).collect();
    let fixed = create_only(&new.resource_type);
    let replaces =
        old.resource_type != new.resource_type || differ.iter().any(|key| fixed.contains(&key.as_str()));
    let causes = differ.iter().map(|key| ChangeCause {
        attribute: "Properties".to_owned(),
        property: Some((*key).clone()),
        recreation: Some(if fixed.contains(&key.as_str()) { "Always" } else { "Never" }.to_owned()),
        source: Some("DirectModification".to_owned()),
        entity: None,
        is_dynamic: false,
    });
    let policy = match new.is_retained_on_replacement {
        true => PolicyAction::ReplaceAndRetain,
        false => PolicyAction::ReplaceAndDelete,
    };
    ResourceChange {
        replacement: if replaces { Replacement::Yes } else { Replacement::No },
        policy_action: replaces.then_some(policy),
        scope: vec!["Properties".to_owned()],
        causes: causes.collect(),
        ..change
    }
}
