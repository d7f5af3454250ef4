//! The queue and the table of the stage. Each call is a signed request: the SDK of AWS would take most of a build's time.
//! Use `aws-sdk-sqs` and `aws-sdk-dynamodb` once you need more of them.

use std::env::{self, VarError};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use lambda_runtime::Error;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use crate::service::Orders;

/// The AWS of this stage, as the environment of the function names it.
pub struct Aws {
    http: Agent,
    credentials: Credentials,
    region: String,
    queue: String,
    table: String,
}

impl Aws {
    pub fn from_env() -> Result<Self, VarError> {
        let [key, secret, token] = ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"]
            .map(|name| env::var(format!("AWS_{name}")));
        Ok(Self {
            http: Agent::config_builder()
                .http_status_as_error(false)
                .build()
                .into(),
            credentials: Credentials::new(key?, secret?, Some(token?), None, "environment"),
            region: env::var("AWS_REGION")?,
            queue: env::var("QUEUE")?,
            table: env::var("TABLE")?,
        })
    }

    /// Keeps an order. The same order again writes the same item.
    pub fn keep(&self, order: &Value) -> Result<(), Error> {
        let item = json!({"id": {"S": order["id"]}, "item": {"S": order["item"]}});
        self.dynamodb("PutItem", &json!({"TableName": self.table, "Item": item}))?;
        Ok(())
    }

    /// How many orders there are.
    pub fn count(&self) -> Result<u64, Error> {
        let (mut scan, mut count) = (json!({"TableName": self.table, "Select": "COUNT"}), 0);
        loop {
            let page = self.dynamodb("Scan", &scan)?;
            count += page["Count"].as_u64().unwrap_or_default();
            match page.get("LastEvaluatedKey") {
                Some(key) => scan["ExclusiveStartKey"] = key.clone(),
                None => return Ok(count),
            }
        }
    }

    fn dynamodb(&self, action: &str, body: &Value) -> Result<Value, Error> {
        self.call("dynamodb", &format!("DynamoDB_20120810.{action}"), body)
    }

    /// A call to a service, JSON in and out; `target` as in the service's API reference.
    fn call(&self, service: &str, target: &str, body: &Value) -> Result<Value, Error> {
        let url = env::var("AWS_ENDPOINT_URL")
            .unwrap_or_else(|_| format!("https://{service}.{}.amazonaws.com", self.region));
        let mut request = Request::post(&url)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target)
            .body(body.to_string())?;

        let identity = self.credentials.clone().into();
        let signing = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?;
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("")));
        let body = SignableBody::Bytes(request.body().as_bytes());
        let signable = SignableRequest::new("POST", &url, headers, body)?;
        let (signature, _) = sign(signable, &signing.into())?.into_parts();
        signature.apply_to_request_http1x(&mut request);

        let mut response = self.http.run(request)?;
        let (status, answer) = (response.status(), response.body_mut().read_to_string()?);
        match status.is_success() {
            true => Ok(serde_json::from_str(&answer)?),
            false => Err(format!("{target}: {status} {answer}").into()),
        }
    }
}

impl Orders for Aws {
    fn place(&self, order: &Value) -> Result<(), Error> {
        let message = json!({"QueueUrl": self.queue, "MessageBody": order.to_string()});
        self.call("sqs", "AmazonSQS.SendMessage", &message)?;
        Ok(())
    }

    fn all(&self) -> Result<Vec<Value>, Error> {
        // The first megabyte. A table that grows wants an index and a query.
        let page = self.dynamodb("Scan", &json!({"TableName": self.table}))?;
        let items = page["Items"].as_array().into_iter().flatten();
        Ok(items
            .map(|item| json!({"id": item["id"]["S"], "item": item["item"]["S"]}))
            .collect())
    }
}
