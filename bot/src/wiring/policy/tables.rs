//! The statements of the state's tables.

use serde_json::{Value, json};
use sluice_model::Target;
use sluice_state::DynamoStore;

use super::statement::PolicyFor;

/// The state's table, and its creation by `sluice init`. IAM checks a transaction by the action of each item.
const TABLE: &[&str] = &[
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeContinuousBackups",
    "dynamodb:DescribeTable",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
];
const CREATE_TABLE: &[&str] = &[
    "dynamodb:CreateTable",
    "dynamodb:DescribeContinuousBackups",
    "dynamodb:DescribeTable",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateContinuousBackups",
    "dynamodb:UpdateTable",
    "dynamodb:UpdateTimeToLive",
];

/// The table of audit records: they are added and read. `DescribeTable` is for the start.
const AUDIT: &[&str] = &["dynamodb:DescribeTable", "dynamodb:PutItem", "dynamodb:Query"];

/// The statements of the state's tables, with the denials that protect the audit records.
pub(super) fn of_table(whose: PolicyFor, table: &str, target: &Target) -> Vec<Value> {
    let arn = target.arn("dynamodb", &format!("table/{table}"));
    let audit = target.arn("dynamodb", &format!("table/{}", DynamoStore::audit_table_of(table)));
    let allow = |sid: &str, actions: &[&str], resources: &[&str]| json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources });
    let mut statements = vec![];
    if whose == PolicyFor::Init {
        statements.push(allow("State", CREATE_TABLE, &[&arn, &audit]));
    }
    if whose == PolicyFor::Bot {
        statements.push(allow("State", TABLE, &[&arn, &format!("{arn}/index/*")]));
        statements.push(allow("AuditRecords", AUDIT, &[&audit]));
        // Whatever else the role is allowed: audit records are neither changed nor deleted.
        statements.push(json!({
            "Sid": "AuditRecordsStay",
            "Effect": "Deny",
            "Action": ["dynamodb:DeleteItem", "dynamodb:UpdateItem"],
            "Resource": audit,
        }));
        // Ways around that: batch writes, PartiQL, and changes of the table itself.
        statements.push(json!({
            "Sid": "TheTablesStay",
            "Effect": "Deny",
            "Action": [
                "dynamodb:BatchWriteItem",
                "dynamodb:DeleteBackup",
                "dynamodb:DeleteTable",
                "dynamodb:ImportTable",
                "dynamodb:PartiQL*",
                "dynamodb:PutResourcePolicy",
                "dynamodb:RestoreTable*",
                "dynamodb:UpdateContinuousBackups",
                "dynamodb:UpdateTable",
                "dynamodb:UpdateTimeToLive",
            ],
            // Both tables with what is below them. Each ARN counts: the policy has a limit of characters.
            "Resource": format!("{arn}*"),
        }));
    }
    statements
}
