//! What a stage's stack has to contain, as data that can be kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::TemplateError;
use crate::plain::{
    Attribute, Desired, DirectValues, Emission, ParameterValue, Part, PlainTemplate, Split, StackTemplate,
};

/// What stands for an API's attribute until the API exists.
const PLACEHOLDER: &str = "sluice-value-of-";

/// What a stage's stack has to contain once all passes are done.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppStack {
    /// Its template, as [`StackTemplate::text`] writes it.
    pub template: String,
    /// The values of the template's parameters. Some of them may be secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The logical ids of its resources that functions, roles and APIs refer to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub needed: BTreeSet<String>,
    /// The logical ids of all its resources.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub resources: BTreeSet<String>,
    /// The names of the log groups that it declares.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub log_groups: BTreeSet<String>,
}

impl std::fmt::Debug for AppStack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parameters: Vec<&String> = self.parameters.keys().collect();
        f.debug_struct("AppStack").field("template", &self.template).field("parameters", &parameters).finish()
    }
}

impl AppStack {
    /// The stack of a stage; `None` if it needs none.
    pub(super) fn of(desired: Desired) -> Option<Self> {
        let Emission { template, parameters } = desired.stack?;
        let text = |value| match value {
            ParameterValue::Text(text) => Some(text),
            ParameterValue::Previous => None,
        };
        let parameters = parameters.into_iter().filter_map(|(name, value)| Some((name, text(value)?)));
        let parameters = parameters.collect();
        let groups = template.resources.values().filter(|resource| resource.kind == "AWS::Logs::LogGroup");
        let names = groups.filter_map(|group| group.properties.get("LogGroupName")?.as_str());
        let log_groups = names.map(str::to_owned).collect();
        let resources = template.resources.keys().cloned().collect();
        Some(Self { template: template.text(), parameters, needed: desired.needed, resources, log_groups })
    }

    /// Whether the ids of APIs have to be known before it is final.
    pub fn has_placeholders(&self) -> bool {
        self.template.contains(PLACEHOLDER)
    }

    /// The same, for the passes.
    ///
    /// # Errors
    ///
    /// The template was not written by this version of Sluice.
    pub fn desired(&self) -> Result<Desired, TemplateError> {
        let template = StackTemplate::read(&self.template)?;
        let text = |(name, value): (&String, &String)| (name.clone(), ParameterValue::Text(value.clone()));
        let parameters = self.parameters.iter().map(text).collect();
        let stack = Some(Emission { template, parameters });
        Ok(Desired { stack, outputs: BTreeMap::new(), needed: self.needed.clone() })
    }
}

/// The attributes of an API that are known once it exists.
const HTTP_ATTRIBUTES: [Option<&str>; 3] = [None, Some("ApiId"), Some("ApiEndpoint")];
const REST_ATTRIBUTES: [Option<&str>; 2] = [None, Some("RestApiId")];

/// A placeholder for each value of an API that is known once it exists.
pub(super) fn placeholders(template: &PlainTemplate, split: &Split) -> DirectValues {
    let mut values = DirectValues::default();
    for (id, _) in split.placements.iter().filter(|(_, placed)| placed.part == Part::Api) {
        let is_rest = template.resources.get(id).is_some_and(|api| api.kind == "AWS::ApiGateway::RestApi");
        let attributes = if is_rest { &REST_ATTRIBUTES[..] } else { &HTTP_ATTRIBUTES[..] };
        for name in attributes {
            let attribute = name.map_or(Attribute::Ref, |name| Attribute::Named(name.to_owned()));
            values.insert(id, attribute, format!("{PLACEHOLDER}{id}-{}", name.unwrap_or("Ref")));
        }
    }
    values
}

impl DirectValues {
    /// The values of an HTTP API with this id and endpoint, or of a REST API with this id.
    pub fn insert_api(&mut self, logical_id: &str, id: &str, endpoint: Option<&str>) {
        self.insert(logical_id, Attribute::Ref, id);
        let (own, endpoint) = match endpoint {
            Some(endpoint) => ("ApiId", Some(endpoint)),
            None => ("RestApiId", None),
        };
        self.insert(logical_id, Attribute::Named(own.to_owned()), id);
        if let Some(endpoint) = endpoint {
            self.insert(logical_id, Attribute::Named("ApiEndpoint".to_owned()), endpoint);
        }
    }
}
