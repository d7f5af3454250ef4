//! What Lambda calls: the three functions of template.yaml. All of them run this program; `Handler` says which one it is.

mod aws;
mod service;

use std::env;

use aws::Aws;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (handler, aws) = (env::var("_HANDLER")?, Aws::from_env()?);
    // A function has one event at a time, so calls to AWS may block.
    let handle = async |event: LambdaEvent<Value>| match handler.as_str() {
        "api" => api(event, &aws),
        "store" => store(event, &aws),
        "count" => count(&aws),
        other => Err(format!("there is no handler `{other}`").into()),
    };
    lambda_runtime::run(service_fn(handle)).await
}

/// Answers a request to the HTTP API.
fn api(LambdaEvent { payload, context }: LambdaEvent<Value>, aws: &Aws) -> Result<Value, Error> {
    let text = |field: &str| payload[field].as_str().unwrap_or_default();
    let here = (&*env::var("STAGE")?, &*context.env_config.version);
    let (status, answer) = service::answer(text("routeKey"), text("body"), here, aws)?;
    let headers = json!({"content-type": "application/json"});
    Ok(json!({"statusCode": status, "headers": headers, "body": answer.to_string()}))
}

/// Keeps the orders of a batch. SQS may deliver one twice, which writes the same item again.
fn store(event: LambdaEvent<Value>, aws: &Aws) -> Result<Value, Error> {
    for record in event.payload["Records"].as_array().into_iter().flatten() {
        aws.keep(&serde_json::from_str(
            record["body"].as_str().unwrap_or_default(),
        )?)?;
    }
    Ok(Value::Null)
}

/// Logs the number of orders once a day. `/pipeline logs {{pipeline}}` shows it.
fn count(aws: &Aws) -> Result<Value, Error> {
    println!("{}", json!({"orders": aws.count()?}));
    Ok(Value::Null)
}
