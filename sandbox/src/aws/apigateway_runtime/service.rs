//! Integrations of HTTP APIs that call a service instead of a function.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services.html>

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::access::Action;
use super::super::account::{ACCOUNT, REGION};
use super::event_v1::StageRequest;
use super::{Runtime, RuntimeError};

/// A call that an integration makes.
struct ServiceCall {
    /// The service's name in signatures.
    service: &'static str,
    /// The header `X-Amz-Target`.
    target: &'static str,
    action: Action,
    body: Value,
}

impl Runtime {
    /// Answers a request with what a service answers. `integration` has the subtype and the parameters.
    pub(super) async fn call_service(
        &self,
        integration: &Value,
        role: Option<&str>,
        request: &StageRequest<'_>,
        source: &str,
    ) -> Result<Response, RuntimeError> {
        let call = of(integration, request).ok_or_else(|| {
            RuntimeError::BadIntegration(format!("the sandbox does not serve {integration}"))
        })?;
        let role = role.ok_or_else(|| RuntimeError::BadIntegration("the integration has no role".into()))?;
        self.permitted_to_role(role, call.action, source).await?;
        let headers = [("x-amz-target", call.target), ("content-type", "application/x-amz-json-1.1")];
        let body = call.body.to_string();
        let answer = self.upstream.call(call.service, Method::POST, "/", &headers, body).await;
        let answer = answer.map_err(|_| RuntimeError::BadIntegration("the service did not answer".into()))?;
        let status = StatusCode::from_u16(answer.status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
        Ok((status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response())
    }
}

/// The call of an integration for a request; `None` for a subtype that the sandbox does not serve.
fn of(integration: &Value, request: &StageRequest<'_>) -> Option<ServiceCall> {
    let text = |name: &str| {
        let value = integration["requestParameters"][name].as_str()?;
        Some(mapped(value, request))
    };
    let known = |names: &[&str]| -> Value {
        names.iter().filter_map(|name| Some(((*name).to_owned(), Value::from(text(name)?)))).collect()
    };
    Some(match integration["integrationSubtype"].as_str()? {
        "SQS-SendMessage" => {
            let url = text("QueueUrl")?;
            let mut ends = url.rsplit('/');
            let (name, account) = (ends.next()?, ends.next()?);
            ServiceCall {
                service: "sqs",
                target: "AmazonSQS.SendMessage",
                action: Action::new("sqs:SendMessage", format!("arn:aws:sqs:{REGION}:{account}:{name}")),
                body: known(&["QueueUrl", "MessageBody", "MessageGroupId", "MessageDeduplicationId"]),
            }
        }
        "EventBridge-PutEvents" => {
            let bus = text("EventBusName").unwrap_or_else(|| "default".to_owned());
            let bus_name = bus.rsplit('/').next()?;
            ServiceCall {
                service: "events",
                target: "AWSEvents.PutEvents",
                action: Action::new(
                    "events:PutEvents",
                    format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus_name}"),
                ),
                body: json!({ "Entries": [known(&["Detail", "DetailType", "Source", "EventBusName"])] }),
            }
        }
        "Kinesis-PutRecord" => {
            let mut body = known(&["StreamName", "PartitionKey"]);
            body["Data"] = STANDARD.encode(text("Data")?).into();
            let stream = format!("arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{}", text("StreamName")?);
            ServiceCall {
                service: "kinesis",
                target: "Kinesis_20131202.PutRecord",
                action: Action::new("kinesis:PutRecord", stream),
                body,
            }
        }
        "StepFunctions-StartExecution" => ServiceCall {
            service: "states",
            target: "AWSStepFunctions.StartExecution",
            action: Action::new("states:StartExecution", text("StateMachineArn")?),
            body: json!({ "stateMachineArn": text("StateMachineArn")?, "input": text("Input").unwrap_or_else(|| "{}".into()) }),
        },
        _ => return None,
    })
}

/// The value of a parameter: `$request.body.id` and the like, or a text with `${request.body.id}` in it.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html>
fn mapped(value: &str, request: &StageRequest<'_>) -> String {
    if let Some(selection) = value.strip_prefix('$').filter(|rest| !rest.starts_with('{')) {
        return selected(selection, request);
    }
    let (mut out, mut rest) = (String::new(), value);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((selection, behind)) = after.split_once('}') else { break };
        out = out + before + &selected(selection, request);
        rest = behind;
    }
    out + rest
}

fn selected(selection: &str, request: &StageRequest<'_>) -> String {
    let body = || serde_json::from_slice::<Value>(request.body).unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let query = || request.parts.uri.query().unwrap_or_default().as_bytes();
    let mut parts = selection.splitn(3, '.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("request"), Some("body"), None) => String::from_utf8_lossy(request.body).into_owned(),
        (Some("request"), Some("body"), Some(path)) => {
            body().pointer(&format!("/{}", path.replace('.', "/"))).map(text).unwrap_or_default()
        }
        (Some("request"), Some("header"), Some(name)) => {
            let value = request.parts.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        }
        (Some("request"), Some("querystring"), Some(name)) => {
            let mut pairs = url::form_urlencoded::parse(query());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
        }
        (Some("request"), Some("path"), Some(name)) => {
            let found = request.parameters.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        }
        (Some("request"), Some("path"), None) => request.path.to_owned(),
        (Some("stageVariables"), Some(name), None) => text(&request.variables[name]),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;

    #[test]
    fn parameters_are_taken_from_the_request() {
        let request = axum::http::Request::builder().uri("/orders/7?kind=new%20one").header("X-Id", "h1");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let body = Bytes::from_static(br#"{"order":{"id":7,"name":"tea"}}"#);
        let request = StageRequest {
            api: "a1",
            stage: "$default",
            deployment: "d1",
            variables: &json!({ "Table": "t" }),
            resource: "/orders/{id}",
            path: "/orders/7",
            full_path: "/orders/7",
            parameters: &[("id".to_owned(), "7".to_owned())],
            parts: &parts,
            body: &body,
            is_binary: false,
            authorizer: Value::Null,
        };
        for (value, expected) in [
            ("plain", "plain"),
            ("$request.body", r#"{"order":{"id":7,"name":"tea"}}"#),
            ("$request.body.order.name", "tea"),
            ("$request.body.order.id", "7"),
            ("$request.header.x-id", "h1"),
            ("$request.querystring.kind", "new one"),
            ("order ${request.path.id} of ${stageVariables.Table}", "order 7 of t"),
            ("$request.body.gone", ""),
        ] {
            assert_eq!(mapped(value, &request), expected, "{value}");
        }
        let integration = json!({
            "integrationSubtype": "SQS-SendMessage",
            "requestParameters": { "QueueUrl": "https://sqs.us-east-1.amazonaws.com/000000000000/jobs", "MessageBody": "$request.body.order.name" },
        });
        let call = of(&integration, &request).unwrap();
        assert_eq!(
            call.action,
            Action::new("sqs:SendMessage", format!("arn:aws:sqs:{REGION}:000000000000:jobs"))
        );
        assert_eq!(call.body["MessageBody"], "tea");
        assert!(of(&json!({ "integrationSubtype": "AppConfig-GetConfiguration" }), &request).is_none());
    }
}
