//! The actions that calls to API Gateway need: verbs on paths, in ARNs without an account.

use serde_json::Value;

use super::super::account::REGION;
use super::super::openapi::{Definition, RestDefinition};
use super::super::request::{AwsRequest, decode};
use super::action::{Action, pass_role, tags};

/// What the delivery of an access log needs
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html>).
const DELIVERY: [&str; 4] = [
    "logs:CreateLogDelivery",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:PutResourcePolicy",
];

/// The actions that a call needs.
pub fn required(method: &str, request: &AwsRequest) -> Vec<Action> {
    let path = decode(request.parts.uri.path());
    let path = path.strip_prefix("/v2").unwrap_or(&path);
    let resource = format!("arn:aws:apigateway:{REGION}::{path}");
    let body = request.json();
    let tags = tags(&body["tags"]);
    let mut all = vec![Action::new(format!("apigateway:{}", request.parts.method), &resource).tagged(&tags)];
    if !tags.is_empty() {
        // Not in the reference; refusals that people report name this action on the path of the new resource.
        all.push(Action::new("apigateway:TagResource", resource).tagged(&tags));
    }
    // The caller sets up the delivery of an HTTP API's access log.
    if body["accessLogSettings"]["destinationArn"].is_string() {
        all.extend(DELIVERY.map(|action| Action::new(action, "*")));
    }
    all.extend(
        roles(method, request, &body).iter().filter_map(|role| pass_role(role, "apigateway.amazonaws.com")),
    );
    all
}

/// The roles that a call gives to API Gateway.
fn roles(method: &str, request: &AwsRequest, body: &Value) -> Vec<Value> {
    match method {
        "CreateIntegration" | "UpdateIntegration" => {
            vec![body["credentialsArn"].clone()]
        }
        // API Gateway refuses an unreadable document before it looks at roles.
        "ImportApi" | "ReimportApi" => match Definition::of(&body["body"]) {
            Ok(definition) => definition.roles().into_iter().map(Value::from).collect(),
            Err(_) => vec![],
        },
        "ImportRestApi" | "PutRestApi" => match RestDefinition::of(&request.body) {
            Ok(definition) => definition.roles().into_iter().map(Value::from).collect(),
            Err(_) => vec![],
        },
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::testing::signed;

    #[test]
    fn api_gateway_gets_its_roles_from_integrations() {
        let needed = |method: &str, verb: &str, path: &str, body: &Value| {
            required(method, &signed("apigateway", verb, path, None, &body.to_string()))
        };
        let integration = json!({ "type": "aws_proxy", "uri": "arn:f", "credentials": "arn:role" });
        let operation = json!({ "responses": {}, "x-amazon-apigateway-integration": integration });
        let paths = json!({ "/": { "get": operation, "put": operation } });
        let document = json!({ "openapi": "3.0.1", "paths": paths }).to_string();
        let put =
            needed("ReimportApi", "PUT", "/v2/apis/a1?failOnWarnings=true", &json!({ "body": document }));
        let pass =
            Action::new("iam:PassRole", "arn:role").with("iam:PassedToService", "apigateway.amazonaws.com");
        let api = "arn:aws:apigateway:us-east-1::/apis/a1";
        assert_eq!(put, [Action::new("apigateway:PUT", api), pass.clone()]);
        let body = json!({ "credentialsArn": "arn:role" });
        let create = needed("CreateIntegration", "POST", "/v2/apis/a1/integrations", &body);
        assert_eq!(create[1], pass);
    }
}
