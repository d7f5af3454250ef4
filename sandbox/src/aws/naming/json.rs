//! Resources of the services with JSON bodies.

use serde_json::Value;

/// The resource of a call.
pub(super) fn detail(service: &str, body: &Value) -> Option<String> {
    if service == "dynamodb" {
        return dynamodb(body);
    }
    if service == "sqs" {
        return sqs(body);
    }
    let fields =
        ["repositoryName", "projectName", "name", "branchName", "commitId", "logGroupName", "logStreamName"];
    let found: Vec<&str> = fields.iter().filter_map(|field| body[*field].as_str()).collect();
    let ids = ["ids", "names"].iter().find_map(|list| body[*list][0].as_str());
    let found: Vec<&str> = found.into_iter().chain(ids).collect();
    (!found.is_empty()).then(|| found.join("/"))
}

/// The queue, and the message group of a sent message.
fn sqs(body: &Value) -> Option<String> {
    let queue = body["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next());
    let queue = queue.or_else(|| body["QueueName"].as_str())?;
    Some(match body["MessageGroupId"].as_str() {
        Some(group) => format!("{queue} {group}"),
        None => queue.to_owned(),
    })
}

/// The table (and index), the keys that are written or read, and the attributes that an update changes.
fn dynamodb(body: &Value) -> Option<String> {
    if let Some(items) = body["TransactItems"].as_array() {
        let parts: Vec<String> = items
            .iter()
            .filter_map(|item| item.as_object()?.iter().next())
            .map(|(verb, action)| format!("{verb} {}", key_of(action)))
            .collect();
        return Some(parts.join(", "));
    }
    if let Some((table, wanted)) = body["RequestItems"].as_object().and_then(|tables| tables.iter().next()) {
        let keys: Vec<String> = wanted["Keys"].as_array().into_iter().flatten().map(sorted_key).collect();
        return Some(format!("{table} {}", keys.join(", ")));
    }
    let table = body["TableName"].as_str()?;
    let table = match body["IndexName"].as_str() {
        Some(index) => format!("{table}/{index}"),
        None => table.to_owned(),
    };
    let key = match body["ExpressionAttributeValues"].as_object().filter(|_| body["Key"].is_null()) {
        // A query is identified by the values that it looks for.
        Some(values) if body["Item"].is_null() => {
            values.values().filter_map(|value| value["S"].as_str()).collect::<Vec<_>>().join(" ")
        }
        _ => key_of(body),
    };
    let changes = changes(body).map(|changes| format!(" {{{changes}}}")).unwrap_or_default();
    Some(if key.is_empty() { table } else { format!("{table} {key}{changes}") })
}

/// The attributes that an update names, in its order: `g_owner, ds, du`. The same key is updated for many reasons, and the
/// attributes tell them apart.
fn changes(body: &Value) -> Option<String> {
    let expression = body["UpdateExpression"].as_str()?;
    let names = expression.split([' ', ',']).filter_map(|word| match word.chars().next()? {
        '#' => body["ExpressionAttributeNames"][word].as_str(),
        'a'..='z' => Some(word),
        _ => None,
    });
    Some(names.collect::<Vec<_>>().join(", "))
}

fn key_of(action: &Value) -> String {
    sorted_key(action.get("Key").or_else(|| action.get("Item")).unwrap_or(&Value::Null))
}

/// The partition key, then the sort key.
fn sorted_key(key: &Value) -> String {
    let names = ["pk", "PK", "partition", "sk", "SK", "sort"];
    let parts: Vec<&str> = names.iter().filter_map(|name| key[*name]["S"].as_str()).collect();
    parts.join(" ")
}
