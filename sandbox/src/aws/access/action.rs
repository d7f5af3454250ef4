//! One IAM action that a call needs, and how requests name roles and tags.

use serde_json::Value;

/// An action on a resource, with its condition keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// `lambda:UpdateAlias`.
    pub name: String,
    pub resource: String,
    /// The condition keys that the service itself sets.
    pub keys: Vec<(String, Vec<String>)>,
}

impl Action {
    pub fn new(name: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { name: name.into(), resource: resource.into(), keys: vec![] }
    }

    /// Adds a condition key with one value.
    pub fn with(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.with_all(key, vec![value.into()])
    }

    /// Adds a condition key with several values.
    pub fn with_all(mut self, key: impl Into<String>, values: Vec<String>) -> Self {
        self.keys.push((key.into(), values));
        self
    }

    /// Adds the condition keys for the request's tags.
    pub fn tagged(mut self, tags: &[(String, String)]) -> Self {
        for (key, value) in tags {
            self = self.with(format!("aws:RequestTag/{key}"), value);
        }
        if tags.is_empty() {
            return self;
        }
        self.with_all("aws:TagKeys", tags.iter().map(|(key, _)| key.clone()).collect())
    }
}

/// `iam:PassRole`, if the request gives a role to a service.
pub fn pass_role(role: &Value, service: &str) -> Option<Action> {
    let role = role.as_str()?;
    Some(Action::new("iam:PassRole", role).with("iam:PassedToService", service))
}

/// Tags as a map, or as a list of keys and values.
pub fn tags(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        Value::Array(list) => {
            let either = |tag: &Value, name: &str| {
                let lower = name.to_lowercase();
                text(tag.get(name).or_else(|| tag.get(&lower)).unwrap_or(&Value::Null))
            };
            list.iter().map(|tag| (either(tag, "Key"), either(tag, "Value"))).collect()
        }
        _ => vec![],
    }
}
