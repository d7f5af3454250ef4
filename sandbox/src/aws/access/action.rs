//! One IAM action that a call needs.

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
