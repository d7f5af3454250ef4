//! A handler and a Slack that record what they get, for the tests of both ways of delivery.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::Value;
use sluice_commands::installation::{Input, Invocation};
use sluice_model::{Answer, Card, TeamId, Tone};
use url::Url;

use super::{CommandHandler, Deliveries, Ready, Unavailable};
use crate::slack::{Method, SlackError, WebApi};
use crate::tasks::Tasks;

pub(crate) const TEAM: &str = "T0HOME";

/// Answers every command the same way, and records it.
pub(crate) struct Service {
    pub(crate) seen: Mutex<Vec<Invocation>>,
    takes: Duration,
    outcome: Result<(), Unavailable>,
}

#[async_trait]
impl CommandHandler for Service {
    async fn handle(&self, invocation: Invocation) -> Result<Answer, Unavailable> {
        if let Input::Slash { text, .. } = &invocation.input
            && text == "panic"
        {
            panic!("on purpose");
        }
        self.seen.lock().push(invocation);
        tokio::time::sleep(self.takes).await;
        self.outcome.map(|()| Answer::private(Card::new(Tone::Good, "Done")))
    }
}

/// Records posts to response URLs.
#[derive(Default)]
pub(crate) struct Urls(pub(crate) Mutex<Vec<(Url, Value)>>);

#[async_trait]
impl WebApi for Urls {
    async fn call(&self, _: Method, _: &Value) -> Result<Value, SlackError> {
        Err(SlackError::Unreachable)
    }
    async fn respond(&self, url: &Url, body: &Value) -> Result<(), SlackError> {
        self.0.lock().push((url.clone(), body.clone()));
        Ok(())
    }
}

impl Service {
    pub(crate) fn new(takes: Duration, outcome: Result<(), Unavailable>) -> Arc<Self> {
        Arc::new(Self { seen: Mutex::default(), takes, outcome })
    }
}

/// Deliveries to that handler. `is_ready`: whether the process takes commands.
pub(crate) fn deliveries(
    service: &Arc<Service>,
    urls: &Arc<Urls>,
    tasks: Tasks,
    is_ready: bool,
) -> Arc<Deliveries> {
    let cell = Arc::new(OnceLock::new());
    if is_ready {
        let _ = cell.set(Ready { team: TeamId::new(TEAM).unwrap(), handler: service.clone() });
    }
    Arc::new(Deliveries::new(cell, urls.clone(), Arc::default(), tasks))
}
