//! A plain template as data: its sections, checked in form.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::declaration::{Declaration, STAGE};
use super::parameter_types::Kind;
use super::references::{Decided, References};
use super::stage::Stage;
use super::system_answers::SystemAnswer;

/// A plain CloudFormation template. Every reference in it is to something that it declares.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainTemplate {
    /// The parameters by name.
    pub(super) parameters: BTreeMap<String, Declaration>,
    /// `Mappings`: name, first key, second key, and a string or a list of strings.
    pub mappings: BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>,
    /// The conditions by name, as written.
    pub conditions: BTreeMap<String, Value>,
    /// The resources by logical id; at least one.
    pub resources: BTreeMap<String, Resource>,
    /// The outputs by name.
    pub outputs: BTreeMap<String, Output>,
}

impl PlainTemplate {
    /// The names of the parameters, in order.
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.parameters.keys().map(String::as_str)
    }

    /// The declaration of a parameter as a stack needs it, where values were checked already, and its value; `None` if there is none.
    /// A parameter of Systems Manager that was read has its value, not its name: CloudFormation would read it again.
    pub(super) fn parameter_for_stack(&self, parameter: &str, stage: &Stage<'_>) -> Option<(Value, String)> {
        let declared = self.parameters.get(parameter)?;
        let text = self.parameter_text(parameter, stage)?;
        let (kind, text) =
            match (&declared.kind, stage.system_parameters.get(&text).and_then(SystemAnswer::value)) {
                (Kind::System { is_list }, Some(value)) => {
                    (if *is_list { Kind::List } else { Kind::Text }, value.to_owned())
                }
                (kind, _) => (kind.clone(), text),
            };
        let mut declaration = json!({ "Type": kind.name() });
        if declared.no_echo {
            declaration["NoEcho"] = true.into();
        }
        Some((declaration, text))
    }

    /// The written value of a parameter on a stage: the one that is set, or the default.
    pub(super) fn parameter_text(&self, parameter: &str, stage: &Stage<'_>) -> Option<String> {
        if parameter == STAGE {
            return Some(stage.name.to_string());
        }
        let default = || self.parameters.get(parameter)?.default.clone();
        stage.parameters.get(parameter).cloned().or_else(default)
    }

    /// Everything that resources, conditions and outputs refer to, whether it exists on a stage or not.
    pub(super) fn references(&self) -> References {
        let (mut found, none) = (References::default(), Decided::new());
        for resource in self.resources.values() {
            let values = resource.properties.values().chain(resource.policies.values());
            values.for_each(|value| found.add(value, &none));
        }
        self.conditions.values().for_each(|condition| found.add(condition, &none));
        for output in self.outputs.values() {
            found.add(&output.value, &none);
            output.export.iter().for_each(|export| found.add(export, &none));
        }
        found
    }

    /// Whether a parameter is declared with `NoEcho`: its value is a secret and must not be shown.
    pub fn is_no_echo(&self, parameter: &str) -> bool {
        self.parameters.get(parameter).is_some_and(|declared| declared.no_echo)
    }
}

/// A resource, as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// `AWS::DynamoDB::Table`, `Custom::Seed`, …
    pub kind: String,
    /// Its properties, with intrinsic functions.
    pub properties: Map<String, Value>,
    /// The condition under which it exists.
    pub condition: Option<String>,
    /// The logical ids of the resources that are created before it, beside those that it refers to.
    pub depends_on: Vec<String>,
    /// What the author or a tool noted about it.
    pub metadata: Map<String, Value>,
    /// `Delete`, `Retain`, `RetainExceptOnCreate` or `Snapshot`.
    pub deletion_policy: Option<String>,
    /// `Delete`, `Retain` or `Snapshot`.
    pub update_replace_policy: Option<String>,
    /// `CreationPolicy` and `UpdatePolicy`, as written.
    pub policies: Map<String, Value>,
}

impl Resource {
    /// Whether CloudFormation asks a function or topic of the team's to provide it.
    pub fn is_custom(&self) -> bool {
        self.kind.starts_with("Custom::") || self.kind == "AWS::CloudFormation::CustomResource"
    }
}

/// An output, as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Its value, with intrinsic functions.
    pub value: Value,
    /// The condition under which it exists.
    pub condition: Option<String>,
    /// The name under which other stacks of the account may import it, with intrinsic functions.
    pub export: Option<Value>,
    /// Its description.
    pub description: Option<String>,
}
