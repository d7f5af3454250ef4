//! What AWS has of one stage, beside the records.

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
        let stacks = self.query("cloudformation", "2010-05-15", &[("Action", "DescribeStacks")]).await;
        let stacks = stacks.split("<StackStatus>DELETE_COMPLETE").next().unwrap_or_default();
        parts.extend(own("stack", all(stacks, "StackName").map(str::to_owned).collect()));
        let tables = self.post("dynamodb", "DynamoDB_20120810.ListTables", &json!({})).await;
        let tables = tables["TableNames"].as_array().into_iter().flatten();
        parts.extend(own("table", tables.filter_map(|name| name.as_str().map(str::to_owned)).collect()));
        let topics = self.query("sns", "2010-03-31", &[("Action", "ListTopics")]).await;
        let topics = all(&topics, "TopicArn").filter_map(|arn| arn.rsplit(':').next());
        parts.extend(own("topic", topics.map(str::to_owned).collect()));
        parts
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
