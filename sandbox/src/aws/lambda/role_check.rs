//! What Lambda checks about a function's role when the function is written: some settings act with its permissions.
//!
//! The messages are Lambda's: serverless/serverless #6931 (X-Ray), aws-samples/aws-serverless-ecommerce-platform #41 (SQS),
//! hashicorp/terraform #15067 (EC2).

use serde_json::Value;

use super::super::access::Action;
use super::super::account::arn;

/// For each action that the role needs: the role, the action, and the message if it is not allowed. A request's members count
/// before those that the function has.
pub fn needed(request: &Value, latest: &Value) -> Vec<(String, Action, String)> {
    let member = |name: &str| if request[name].is_null() { &latest[name] } else { &request[name] };
    let Some(role) = member("Role").as_str() else { return vec![] };
    let mut needed: Vec<(&str, &str, &str, String)> = vec![];
    if member("TracingConfig")["Mode"] == "Active" {
        for action in ["PutTraceSegments", "PutTelemetryRecords"] {
            needed.push(("xray", action, "XRAY", "*".to_owned()));
        }
    }
    let target = member("DeadLetterConfig")["TargetArn"].as_str().unwrap_or_default();
    match target.split(':').nth(2) {
        Some("sqs") => needed.push(("sqs", "SendMessage", "SQS", target.to_owned())),
        Some("sns") => needed.push(("sns", "Publish", "SNS", target.to_owned())),
        _ => {}
    }
    if member("VpcConfig")["SubnetIds"].as_array().is_some_and(|subnets| !subnets.is_empty()) {
        for action in ["CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface"] {
            needed.push(("ec2", action, "EC2", arn("ec2", "network-interface/*")));
        }
    }
    let of = |(service, action, shown, resource): (&str, &str, &str, String)| {
        let message =
            format!("The provided execution role does not have permissions to call {action} on {shown}");
        (role.to_owned(), Action::new(format!("{service}:{action}"), resource), message)
    };
    needed.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(request: &Value, latest: &Value) -> Vec<String> {
        needed(request, latest).into_iter().map(|(_, action, _)| action.name).collect()
    }

    #[test]
    fn a_setting_needs_permissions_of_the_role() {
        let plain = json!({ "Role": "r", "TracingConfig": { "Mode": "PassThrough" }, "VpcConfig": { "SubnetIds": [] } });
        assert_eq!(names(&plain, &Value::Null), Vec::<String>::new());
        let queue = json!({ "Role": "r", "DeadLetterConfig": { "TargetArn": "arn:aws:sqs:r:a:q" } });
        let (role, action, message) = needed(&queue, &Value::Null).remove(0);
        assert_eq!((role.as_str(), action.resource.as_str()), ("r", "arn:aws:sqs:r:a:q"));
        assert_eq!(
            message,
            "The provided execution role does not have permissions to call SendMessage on SQS"
        );
    }

    #[test]
    fn a_new_role_needs_what_the_function_keeps() {
        let latest = json!({ "Role": "r", "TracingConfig": { "Mode": "Active" } });
        let traces = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];
        assert_eq!(names(&json!({ "Role": "s" }), &latest), traces);
        assert_eq!(needed(&json!({ "Role": "s" }), &latest).remove(0).0, "s");
        let off = json!({ "TracingConfig": { "Mode": "PassThrough" } });
        assert_eq!(names(&off, &latest), Vec::<String>::new());
    }
}
