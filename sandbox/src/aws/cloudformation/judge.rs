//! What AWS would fail during an execution, and the local AWS would not.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};

use super::schema;
use super::shown::Failure;
use super::template::{evaluated, source};
use crate::aws::access::{Access, Action, xml};
use crate::aws::account::arn;
use crate::aws::strict::Strict;
use crate::aws::upstream::Upstream;

/// The names of resources that the template fixes: type, property, and how the local AWS tells whether one exists.
const NAMES: &[(&str, &str)] = &[
    ("AWS::DynamoDB::Table", "TableName"),
    ("AWS::Events::Rule", "Name"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::Lambda::Function", "FunctionName"),
    ("AWS::Logs::LogGroup", "LogGroupName"),
    ("AWS::S3::Bucket", "BucketName"),
    ("AWS::SNS::Topic", "TopicName"),
    ("AWS::SQS::Queue", "QueueName"),
    ("AWS::StepFunctions::StateMachine", "StateMachineName"),
];

/// Judges the execution of a change set.
pub struct Judge<'a> {
    pub upstream: &'a Upstream,
    pub access: &'a Access,
    pub strict: &'a Strict,
}

/// A change of a described change set.
struct Change {
    action: String,
    logical: String,
    physical: Option<String>,
    replaces: bool,
}

impl Judge<'_> {
    /// The first resource that AWS would fail.
    pub async fn failure(
        &self,
        described: &str,
        stack: &str,
        template: &Value,
        parameters: &BTreeMap<String, String>,
    ) -> Option<Failure> {
        let failures = self.strict.settings().stacks.failures;
        for change in changes(described) {
            let resource = &template["Resources"][&change.logical];
            let asked = failures.get(&change.logical).cloned();
            let reason = match asked {
                Some(reason) => Some(reason),
                None if change.action == "Remove" || resource.is_null() => None,
                None => self.refused(&change, stack, template, parameters).await,
            };
            if let Some(reason) = reason {
                return Some(Failure {
                    resource_type: resource["Type"].as_str().unwrap_or_default().to_owned(),
                    verb: if change.action == "Add" { "CREATE" } else { "UPDATE" },
                    logical_id: change.logical,
                    reason,
                });
            }
        }
        None
    }

    async fn refused(
        &self,
        change: &Change,
        stack: &str,
        template: &Value,
        parameters: &BTreeMap<String, String>,
    ) -> Option<String> {
        let resource = &template["Resources"][&change.logical];
        if let Some(said) = schema::refused(&change.logical, resource) {
            return Some(said);
        }
        let kind = resource["Type"].as_str().unwrap_or_default();
        let text = |value: &Value| evaluated(value, stack, parameters);
        let name = NAMES.iter().find(|(known, _)| *known == kind);
        let name = name.and_then(|(_, property)| text(&resource["Properties"][*property]));
        if let Some(name) = name.filter(|_| change.action == "Add" || change.replaces) {
            let is_its_own = change.physical.as_deref().is_some_and(|physical| {
                physical == name
                    || physical.ends_with(&format!("/{name}"))
                    || physical.ends_with(&format!(":{name}"))
            });
            if is_its_own {
                return Some(format!(
                    "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {name} \
                     and update the stack again."
                ));
            }
            if self.exists(kind, &name).await {
                return Some(format!("{name} already exists"));
            }
        }
        if kind == "AWS::Lambda::EventSourceMapping" && change.action == "Add" {
            let properties = &resource["Properties"];
            let function = text(&properties["FunctionName"])?;
            let (source, of) = source(&properties["EventSourceArn"], stack, template, parameters)?;
            return self.poller_refused(&function, &source, of).await;
        }
        None
    }

    /// Lambda's message, if the function's role may not read the source.
    async fn poller_refused(&self, function: &str, source: &str, of: &str) -> Option<String> {
        let name = function.split(":function:").last().unwrap_or(function);
        let (name, qualifier) = name.split_once(':').map_or((name, None), |(name, q)| (name, Some(q)));
        let qualifier = qualifier.map(|qualifier| format!("?Qualifier={qualifier}")).unwrap_or_default();
        let path = format!("/2015-03-31/functions/{name}/configuration{qualifier}");
        let answer = self.upstream.call("lambda", Method::GET, &path, &[], "").await.ok()?;
        let Some(role) = answer.json()["Role"].as_str().map(str::to_owned) else {
            return Some(format!("Function not found: {function}"));
        };
        let needed = match of {
            "sqs" => ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            _ => ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"],
        };
        for action in needed {
            let asked = Action::new(action, source);
            if self.access.refused_to_role(&role, name, &asked).await.is_some() {
                return Some(match action.strip_prefix("sqs:") {
                    Some(action) => {
                        format!("The provided execution role does not have permissions to call {action} on SQS")
                    }
                    None => "Cannot access stream. Please ensure the role can perform the GetRecords, GetShardIterator, \
                             DescribeStream, and ListStreams Actions on your stream in IAM."
                        .to_owned(),
                });
            }
        }
        None
    }

    /// Whether the local AWS has a resource of that type and name.
    async fn exists(&self, kind: &str, name: &str) -> bool {
        let json_call = async |service: &str, target: &str, body: Value| {
            let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
            self.upstream.call(service, Method::POST, "/", &headers, body.to_string()).await
        };
        let answer = match kind {
            "AWS::DynamoDB::Table" => {
                json_call("dynamodb", "DynamoDB_20120810.DescribeTable", json!({ "TableName": name })).await
            }
            "AWS::SQS::Queue" => {
                json_call("sqs", "AmazonSQS.GetQueueUrl", json!({ "QueueName": name })).await
            }
            "AWS::Events::Rule" => {
                json_call("events", "AWSEvents.DescribeRule", json!({ "Name": name })).await
            }
            "AWS::StepFunctions::StateMachine" => {
                let machine = arn("states", &format!("stateMachine:{name}"));
                json_call(
                    "states",
                    "AWSStepFunctions.DescribeStateMachine",
                    json!({ "stateMachineArn": machine }),
                )
                .await
            }
            "AWS::Logs::LogGroup" => {
                let body = json!({ "logGroupNamePrefix": name });
                let answer = json_call("logs", "Logs_20140328.DescribeLogGroups", body).await;
                let groups = answer.map(|answer| answer.json()["logGroups"].clone()).unwrap_or_default();
                return groups.as_array().into_iter().flatten().any(|group| group["logGroupName"] == name);
            }
            "AWS::S3::Bucket" => self.upstream.call("s3", Method::HEAD, &format!("/{name}"), &[], "").await,
            "AWS::Lambda::Function" => {
                let path = format!("/2015-03-31/functions/{name}");
                self.upstream.call("lambda", Method::GET, &path, &[], "").await
            }
            "AWS::SNS::Topic" | "AWS::IAM::Role" => {
                let topic = arn("sns", name);
                let (service, body) = match kind {
                    "AWS::SNS::Topic" => ("sns", [("Action", "GetTopicAttributes"), ("TopicArn", &topic)]),
                    _ => ("iam", [("Action", "GetRole"), ("RoleName", name)]),
                };
                let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(body).finish();
                let headers = [("content-type", "application/x-www-form-urlencoded")];
                self.upstream.call(service, Method::POST, "/", &headers, body).await
            }
            _ => return false,
        };
        answer.is_ok_and(|answer| answer.status.is_success())
    }
}

/// The changes in an answer of `DescribeChangeSet`.
fn changes(described: &str) -> Vec<Change> {
    let parts = described.split("<ResourceChange>").skip(1);
    let change = |part: &str| {
        Some(Change {
            action: xml::first(part, "Action")?,
            logical: xml::first(part, "LogicalResourceId")?,
            physical: xml::first(part, "PhysicalResourceId").filter(|id| !id.is_empty()),
            replaces: xml::first(part, "Replacement").is_some_and(|word| word == "True"),
        })
    };
    parts.filter_map(|part| change(part.split("</ResourceChange>").next()?)).collect()
}
