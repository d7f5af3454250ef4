//! A statement of a policy, whose it is, and the IAM actions of calls.

use serde_json::{Value, json};

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PolicyFor {
    /// Of `serve`, `run`, `check`, `backup` and `audit`.
    Bot,
    /// Of the person who runs `sluice init`.
    Init,
}

/// One statement: the calls that it allows, by their names in `call.rs`.
pub(super) struct Allowed {
    pub(super) sid: &'static str,
    pub(super) calls: &'static [&'static str],
    /// Actions that these calls need besides their own.
    pub(super) also: &'static [&'static str],
    pub(super) resources: Vec<String>,
    pub(super) condition: Option<Value>,
}

impl Allowed {
    pub(super) fn new(sid: &'static str, calls: &'static [&'static str], resources: Vec<String>) -> Self {
        Self { sid, calls, also: &[], resources, condition: None }
    }
    pub(super) fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }
    pub(super) fn when(self, condition: Value) -> Self {
        Self { condition: Some(condition), ..self }
    }
    pub(super) fn statement(&self) -> Value {
        let own = self.calls.iter().map(|call| action(call));
        let mut actions: Vec<String> = own.chain(self.also.iter().map(|&action| action.into())).collect();
        actions.sort();
        actions.dedup();
        let mut statement =
            json!({ "Sid": self.sid, "Effect": "Allow", "Action": actions, "Resource": self.resources });
        if let Some(condition) = &self.condition {
            statement["Condition"] = condition.clone();
        }
        statement
    }
}

/// The IAM action of a call. Most have the same name. API Gateway's are HTTP verbs on paths, and some of S3's cover several
/// calls.
pub(super) fn action(call: &str) -> String {
    let verb = |name: &str| match name {
        name if name.starts_with("Get") => "GET",
        name if name.starts_with("Create") => "POST",
        name if name.starts_with("Update") => "PATCH",
        name if name.starts_with("Reimport") || name.starts_with("Put") => "PUT",
        _ => "DELETE",
    };
    match call.split_once(':') {
        Some(("apigateway" | "apigatewayv2", name)) => format!("apigateway:{}", verb(name)),
        _ => match call {
            "s3:HeadBucket" | "s3:ListObjectsV2" => "s3:ListBucket",
            "s3:GetBucketLifecycleConfiguration" => "s3:GetLifecycleConfiguration",
            "s3:GetPublicAccessBlock" => "s3:GetBucketPublicAccessBlock",
            "s3:PutBucketLifecycleConfiguration" => "s3:PutLifecycleConfiguration",
            "s3:PutPublicAccessBlock" => "s3:PutBucketPublicAccessBlock",
            "lambda:Invoke" => "lambda:InvokeFunction",
            "sqs:DeleteMessageBatch" => "sqs:DeleteMessage",
            same => same,
        }
        .to_owned(),
    }
}
