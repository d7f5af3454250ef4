//! The characters that AWS allows in tags: letters, numbers, spaces and `_ . : / = + - @`.

use serde_json::Value;

use super::super::openapi::Definition;
use super::super::request::AwsRequest;
use super::refusal::Refusal;
use super::rules::Rule;
use crate::calls::CallName;

/// The pattern that services quote in their messages.
const PATTERN: &str = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*";

pub fn refusal(call: &CallName, request: &AwsRequest) -> Option<Refusal> {
    let tags = tags(call, request);
    tags.iter().enumerate().find_map(|(index, (key, value))| {
        if !is_fit(key) || key.is_empty() {
            Some(refuse(&call.service, index + 1, "Key", key))
        } else if !is_fit(value) {
            Some(refuse(&call.service, index + 1, "Value", value))
        } else {
            None
        }
    })
}

fn is_fit(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c))
}

fn refuse(service: &str, number: usize, part: &str, text: &str) -> Refusal {
    let place = part.to_lowercase();
    let long = format!(
        "1 validation error detected: Value '{text}' at 'tags.{number}.member.{place}' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: {PATTERN}"
    );
    let (code, message) = match service {
        "s3" => ("InvalidTag", format!("The Tag{part} you have provided is invalid")),
        "iam" => ("ValidationError", long),
        "apigateway" => ("BadRequestException", format!("Invalid tag {place}: {text}")),
        "codecommit" => ("InvalidTagsMapException", format!("The tag {place} {text} is not valid.")),
        "codebuild" => ("InvalidInputException", format!("Invalid tags: tag {place} {text} is not valid")),
        _ => ("ValidationException", long),
    };
    Refusal::new(Rule::Tags, 400, code, message)
}

/// The tags of a request, in the form of its service.
fn tags(call: &CallName, request: &AwsRequest) -> Vec<(String, String)> {
    match call.service.as_str() {
        "s3" => {
            let text = String::from_utf8_lossy(&request.body);
            let header = request.parts.headers.get("x-amz-tagging").and_then(|value| value.to_str().ok());
            let header = url::form_urlencoded::parse(header.unwrap_or_default().as_bytes()).into_owned();
            // Objects have no tags in their body, and are not read.
            let object = call.method == "PutObject" || call.method == "UploadPart";
            let body = if object { vec![] } else { in_xml(&text) };
            header.chain(body).collect()
        }
        "iam" => in_form(&request.body),
        "apigateway" if ["ImportApi", "ReimportApi"].contains(&call.method.as_str()) => {
            in_openapi(&request.json()["body"])
        }
        "lambda" | "codebuild" | "codecommit" | "apigateway" | "dynamodb" | "sqs" => {
            let tagging = ["Create", "TagResource"].iter().any(|prefix| call.method.starts_with(prefix));
            if tagging { in_json(&request.json()) } else { vec![] }
        }
        _ => vec![],
    }
}

fn in_json(body: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match body.get("tags").or_else(|| body.get("Tags")) {
        Some(Value::Object(map)) => map.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        Some(Value::Array(list)) => list
            .iter()
            .map(|tag| {
                let field =
                    |lower, upper| text(tag.get(lower).or_else(|| tag.get(upper)).unwrap_or(&Value::Null));
                (field("key", "Key"), field("value", "Value"))
            })
            .collect(),
        _ => vec![],
    }
}

fn in_openapi(document: &Value) -> Vec<(String, String)> {
    let tags = Definition::of(document).ok().and_then(|definition| definition.tags);
    let tags = tags.into_iter().flatten();
    tags.map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned())).collect()
}

fn in_form(body: &[u8]) -> Vec<(String, String)> {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
    let keys = form.iter().filter_map(|(name, key)| {
        let number = name.strip_prefix("Tags.member.")?.strip_suffix(".Key")?;
        let value = form.iter().find(|(name, _)| *name == format!("Tags.member.{number}.Value"));
        Some((key.clone(), value.map(|(_, value)| value.clone()).unwrap_or_default()))
    });
    keys.collect()
}

fn in_xml(text: &str) -> Vec<(String, String)> {
    let inside = |text: &str, element: &str| {
        let (_, rest) = text.split_once(&format!("<{element}>"))?;
        let (inner, _) = rest.split_once(&format!("</{element}>"))?;
        let inner =
            inner.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
        Some(inner.replace("&amp;", "&"))
    };
    text.split("<Tag>")
        .skip(1)
        .map(|tag| (inside(tag, "Key").unwrap_or_default(), inside(tag, "Value").unwrap_or_default()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{call, request};
    use super::*;

    fn refused(service: &str, method: &str, body: &str) -> Option<(String, String)> {
        refusal(&call(service, method, ""), &request(body))
            .map(|refusal| (refusal.code.into(), refusal.message))
    }

    #[test]
    fn parentheses_are_refused_in_each_services_words() {
        let xml = |value: &str| {
            format!("<X><Tags><Tag><Key>sluice:pipeline</Key><Value>{value}</Value></Tag></Tags></X>")
        };
        let refusal = refused("s3", "CreateBucket", &xml("(all)")).unwrap();
        assert_eq!(refusal, ("InvalidTag".into(), "The TagValue you have provided is invalid".into()));
        assert_eq!(refused("s3", "CreateBucket", &xml("all of it")), None);
        assert_eq!(refused("s3", "PutObject", &xml("(all)")), None, "objects are not read");
        let form = "Action=CreateRole&Tags.member.1.Key=a&Tags.member.1.Value=%28all%29";
        assert_eq!(refused("iam", "CreateRole", form).unwrap().0, "ValidationError");
        let map = r#"{"tags": {"a": "(all)"}}"#;
        assert_eq!(refused("codecommit", "CreateRepository", map).unwrap().0, "InvalidTagsMapException");
        let list = r#"{"tags": [{"key": "a", "value": "ü 1"}, {"key": "(b)", "value": ""}]}"#;
        assert_eq!(refused("codebuild", "CreateProject", list).unwrap().0, "InvalidInputException");
        let document = r#"{"openapi": "3.0", "paths": {}, "tags": [{"name": "a", "x-amazon-apigateway-tag-value": "(b)"}]}"#;
        let import = serde_json::json!({"body": document}).to_string();
        assert_eq!(refused("apigateway", "ReimportApi", &import).unwrap().0, "BadRequestException");
        assert_eq!(refused("lambda", "CreateFunction", r#"{"Tags": {"a": "@b"}}"#), None);
        assert_eq!(refused("lambda", "Invoke", r#"{"Tags": {"a": "(b)"}}"#), None, "payloads are not read");
    }
}
