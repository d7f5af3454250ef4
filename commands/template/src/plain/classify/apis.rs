//! APIs that Sluice creates: those with a body, with their stages and deployments.
//!
//! An API stays in the stack if a part of its definition is a resource of its own, because an import of the body would remove
//! that part, or if something but its own stages names one of its deployments, which Sluice makes anew for each release.

use std::collections::BTreeMap;

use super::graph::Graph;
use super::kinds::{API_CHILDREN, ApiPart, HTTP_API, REST_API, api_part};
use super::split::Part;

/// The property of a stage, a deployment or a child that names its API.
pub(super) fn api_property(kind: &str) -> &'static str {
    if kind.starts_with("AWS::ApiGatewayV2::") { "ApiId" } else { "RestApiId" }
}

pub(super) fn place(graph: &Graph<'_>, parts: &mut BTreeMap<String, Part>) {
    for (api, resource) in graph.resources() {
        let has_body = graph.property(api, "Body").is_some_and(|body| body.is_object());
        if !matches!(resource.kind.as_str(), HTTP_API | REST_API) || !has_body {
            continue;
        }
        let mut own = Vec::new();
        let mut is_whole = true;
        for (user, property) in graph.users(api) {
            let Some(kind) = graph.resource(user).map(|user| user.kind.as_str()) else { continue };
            if property != api_property(kind) {
                continue;
            }
            match api_part(kind) {
                Some(part) => own.push((user, part)),
                None => is_whole &= !API_CHILDREN.contains(&kind),
            }
        }
        let stages: Vec<&str> =
            own.iter().filter(|(_, part)| *part == ApiPart::Stage).map(|(id, _)| *id).collect();
        let mut deployments = own.iter().filter(|(_, part)| *part == ApiPart::Deployment);
        is_whole &= deployments
            .all(|(deployment, _)| graph.users(deployment).all(|(user, _)| stages.contains(&user)));
        if !is_whole {
            continue;
        }
        parts.insert(api.to_owned(), Part::Api);
        for (id, part) in own {
            let part = match part {
                ApiPart::Stage => Part::ApiStage(api.to_owned()),
                ApiPart::Deployment => Part::ApiDeployment(api.to_owned()),
            };
            parts.insert(id.to_owned(), part);
        }
    }
}
