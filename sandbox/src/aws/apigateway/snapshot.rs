//! The definitions that deployments freeze, and what the local AWS does not keep of REST APIs.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::super::openapi::{RestDefinition, RestMethod};

/// An API's definition at one moment: what each route calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub routes: Vec<Route>,
}

/// A route with its integration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// `GET /items/{id}`.
    pub key: String,
    /// The integration's URI; empty without an integration.
    pub uri: String,
    /// The ARN of the role with which API Gateway calls the integration.
    pub credentials: Option<String>,
    /// Whether the function gets events in format 1.0.
    pub is_format_1: bool,
    /// The scheme that authorizes a request, as the document has it; null for none.
    pub scheme: Value,
    /// The subtype and the parameters of an integration with a service; null for a function.
    pub service: Value,
}

/// What an import gives a route, and the local AWS does not keep.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// The scheme that authorizes a request.
    pub scheme: Value,
    /// The integration, if it calls a service.
    pub service: Value,
}

/// A REST API's definition at one moment.
#[derive(Debug, Clone, Default)]
pub struct RestSnapshot {
    /// What each method calls; for the search by path.
    pub routes: Vec<Route>,
    /// The methods by the keys of their routes.
    pub methods: HashMap<String, RestMethod>,
    /// The content types of binary bodies.
    pub binary: Vec<String>,
}

impl RestSnapshot {
    pub fn of(definition: &RestDefinition) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let route = |method: &RestMethod| Route {
            key: method.key.clone(),
            uri: text(&method.integration["uri"]).unwrap_or_default(),
            credentials: text(&method.integration["credentials"]),
            ..Route::default()
        };
        let binary = definition.api.get("binaryMediaTypes").and_then(Value::as_array);
        Self {
            routes: definition.methods.iter().map(route).collect(),
            methods: definition.methods.iter().map(|method| (method.key.clone(), method.clone())).collect(),
            binary: binary.into_iter().flatten().filter_map(text).collect(),
        }
    }
}

/// What the local AWS does not keep.
#[derive(Default)]
pub struct RestApis {
    /// The imported definition of each API.
    pub definitions: Mutex<HashMap<String, Arc<RestDefinition>>>,
    /// The definition that each deployment froze, by API and deployment.
    pub snapshots: Mutex<HashMap<(String, String), Arc<RestSnapshot>>>,
}
