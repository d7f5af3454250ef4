//! The actions that calls to DynamoDB need: one per item of a transaction, with the partitions as `LeadingKeys`.

use serde_json::Value;

use super::super::account::arn;
use super::action::Action;

/// The names of the partition keys of all tables here.
const PARTITION: [&str; 2] = ["pk", "PK"];

/// The actions that a call needs.
pub fn required(method: &str, body: &Value) -> Vec<Action> {
    let own = |action: &str, resource: String| Action::new(format!("dynamodb:{action}"), resource);
    match method {
        "ListTables" | "ListBackups" | "DescribeLimits" | "DescribeEndpoints" => {
            vec![own(method, arn("dynamodb", "*"))]
        }
        "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" => {
            vec![leading(own(method, table(body)), partition(body))]
        }
        "Query" => vec![leading(own(method, table(body)), queried(body))],
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            let keys = |wanted: &Value| {
                let reads = wanted["Keys"].as_array().into_iter().flatten().filter_map(of_key);
                let writes = wanted.as_array().into_iter().flatten();
                let writes = writes.filter_map(|write| {
                    partition(write.get("PutRequest").or_else(|| write.get("DeleteRequest"))?)
                });
                reads.chain(writes).collect::<Vec<_>>()
            };
            tables.map(|(name, wanted)| leading(own(method, table_arn(name)), keys(wanted))).collect()
        }
        "TransactWriteItems" | "TransactGetItems" => {
            let items = body["TransactItems"].as_array().into_iter().flatten();
            let items = items.filter_map(|item| item.as_object()?.iter().next());
            let mut all: Vec<Action> = items
                .map(|(verb, item)| {
                    let action = if verb == "ConditionCheck" {
                        "ConditionCheckItem".to_owned()
                    } else {
                        format!("{verb}Item")
                    };
                    leading(own(&action, table(item)), partition(item))
                })
                .collect();
            all.dedup();
            all
        }
        "ExecuteStatement" => statements([body]),
        "BatchExecuteStatement" => statements(body["Statements"].as_array().into_iter().flatten()),
        "ExecuteTransaction" => statements(body["TransactStatements"].as_array().into_iter().flatten()),
        _ => vec![own(method, table(body))],
    }
}

fn leading(action: Action, keys: impl IntoIterator<Item = String>) -> Action {
    let keys: Vec<String> = keys.into_iter().collect();
    if keys.is_empty() { action } else { action.with_all("dynamodb:LeadingKeys", keys) }
}

/// The ARN of the table, or of the index, that a request names.
fn table(body: &Value) -> String {
    let name = ["TableName", "ResourceArn", "TableArn", "BackupArn", "TargetTableName"];
    let table = table_arn(name.iter().find_map(|field| body[*field].as_str()).unwrap_or("*"));
    match body["IndexName"].as_str() {
        Some(index) => format!("{table}/index/{index}"),
        None => table,
    }
}

/// A request may name a table by its ARN.
fn table_arn(name: &str) -> String {
    if name.starts_with("arn:") { name.to_owned() } else { arn("dynamodb", &format!("table/{name}")) }
}

fn partition(action: &Value) -> Option<String> {
    of_key(action.get("Key").or_else(|| action.get("Item"))?)
}

fn of_key(key: &Value) -> Option<String> {
    PARTITION.iter().find_map(|name| key[*name]["S"].as_str()).map(str::to_owned)
}

/// The partition of a query: the value that its condition compares with a partition key by `=`.
fn queried(body: &Value) -> Option<String> {
    let condition = body["KeyConditionExpression"].as_str()?;
    let words: Vec<&str> = condition.split([' ', '(', ')', ',']).filter(|word| !word.is_empty()).collect();
    let name = |word: &str| body["ExpressionAttributeNames"][word].as_str().unwrap_or(word).to_owned();
    let is_partition = |word: &str| {
        let name = name(word);
        PARTITION.contains(&name.as_str())
    };
    let value = words.windows(3).find_map(|words| match words {
        [key, "=", value] if is_partition(key) => Some(*value),
        _ => None,
    });
    body["ExpressionAttributeValues"][value?]["S"].as_str().map(str::to_owned)
}

/// PartiQL has one action per verb.
fn statements<'a>(statements: impl IntoIterator<Item = &'a Value>) -> Vec<Action> {
    let one = |body: &Value| {
        let text = body["Statement"].as_str().unwrap_or_default();
        let verb = match text.split_whitespace().next().unwrap_or_default().to_uppercase().as_str() {
            "SELECT" => "PartiQLSelect",
            "INSERT" => "PartiQLInsert",
            "UPDATE" => "PartiQLUpdate",
            _ => "PartiQLDelete",
        };
        let name = text.split('"').nth(1).unwrap_or("*");
        Action::new(format!("dynamodb:{verb}"), table_arn(name))
    };
    statements.into_iter().map(one).collect()
}
