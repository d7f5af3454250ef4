//! The sandbox's control API: deliveries, faults, and the log of all calls.

use std::sync::Arc;

use reqwest::StatusCode;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::chat::Message;
use crate::world::{Known, World};

/// A call that the bot made to AWS or Slack.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// The order of arrival.
    pub seq: u64,
    /// `lambda`, `dynamodb`, `slack`…
    pub service: String,
    /// `UpdateAlias`, `chat.postMessage`…
    pub method: String,
    /// The time of arrival, in microseconds since the world began.
    pub start_us: u64,
    /// The time of the answer; `None` before it.
    pub end_us: Option<u64>,
    /// The resource.
    pub detail: Option<String>,
    /// Whether it changes anything.
    pub mutating: bool,
    /// `ok`, an error's code, or the action of a fault.
    pub result: String,
    /// Whether it reached the service.
    pub effect: bool,
    /// The rule of a strict AWS that refused it.
    pub rule: Option<String>,
    /// The write units of a call to DynamoDB.
    #[serde(default)]
    pub write_units: Option<f64>,
}

impl Call {
    /// Whether it changes AWS, apart from the bot's own table and queue.
    pub fn mutates_aws(&self) -> bool {
        self.mutating && !["slack", "dynamodb", "sqs"].contains(&self.service.as_str())
    }
}

/// An armed fault.
#[derive(Debug)]
pub struct Fault {
    world: World,
    id: String,
}

impl Fault {
    /// Whether it holds a call right now.
    pub async fn is_holding(&self) -> bool {
        self.state().await["holding"].as_u64().is_some_and(|holding| holding > 0)
    }

    /// Whether it has struck at least once.
    pub async fn has_fired(&self) -> bool {
        self.state().await["fired"].as_u64().is_some_and(|fired| fired > 0)
    }

    /// Ends it and releases the calls that it holds.
    pub async fn release(&self) {
        self.world.control(&format!("fault/{}/release", self.id), &json!({})).await;
    }

    async fn state(&self) -> Value {
        let faults = self.world.control_get("fault").await;
        let mut faults = faults["faults"].as_array().into_iter().flatten();
        faults.find(|fault| fault["id"] == self.id.as_str()).cloned().unwrap_or_default()
    }
}

impl World {
    /// `POST /control/{what}`, which has to succeed.
    pub async fn control(&self, what: &str, body: &Value) -> Value {
        let (status, answer) = self.try_control(what, body).await;
        assert_eq!(status, 200, "/control/{what} {body}: {answer}");
        answer
    }

    /// `POST /control/{what}`: status and answer.
    pub async fn try_control(&self, what: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}/control/{what}", self.ready.page)).json(body);
        let answer = request.send().await.expect("the control API answers");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// `GET /control/{what}`.
    pub async fn control_get(&self, what: &str) -> Value {
        let request = self.http.get(format!("{}/control/{what}", self.ready.page));
        let answer = request.send().await.expect("the control API answers");
        assert!(answer.status().is_success(), "/control/{what}: {}", answer.status());
        answer.json().await.expect("the control API answers in JSON")
    }

    /// The messages of `GET /control/{what}`, the oldest first, without deleted ones. What has not changed since the last such
    /// question is not sent again: tests ask many times a second.
    pub(crate) async fn control_messages(&self, what: &str) -> Vec<Message> {
        let known = self.known.lock().unwrap().get(what).cloned();
        let mut request = self.http.get(format!("{}/control/{what}", self.ready.page));
        if let Some(known) = &known {
            request = request.header(IF_NONE_MATCH, &known.revision);
        }
        let answer = request.send().await.expect("the control API answers");
        match (answer.status(), known) {
            (StatusCode::NOT_MODIFIED, Some(known)) => {
                return known.messages.into_iter().map(Message).collect();
            }
            (status, _) => assert!(status.is_success(), "/control/{what}: {status}"),
        }
        let revision = answer.headers()[ETAG].clone();
        let mut answer: Value = answer.json().await.expect("the control API answers in JSON");
        let Value::Array(messages) = answer["messages"].take() else { panic!("no messages in {answer}") };
        let seen = messages.into_iter().filter(|message| message["deleted"] != true);
        let messages: Vec<Arc<Value>> = seen.map(Arc::new).collect();
        let known = Known { revision, messages: messages.clone() };
        self.known.lock().unwrap().insert(what.to_owned(), known);
        messages.into_iter().map(Message).collect()
    }

    /// Arms a fault.
    pub async fn arm(&self, spec: &Value) -> Fault {
        let id = self.control("fault", spec).await["id"].as_str().unwrap().to_owned();
        Fault { world: self.clone(), id }
    }

    /// Ends all faults and releases the calls that they hold.
    pub async fn clear_faults(&self) {
        let request = self.http.delete(format!("{}/control/fault", self.ready.page));
        request.send().await.expect("the control API answers");
    }

    /// The calls after call number `since`.
    pub async fn calls(&self, since: u64) -> Vec<Call> {
        let calls = self.control_get(&format!("calls?since={since}")).await;
        let calls: Vec<Call> = serde_json::from_value(calls["calls"].clone()).unwrap();
        calls.into_iter().filter(|call| call.seq > since).collect()
    }

    /// The number of the last call.
    pub async fn last_call(&self) -> u64 {
        self.calls(0).await.last().map_or(0, |call| call.seq)
    }
}
