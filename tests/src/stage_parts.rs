//! What AWS has of one stage, beside the records.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::aws::Aws;

impl Aws<'_> {
    /// Everything that belongs to a stage by its name or path: functions, roles, APIs, stacks, tables and topics, a line each.
    pub async fn parts_of(&self, pipeline: &str, stage: &str) -> Vec<String> {
        let prefix = format!("sluice-{pipeline}-{stage}");
        let own = |kind: &str, names: Vec<String>| -> Vec<String> {
            let own = names.into_iter().filter(|name| name.starts_with(&prefix));
            own.map(|name| format!("{kind} {name}")).collect()
        };
        let mut parts = own("function", self.functions(pipeline).await);
        let path = format!("/sluice/{pipeline}/{stage}/");
        let roles = self.query("iam", "2010-05-08", &[("Action", "ListRoles"), ("PathPrefix", &path)]).await;
        parts.extend(all(&roles, "RoleName").map(|role| format!("role {role}")));
        let http = self.get("apigateway", "/v2/apis").await;
        parts.extend(own("HTTP API", names(&http["items"])));
        let rest = self.get("apigateway", "/restapis?limit=500").await;
        let rest = if rest["item"].is_array() { &rest["item"] } else { &rest["items"] };
        parts.extend(own("REST API", names(rest)));
        parts.extend(own("stack", self.stacks().await.into_keys().collect()));
        parts.extend(own("table", self.tables().await));
        let topics = self.query("sns", "2010-03-31", &[("Action", "ListTopics")]).await;
        let topics = all(&topics, "TopicArn").filter_map(|arn| arn.rsplit(':').next());
        parts.extend(own("topic", topics.map(str::to_owned).collect()));
        parts
    }

    /// The status of each stack that is not deleted, by its name.
    pub async fn stacks(&self) -> BTreeMap<String, String> {
        let stacks = self.query("cloudformation", "2010-05-15", &[("Action", "DescribeStacks")]).await;
        let stacks = all(&stacks, "StackName").zip(all(&stacks, "StackStatus"));
        let exist = stacks.filter(|(_, status)| *status != "DELETE_COMPLETE");
        exist.map(|(name, status)| (name.to_owned(), status.to_owned())).collect()
    }

    /// The names of all tables.
    pub async fn tables(&self) -> Vec<String> {
        let tables = self.post("dynamodb", "DynamoDB_20120810.ListTables", &json!({})).await;
        let tables = tables["TableNames"].as_array().into_iter().flatten();
        tables.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }

    /// The names of all queues.
    pub(crate) async fn queues(&self) -> Vec<String> {
        let queues = self.post("sqs", "AmazonSQS.ListQueues", &json!({})).await;
        let queues = queues["QueueUrls"].as_array().into_iter().flatten();
        queues.filter_map(|url| url.as_str()?.rsplit('/').next().map(str::to_owned)).collect()
    }

    /// What each event source mapping reads, and calls, by their ARNs.
    pub(crate) async fn triggers(&self) -> Vec<(String, String)> {
        let found = self.get("lambda", "/2015-03-31/event-source-mappings/").await;
        let arn = |mapping: &Value, field: &str| mapping[field].as_str().unwrap_or_default().to_owned();
        let found = found["EventSourceMappings"].as_array().into_iter().flatten();
        found.map(|mapping| (arn(mapping, "EventSourceArn"), arn(mapping, "FunctionArn"))).collect()
    }

    /// The variables of the version that an alias points to.
    pub(crate) async fn variables(&self, function: &str, alias: &str) -> BTreeMap<String, String> {
        let path = format!("/2015-03-31/functions/{function}/configuration?Qualifier={alias}");
        let found = self.get("lambda", &path).await;
        let variables = found["Environment"]["Variables"].as_object().into_iter().flatten();
        variables.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    }

    /// The answer of a service with the query protocol.
    async fn query(&self, service: &str, version: &str, fields: &[(&str, &str)]) -> String {
        let mut body = format!("Version={version}");
        for (name, value) in fields {
            body.push_str(&format!("&{name}={value}"));
        }
        let request = self.0.http().post(&self.0.ready.aws).body(body);
        self.text(service, request.header("content-type", "application/x-www-form-urlencoded")).await
    }
}

fn names(items: &Value) -> Vec<String> {
    let items = items.as_array().into_iter().flatten();
    items.filter_map(|item| item["name"].as_str().map(str::to_owned)).collect()
}

/// The texts of these elements.
fn all<'a>(text: &'a str, element: &'a str) -> impl Iterator<Item = &'a str> {
    let open = format!("<{element}>");
    let parts: Vec<&str> = text.split(open.as_str()).skip(1).collect();
    parts.into_iter().filter_map(|part| part.split('<').next())
}
