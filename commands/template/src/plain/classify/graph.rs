//! Which present resource refers to which, by which property.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::conditions::Truth;
use super::super::evaluate::Evaluator;
use super::super::partial::Attribute;
use super::super::references::{Decided, References, taken};
use super::super::template::Resource;
use crate::error::{Findings, Place, TemplateCode, Violation};

/// A reference from a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    /// The top-level property that it is in.
    pub(super) property: String,
    /// The resource that it names.
    pub(super) to: String,
    /// What of it.
    pub(super) attribute: Attribute,
}

/// The resources that exist on a stage, with the references between them.
pub(super) struct Graph<'a> {
    pub(super) evaluator: &'a Evaluator<'a>,
    pub(super) decided: Decided,
    present: BTreeMap<&'a str, &'a Resource>,
    edges: BTreeMap<&'a str, Vec<Edge>>,
    users: BTreeMap<String, Vec<(&'a str, String)>>,
}

impl<'a> Graph<'a> {
    /// Reports resources whose condition is not decided yet: what exists has to be known.
    pub(super) fn of(evaluator: &'a Evaluator<'a>, findings: &mut Findings) -> Self {
        let template = evaluator.template;
        let decided = evaluator.decisions();
        let mut present = BTreeMap::new();
        for (logical_id, resource) in &template.resources {
            let exists = match &resource.condition {
                None => Some(true),
                Some(condition) => {
                    let place = place_of(logical_id).key("Condition");
                    let truth = findings.take(&place, evaluator.condition(condition));
                    truth.and_then(|truth| match truth {
                        Truth::Decided(truth) => Some(truth),
                        Truth::Undecided(_) => {
                            let problem = format!("whether it exists depends on `{condition}`, which is not known yet");
                            let hint = "the parameters of Systems Manager that the condition uses have to be read first";
                            findings.add(&place, Violation::new(TemplateCode::Parameter, problem, hint));
                            None
                        }
                    })
                }
            };
            if exists == Some(true) {
                present.insert(logical_id.as_str(), resource);
            }
        }
        let mut edges: BTreeMap<&str, Vec<Edge>> = BTreeMap::new();
        let mut users: BTreeMap<String, Vec<(&str, String)>> = BTreeMap::new();
        for (logical_id, resource) in &present {
            for (property, value) in &resource.properties {
                for reference in References::of(value, &decided).values {
                    if !template.resources.contains_key(&reference.name) {
                        continue;
                    }
                    users.entry(reference.name.clone()).or_default().push((logical_id, property.clone()));
                    edges.entry(logical_id).or_default().push(Edge {
                        property: property.clone(),
                        to: reference.name,
                        attribute: reference.attribute,
                    });
                }
            }
        }
        Self { evaluator, decided, present, edges, users }
    }

    pub(super) fn is_present(&self, logical_id: &str) -> bool {
        self.present.contains_key(logical_id)
    }

    /// A resource that exists on the stage.
    pub(super) fn resource(&self, logical_id: &str) -> Option<&'a Resource> {
        self.present.get(logical_id).copied()
    }

    /// The resources that exist on the stage.
    pub(super) fn resources(&self) -> impl Iterator<Item = (&'a str, &'a Resource)> {
        self.present.iter().map(|(logical_id, resource)| (*logical_id, *resource))
    }

    /// A property of a resource, as the stage takes it.
    pub(super) fn property(&self, logical_id: &str, property: &str) -> Option<&'a Value> {
        taken(self.resource(logical_id)?.properties.get(property)?, &self.decided)
    }

    pub(super) fn is(&self, logical_id: &str, kind: &str) -> bool {
        self.resource(logical_id).is_some_and(|resource| resource.kind == kind)
    }

    /// The references that a resource holds.
    pub(super) fn edges(&self, logical_id: &str) -> &[Edge] {
        self.edges.get(logical_id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The resources that a property names.
    pub(super) fn named_by(&self, logical_id: &str, property: &str) -> impl Iterator<Item = &str> {
        self.edges(logical_id)
            .iter()
            .filter(move |edge| edge.property == property)
            .map(|edge| edge.to.as_str())
    }

    /// The resources that refer to a resource, with the property that does.
    pub(super) fn users(&self, logical_id: &str) -> impl Iterator<Item = (&'a str, &str)> {
        let users = self.users.get(logical_id).map(Vec::as_slice).unwrap_or_default();
        users.iter().map(|(from, property)| (*from, property.as_str()))
    }
}

/// The place of a resource, for errors.
pub(super) fn place_of(logical_id: &str) -> Place {
    Place::of(&["Resources", logical_id])
}
