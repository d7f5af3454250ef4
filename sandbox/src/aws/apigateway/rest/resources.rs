//! The resources that an import made: one for each prefix of a path. The local AWS knows only the root.
//! <https://docs.aws.amazon.com/apigateway/latest/api/API_GetResources.html>

use std::collections::{BTreeMap, BTreeSet};

use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::super::super::openapi::RestDefinition;
use super::super::super::request::{AwsRequest, query};
use super::{ApiGateway, Method, Refusable};

impl ApiGateway {
    /// All resources of an imported API in one page; those of another API from the local AWS.
    pub(super) async fn show_resources(&self, api: &str, request: AwsRequest) -> Refusable<Response> {
        let definition = self.0.rest.definitions.lock().get(api).cloned();
        let Some(definition) = definition else { return Ok(self.0.upstream.forward(request).await) };
        let shown = self.change(Method::GET, &format!("/restapis/{api}"), &Value::Null).await?;
        let root = shown["rootResourceId"].as_str().unwrap_or_default();
        let with_methods = query(&request.parts, "embed").is_some_and(|embedded| embedded == "methods");
        let items = resources(&definition, root, with_methods);
        Ok(axum::Json(json!({ "item": items })).into_response())
    }
}

/// A resource has the methods of its path; what leads to it has none.
fn resources(definition: &RestDefinition, root: &str, with_methods: bool) -> Vec<Value> {
    let mut methods: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut paths = BTreeSet::from(["/".to_owned()]);
    for method in &definition.methods {
        let Some((verb, path)) = method.key.split_once(' ') else { continue };
        let mut shown = json!({});
        if with_methods {
            shown = json!({ "httpMethod": verb, "apiKeyRequired": method.needs_key, "methodIntegration": method.integration });
        }
        methods.entry(path).or_default().insert(verb.to_owned(), shown);
        let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).chain([path.len()]);
        paths.extend(ends.filter_map(|end| path.get(..end)).map(str::to_owned));
    }
    let id = |path: &str| if path == "/" { root.to_owned() } else { format!("{root}{}", hex::encode(path)) };
    let resource = |path: &String| {
        let mut shown = json!({ "id": id(path), "path": path });
        if let Some((parent, part)) = path.rsplit_once('/').filter(|(_, part)| !part.is_empty()) {
            shown["pathPart"] = part.into();
            shown["parentId"] = id(if parent.is_empty() { "/" } else { parent }).into();
        }
        if let Some(methods) = methods.get(path.as_str()) {
            shown["resourceMethods"] = methods.clone().into();
        }
        shown
    };
    paths.iter().map(resource).collect()
}
