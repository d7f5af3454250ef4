//! What is known of the resources that Sluice creates itself, before the stack changes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::partial::Attribute;

/// The attributes of direct resources, for the stack's references to them. An API is created before the stack changes, so its id
/// and endpoint are known. Functions need no entry: their names and the ARNs of their aliases follow from the stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DirectValues {
    values: BTreeMap<(String, Attribute), Value>,
    /// The ARN of the permissions boundary that roles of the stack get; none is added if it is `None`.
    pub boundary: Option<String>,
}

impl DirectValues {
    /// Adds an attribute of a resource.
    pub fn insert(&mut self, logical_id: &str, attribute: Attribute, value: impl Into<Value>) {
        self.values.insert((logical_id.to_owned(), attribute), value.into());
    }

    /// The same with these values, which take the place of those that it has.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.values.extend(other.values.clone());
        self
    }

    /// An attribute of a resource, if it is known.
    pub fn get(&self, logical_id: &str, attribute: &Attribute) -> Option<&Value> {
        self.values.get(&(logical_id.to_owned(), attribute.clone()))
    }
}
