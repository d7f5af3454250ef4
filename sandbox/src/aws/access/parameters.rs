//! The actions that calls to Systems Manager's parameters need, with the tags that the parameters have: boundaries depend on them.

use axum::http::Method;
use serde_json::{Value, json};

use super::super::account::{REGION, arn};
use super::super::request::AwsRequest;
use super::super::upstream::Upstream;
use super::action::{Action, tags};

/// The actions that a call needs
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html>).
pub async fn required(method: &str, request: &AwsRequest, upstream: &Upstream) -> Vec<Action> {
    let body = request.json();
    let own = format!("ssm:{method}");
    if method == "DescribeParameters" {
        return vec![Action::new(own, "*")];
    }
    let mut all = vec![];
    for name in named(method, &body) {
        let resource = arn_of(name);
        let action = Action::new(&own, &resource);
        let has = tags_of(name, upstream).await;
        all.push(
            has.iter()
                .fold(action, |action, (key, value)| action.with(format!("aws:ResourceTag/{key}"), value)),
        );
        let given = tags(&body["Tags"]);
        if method == "PutParameter" && !given.is_empty() {
            all.push(Action::new("ssm:AddTagsToResource", resource).tagged(&given));
        }
    }
    if all.is_empty() {
        all.push(Action::new(own, arn("ssm", "*")));
    }
    all
}

/// The ARN of a parameter: those that AWS publishes belong to no account, and a version or label is no part of it.
fn arn_of(name: &str) -> String {
    if name.starts_with("arn:") {
        let parts: Vec<&str> = name.split(':').take(6).collect();
        return parts.join(":");
    }
    let name = name.split(':').next().unwrap_or_default();
    let own = format!("parameter/{}", name.trim_start_matches('/'));
    match own.starts_with("parameter/aws/") {
        true => format!("arn:aws:ssm:{REGION}::{own}"),
        false => arn("ssm", &own),
    }
}

/// The parameters that a request names.
fn named<'a>(method: &str, body: &'a Value) -> Vec<&'a str> {
    let field = match method {
        "AddTagsToResource" | "ListTagsForResource" | "RemoveTagsFromResource" => "ResourceId",
        "GetParametersByPath" => "Path",
        _ => "Name",
    };
    let many = body["Names"].as_array().into_iter().flatten();
    [&body[field]].into_iter().chain(many).filter_map(Value::as_str).collect()
}

/// The tags that a parameter has; none if it does not exist.
async fn tags_of(name: &str, upstream: &Upstream) -> Vec<(String, String)> {
    let headers =
        [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "AmazonSSM.ListTagsForResource")];
    let body = json!({ "ResourceType": "Parameter", "ResourceId": name }).to_string();
    let found = upstream.call("ssm", Method::POST, "/", &headers, body).await;
    found.map(|found| tags(&found.json()["TagList"])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_no_part_of_an_arn_and_public_parameters_have_no_account() {
        let own = arn("ssm", "parameter/orders/table");
        for name in ["/orders/table", "/orders/table:3", &own, &format!("{own}:3")] {
            assert_eq!(arn_of(name), own);
        }
        assert_eq!(arn_of("/aws/service/x"), format!("arn:aws:ssm:{REGION}::parameter/aws/service/x"));
    }

    #[test]
    fn a_call_names_one_parameter_or_several() {
        let table = [
            ("PutParameter", json!({ "Name": "/a", "Value": "/b" }), vec!["/a"]),
            ("GetParameters", json!({ "Names": ["/a", "/b"] }), vec!["/a", "/b"]),
            ("ListTagsForResource", json!({ "ResourceId": "/a" }), vec!["/a"]),
            ("GetParametersByPath", json!({ "Path": "/a" }), vec!["/a"]),
        ];
        for (method, body, expected) in table {
            assert_eq!(named(method, &body), expected, "{method}");
        }
    }
}
