//! The bot's table, read and written through DynamoDB's own wire protocol.

use serde_json::{Value, json};

use crate::Result;
use crate::world::World;

/// The table's name, as `sluice init` makes it.
const TABLE: &str = "sluice";
/// How many items one `BatchWriteItem` takes.
const BATCH: usize = 25;

impl World {
    async fn dynamodb(&self, action: &str, body: &Value) -> Result<Value> {
        let key = &self.ready.observer;
        let region = self.ready.env.get("AWS_REGION").ok_or("the world names no region")?;
        // The sandbox looks at the access key and does not check the signature.
        let credential = format!("{key}/20260101/{region}/dynamodb/aws4_request");
        let answer = self
            .http
            .post(&self.ready.aws)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{action}"))
            .header("x-amz-date", "20260101T000000Z")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00"),
            )
            .body(body.to_string())
            .send()
            .await?;
        let status = answer.status();
        let text = answer.text().await?;
        if status.is_success() {
            Ok(serde_json::from_str(&text)?)
        } else {
            Err(format!("{action}: {text}").into())
        }
    }

    /// Every item of the table.
    pub(crate) async fn items(&self) -> Result<Vec<Value>> {
        let (mut items, mut from) = (vec![], Value::Null);
        loop {
            let mut request = json!({"TableName": TABLE, "ConsistentRead": true});
            if !from.is_null() {
                request["ExclusiveStartKey"] = from;
            }
            let mut page = self.dynamodb("Scan", &request).await?;
            if let Value::Array(more) = page["Items"].take() {
                items.extend(more);
            }
            from = page["LastEvaluatedKey"].take();
            if from.is_null() {
                return Ok(items);
            }
        }
    }

    /// The items of a partition.
    pub(crate) async fn partition(&self, key: &str) -> Result<Vec<Value>> {
        let request = json!({
            "TableName": TABLE, "ConsistentRead": true, "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": key}},
        });
        let mut answer = self.dynamodb("Query", &request).await?;
        Ok(answer["Items"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    /// Puts items.
    pub(crate) async fn put_items(&self, items: &[Value]) -> Result<()> {
        for batch in items.chunks(BATCH) {
            let puts: Vec<Value> = batch.iter().map(|item| json!({"PutRequest": {"Item": item}})).collect();
            let answer = self.dynamodb("BatchWriteItem", &json!({"RequestItems": {TABLE: puts}})).await?;
            if answer["UnprocessedItems"].as_object().is_some_and(|left| !left.is_empty()) {
                return Err("DynamoDB did not take all items".into());
            }
        }
        Ok(())
    }
}
