//! Names a request: service, operation, resource, and whether it changes anything.
//!
//! The service is that of the signature's scope. The operation is read from `X-Amz-Target`, from the form's `Action`, or, for
//! REST services, from method and path.

mod json;
mod rest;

use axum::http::request::Parts;

use super::openapi::Definition;
use super::request::{AwsRequest, query};
use crate::calls::{CallName, Protocol};

/// The access key and the service of a signature.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub access_key: Option<String>,
    pub service: Option<String>,
}

impl Scope {
    /// Reads `Authorization`, or a presigned URL's query.
    pub fn of(parts: &Parts) -> Self {
        let header = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
        let credential = header
            .and_then(|value| value.split_once("Credential=")?.1.split([',', ' ']).next())
            .map(str::to_owned)
            .or_else(|| query(parts, "X-Amz-Credential"));
        let Some(credential) = credential else {
            // The older form of presigned URLs names only the key, and only S3 accepts it.
            let access_key = query(parts, "AWSAccessKeyId");
            let service = access_key.is_some().then(|| "s3".to_owned());
            return Self { access_key, service };
        };
        let mut fields = credential.split('/');
        Self { access_key: fields.next().map(str::to_owned), service: fields.nth(2).map(str::to_owned) }
    }
}

pub fn name(request: &AwsRequest, scope: &Scope) -> CallName {
    let parts = &request.parts;
    let scoped = scope.service.as_deref().unwrap_or("unknown");
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    if let Some((prefix, method)) = target.and_then(|target| target.split_once('.')) {
        let service = match prefix.split('_').next().unwrap_or_default() {
            "DynamoDB" => "dynamodb",
            "CodeBuild" => "codebuild",
            "CodeCommit" => "codecommit",
            "Logs" => "logs",
            // CloudWatch, which signs as `monitoring`.
            "GraniteServiceVersion20100801" => "cloudwatch",
            "AmazonSQS" => "sqs",
            _ => scoped,
        };
        return call(service, method, json::detail(service, &request.json()), Protocol::AwsJson);
    }
    match scoped {
        "lambda" => {
            let (method, detail) = rest::lambda(parts);
            let detail = match method {
                "CreateFunction" => with_body(None, request, "FunctionName", ""),
                "CreateAlias" => with_body(detail, request, "Name", ":"),
                _ => detail,
            };
            call(scoped, method, detail, Protocol::RestJson)
        }
        "apigateway" => {
            let (method, detail) = rest::api_gateway(parts);
            let detail = match method.as_str() {
                "CreateApi" | "CreateRestApi" => with_body(None, request, "name", ""),
                "ImportApi" => Definition::of(&request.json()["body"]).ok().and_then(|definition| {
                    definition.api.get("name").and_then(|name| name.as_str().map(str::to_owned))
                }),
                "CreateRoute" => with_body(detail, request, "routeKey", "/"),
                "CreateStage" => with_body(detail, request, "stageName", "/"),
                "CreateDeployment" => with_body(detail, request, "description", "/"),
                _ => detail,
            };
            call(scoped, &method, detail, Protocol::RestJson)
        }
        "s3" => call(scoped, rest::s3(parts), Some(rest::s3_detail(parts)), Protocol::RestXml),
        _ => {
            let form: Vec<(String, String)> =
                url::form_urlencoded::parse(&request.body).into_owned().collect();
            let field = |key: &str| form.iter().find(|(k, _)| k == key).map(|(_, value)| value.clone());
            let action = field("Action").unwrap_or_else(|| format!("{} {}", parts.method, parts.uri.path()));
            let names: Vec<String> =
                ["RoleName", "PolicyName", "PolicyArn"].into_iter().filter_map(field).collect();
            let detail = (!names.is_empty()).then(|| names.join("/"));
            call(scoped, &action, detail, Protocol::Query)
        }
    }
}

/// Appends a field of the body to the path's detail: new resources are named in the body.
fn with_body(detail: Option<String>, request: &AwsRequest, field: &str, between: &str) -> Option<String> {
    match (detail, request.json()[field].as_str()) {
        (Some(detail), Some(name)) => Some(format!("{detail}{between}{name}")),
        (detail, name) => detail.or_else(|| name.map(str::to_owned)),
    }
}

fn call(service: &str, method: &str, detail: Option<String>, protocol: Protocol) -> CallName {
    let reads = ["Get", "List", "Describe", "BatchGet", "Query", "Scan", "Head", "TransactGet", "Filter"];
    CallName {
        service: service.into(),
        method: method.into(),
        detail,
        mutating: !reads.iter().any(|prefix| method.starts_with(prefix)),
        protocol,
    }
}

#[cfg(test)]
mod tests;
