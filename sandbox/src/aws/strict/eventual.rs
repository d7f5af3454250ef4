//! New resources are not found, or busy, for their first calls.

use std::collections::HashMap;

use serde_json::Value;
use tokio::time::Instant;

use super::super::account::{ACCOUNT, arn};
use super::super::request::AwsRequest;
use super::delay::delay;
use super::refusal::Refusal;
use super::rules::Rule;
use crate::calls::CallName;

/// How long a new resource is hidden, in milliseconds. Other tools retry for two minutes; most of their users see one
/// second. It is short here because tests wait for it.
const HIDDEN: std::ops::Range<u64> = 300..1000;

/// The new resources, and when all of AWS sees each.
#[derive(Debug, Default)]
pub struct Eventual(HashMap<String, Instant>);

impl Eventual {
    /// Records what a successful call created.
    pub fn learn(&mut self, seed: u64, call: &CallName, answer: &Value, now: Instant) {
        for key in created(call, answer) {
            let seen = now + delay(seed, &key, HIDDEN);
            self.0.insert(key, seen);
        }
    }

    /// The refusal of a call that needs a resource which is not visible everywhere yet.
    pub fn refusal(&self, seed: u64, call: &CallName, request: &AwsRequest, now: Instant) -> Option<Refusal> {
        needs(call, request).into_iter().find(|need| self.hides(&need.key, now)).map(|need| {
            // Lambda answers either way; the same resource always gets the same answer.
            let busy = need.busy && delay(seed, &format!("busy {}", need.key), 0..2).as_millis() == 1;
            if busy { in_progress(&need.message) } else { need.refusal() }
        })
    }

    fn hides(&self, key: &str, now: Instant) -> bool {
        self.0.get(key).is_some_and(|seen| now < *seen)
    }
}

/// A resource that a call needs, and AWS's answer when it is not found.
struct Need {
    key: String,
    status: u16,
    code: &'static str,
    message: String,
    /// Whether the service may also answer that the resource is busy.
    busy: bool,
}

impl Need {
    fn refusal(self) -> Refusal {
        Refusal::new(Rule::Eventual, self.status, self.code, self.message)
    }
}

fn in_progress(not_found: &str) -> Refusal {
    let resource = not_found.rsplit(' ').next().unwrap_or_default();
    let message = format!(
        "The operation cannot be performed at this time. An update is in progress for resource: {resource}"
    );
    Refusal::new(Rule::Eventual, 409, "ResourceConflictException", message)
}

/// The keys of the resources that a call created.
fn created(call: &CallName, answer: &Value) -> Vec<String> {
    let detail = call.detail.as_deref().unwrap_or_default();
    let key = |kind: &str, name: &str| format!("{kind} {name}");
    let field = |name: &str| answer[name].as_str().unwrap_or_default();
    match (call.service.as_str(), call.method.as_str()) {
        ("s3", "CreateBucket") => vec![key("bucket", detail)],
        ("iam", "CreateRole") => vec![key("role", first(detail))],
        ("lambda", "CreateFunction") => {
            let version = format!("{detail}:{}", field("Version"));
            vec![key("function", detail), key("version", &version)]
        }
        ("lambda", "PublishVersion" | "UpdateFunctionCode") => {
            vec![key("version", &format!("{}:{}", function(detail), field("Version")))]
        }
        ("lambda", "CreateAlias") => vec![key("alias", detail)],
        ("codecommit", "CreateRepository") => vec![key("repository", detail)],
        ("codebuild", "CreateProject") => vec![key("project", detail)],
        ("apigateway", "CreateApi" | "ImportApi") => vec![key("api", field("apiId"))],
        ("apigateway", "CreateRestApi" | "ImportRestApi") => vec![key("api", field("id"))],
        ("sqs", "CreateQueue") => vec![key("queue", first_word(detail))],
        _ => vec![],
    }
}

/// The calls that need no other API, or read one.
const API_LISTS: [&str; 8] = [
    "CreateApi",
    "CreateRestApi",
    "GetApi",
    "GetApis",
    "GetRestApi",
    "GetRestApis",
    "ImportApi",
    "ImportRestApi",
];

fn needs(call: &CallName, request: &AwsRequest) -> Vec<Need> {
    let detail = call.detail.as_deref().unwrap_or_default();
    let need = |kind: &str, name: &str, status, code, message: String| {
        let busy = kind == "alias";
        vec![Need { key: format!("{kind} {name}"), status, code, message, busy }]
    };
    let method = call.method.as_str();
    match call.service.as_str() {
        "s3" if !["CreateBucket", "ListBuckets"].contains(&method) => {
            let message = "The specified bucket does not exist".to_owned();
            need("bucket", first(detail), 404, "NoSuchBucket", message)
        }
        "iam" if method != "CreateRole" && call.detail.is_some() => {
            let role = first(detail);
            need("role", role, 404, "NoSuchEntity", format!("The role with name {role} cannot be found."))
        }
        "codecommit" if method != "CreateRepository" && call.mutating => {
            let repository = first(detail);
            let message = format!("{repository} does not exist");
            need("repository", repository, 400, "RepositoryDoesNotExistException", message)
        }
        "codebuild" if method == "StartBuild" => {
            let project = arn("codebuild", &format!("project/{detail}"));
            let message = format!("Project cannot be found: {project}");
            need("project", detail, 400, "ResourceNotFoundException", message)
        }
        "apigateway" if !API_LISTS.contains(&method) => {
            let api = first(detail);
            let message = format!("Invalid API identifier specified {ACCOUNT}:{api}");
            need("api", api, 404, "NotFoundException", message)
        }
        "sqs" if ["SendMessage", "ReceiveMessage", "GetQueueUrl"].contains(&method) => {
            let message = "The specified queue does not exist.".to_owned();
            need("queue", first_word(detail), 400, "AWS.SimpleQueueService.NonExistentQueue", message)
        }
        "lambda" => lambda_needs(call, detail, &request.json()),
        _ => vec![],
    }
}

fn lambda_needs(call: &CallName, detail: &str, body: &Value) -> Vec<Need> {
    let function_arn = |name: &str| arn("lambda", &format!("function:{name}"));
    let need = |kind: &str, name: &str, message: String| Need {
        key: format!("{kind} {name}"),
        status: 404,
        code: "ResourceNotFoundException",
        message,
        busy: kind == "alias",
    };
    let name = function(detail);
    match call.method.as_str() {
        "AddPermission" | "RemovePermission" => vec![
            need("function", name, format!("Function not found: {}", function_arn(name))),
            need("alias", detail, format!("Cannot find alias arn: {}", function_arn(detail))),
        ],
        "GetFunction" | "GetFunctionConfiguration" => {
            let message = format!("Function not found: {}", function_arn(detail));
            vec![need("function", name, message.clone()), need("version", detail, message)]
        }
        "CreateAlias" | "UpdateAlias" => {
            let version = format!("{name}:{}", body["FunctionVersion"].as_str().unwrap_or_default());
            vec![
                need("version", &version, format!("Function not found: {}", function_arn(&version))),
                need("alias", detail, format!("Cannot find alias arn: {}", function_arn(detail))),
            ]
        }
        _ => vec![],
    }
}

fn first(detail: &str) -> &str {
    detail.split('/').next().unwrap_or_default()
}

fn first_word(detail: &str) -> &str {
    detail.split(' ').next().unwrap_or_default()
}

fn function(detail: &str) -> &str {
    detail.split(':').next().unwrap_or_default()
}
