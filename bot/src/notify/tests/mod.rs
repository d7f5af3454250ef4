//! A notifier with a Slack and a store that record what they get, and fail on demand.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sluice_commands::operation::{Posted, Status};
use sluice_commands::ports::{Notifier as _, StoreError, ThreadReply, Update};
use sluice_model::{Card, ChannelId, OperationId, Text, Tone, UserId};
use tokio::time::Instant;
use url::Url;

use super::*;
use crate::slack::{Method, ResponseUrls, SlackError, WebApi};
use crate::tasks::{Kind, Tasks};

mod delivery;
mod failures;
mod shutdown;

/// Keeps messages, and fails as scripted.
#[derive(Default)]
struct Workspace {
    calls: Mutex<Vec<(Method, Instant, Value)>>,
    script: Mutex<VecDeque<Fault>>,
    closed: Mutex<HashSet<String>>,
    messages: Mutex<Vec<(String, Value)>>,
    responses: Mutex<Vec<Value>>,
}

enum Fault {
    /// The call fails and does nothing.
    Before(SlackError),
    /// The call succeeds, and its answer is lost.
    Lost,
}

#[async_trait]
impl WebApi for Workspace {
    async fn call(&self, method: Method, body: &Value) -> Result<Value, SlackError> {
        self.calls.lock().push((method, Instant::now(), body.clone()));
        tokio::time::sleep(Duration::from_millis(50)).await;
        if self.closed.lock().contains(body["channel"].as_str().unwrap()) {
            return Err(SlackError::Refused("not_in_channel".into()));
        }
        let fault = self.script.lock().pop_front();
        if let Some(Fault::Before(error)) = fault {
            return Err(error);
        }
        let mut messages = self.messages.lock();
        let ts = match method {
            Method::PostMessage => {
                let ts = format!("{}.1", messages.len() + 1);
                messages.push((ts.clone(), body.clone()));
                ts
            }
            Method::Update => {
                let ts = body["ts"].as_str().unwrap().to_owned();
                match messages.iter_mut().find(|(at, _)| *at == ts) {
                    Some(message) => message.1 = body.clone(),
                    None => return Err(SlackError::Refused("message_not_found".into())),
                }
                ts
            }
            Method::Permalink => {
                let link = format!(
                    "https://team.slack.com/archives/{}/p{}",
                    body["channel"].as_str().unwrap(),
                    body["message_ts"].as_str().unwrap()
                );
                return Ok(json!({ "ok": true, "permalink": link }));
            }
            _ => "0.1".into(),
        };
        match fault {
            Some(Fault::Lost) => Err(SlackError::Unknown),
            _ => Ok(json!({ "ok": true, "ts": ts })),
        }
    }
    async fn respond(&self, _url: &Url, body: &Value) -> Result<(), SlackError> {
        self.responses.lock().push(body.clone());
        Ok(())
    }
}

impl Workspace {
    fn texts(&self) -> Vec<String> {
        self.messages.lock().iter().map(|(_, body)| body["text"].as_str().unwrap().to_owned()).collect()
    }
    fn count(&self, method: Method) -> usize {
        self.calls.lock().iter().filter(|(called, ..)| *called == method).count()
    }
    fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.script.lock().extend(faults);
    }
}

#[derive(Default)]
struct Memory {
    posts: Mutex<HashMap<String, Posted>>,
    delivered: Mutex<usize>,
    undelivered: Mutex<Vec<(OperationId, u64)>>,
    failures: Mutex<usize>,
    newest_row: Mutex<u64>,
}

#[async_trait]
impl MessageStore for Memory {
    async fn find(&self, operation: &OperationId, what: &str) -> Result<Option<Posted>, StoreError> {
        let mut failures = self.failures.lock();
        if *failures > 0 {
            *failures -= 1;
            return Err(StoreError::Again("throttled".into()));
        }
        Ok(self.posts.lock().get(&format!("{operation} {what}")).cloned())
    }
    async fn record(&self, operation: &OperationId, what: &str, posted: &Posted) -> Result<(), StoreError> {
        self.posts.lock().insert(format!("{operation} {what}"), posted.clone());
        Ok(())
    }
    async fn newest_row(&self, _: &OperationId) -> Result<u64, StoreError> {
        Ok(*self.newest_row.lock())
    }
    async fn record_delivered(&self, _: &Update) -> Result<(), StoreError> {
        *self.delivered.lock() += 1;
        Ok(())
    }
    async fn record_undelivered(&self, news: &Update, since: u64) -> Result<(), StoreError> {
        self.undelivered.lock().push((news.operation.clone(), since));
        Ok(())
    }
}

struct World {
    slack: Arc<Workspace>,
    store: Arc<Memory>,
    response_urls: Arc<ResponseUrls>,
    tasks: Tasks,
    notifier: SlackNotifier,
}

fn world() -> World {
    restarted(Arc::default(), Arc::default())
}

fn restarted(slack: Arc<Workspace>, store: Arc<Memory>) -> World {
    let (response_urls, tasks) = (Arc::new(ResponseUrls::default()), Tasks::new());
    let notifier = SlackNotifier::new(slack.clone(), store.clone(), response_urls.clone(), tasks.clone());
    World { slack, store, response_urls, tasks, notifier }
}

fn channel(name: &str) -> ChannelId {
    ChannelId::new(name).unwrap()
}

fn news(sequence: u64, last: bool) -> Update {
    Update {
        operation: OperationId::new(ulid::Ulid(1).to_string()).unwrap(),
        sequence,
        card: Card::new(Tone::Running, format!("step {sequence}")),
        own_since: 1,
        first: false,
        status: if last { Status::Succeeded } else { Status::Running },
        is_urgent: false,
        actor: UserId::new("U0ANN").unwrap(),
        names: Default::default(),
        channels: vec![channel("C1")],
        asides: vec![],
        only_replies: false,
        wakes: None,
    }
}

async fn settled(world: &World) {
    let deadline = Instant::now() + Duration::from_secs(600);
    while *world.store.delivered.lock() == 0 {
        assert!(Instant::now() < deadline, "not delivered: {:?}", world.slack.texts());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(world.notifier.0.open.lock().is_empty(), "a delivered operation is forgotten");
}

fn operation(number: u128) -> OperationId {
    OperationId::new(ulid::Ulid(number).to_string()).unwrap()
}
