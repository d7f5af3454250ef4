//! What Slack delivers, however it comes: over HTTP ([`super::server`]) or a WebSocket ([`crate::slack::socket`]).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};
use sluice_model::{Answer, TeamId, Tone};
use tokio::sync::oneshot;
use tokio::time::Instant;
use url::Url;

use super::handler::{CommandHandler, Unavailable};
use super::messages;
use super::payload::{Delivery, Payload};
use super::respond::{post, respond};
use super::user_limits::UserLimits;
use crate::render;
use crate::slack::{ResponseUrls, WebApi};
use crate::tasks::{Kind, Tasks};

/// How long the store has to confirm a delivery before the person is answered without its confirmation. Slack waits for three seconds
/// ([source](https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response)).
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

/// Known once Slack and the store have answered.
pub(crate) struct Ready {
    pub(crate) team: TeamId,
    pub(crate) handler: Arc<dyn CommandHandler>,
}

/// Handles deliveries.
pub(crate) struct Deliveries {
    ready: Arc<OnceLock<Ready>>,
    slack: Arc<dyn WebApi>,
    response_urls: Arc<ResponseUrls>,
    tasks: Tasks,
    users: UserLimits,
}

/// What Slack gets for a delivery, within three seconds.
#[derive(Debug, Default)]
pub(crate) struct Acknowledgement {
    /// What Slack shows or asked for, if anything.
    pub(crate) body: Option<Value>,
    /// Where the body can be posted if the acknowledgement does not reach Slack.
    response_url: Option<Url>,
}

impl From<Value> for Acknowledgement {
    fn from(body: Value) -> Self {
        Self { body: Some(body), response_url: None }
    }
}

impl Deliveries {
    /// Until `ready` is set, every answer asks people to try again.
    pub(crate) fn new(
        ready: Arc<OnceLock<Ready>>,
        slack: Arc<dyn WebApi>,
        response_urls: Arc<ResponseUrls>,
        tasks: Tasks,
    ) -> Self {
        Self { ready, slack, response_urls, tasks, users: UserLimits::default() }
    }

    /// Handles a delivery that arrived at that time. It returns after the accepting transaction and before the work.
    pub(crate) async fn answer(&self, payload: Payload, arrived: Instant) -> Acknowledgement {
        let delivery = match payload {
            Payload::Challenge(challenge) => return json!({ "challenge": challenge }).into(),
            Payload::Nothing => return Acknowledgement::default(),
            Payload::NoOptions => return json!({ "options": [] }).into(),
            Payload::TooLong => return render::answer(&messages::too_long()).into(),
            Payload::Delivery(delivery) => *delivery,
        };
        let (verb, is_click, response_url) =
            (delivery.verb(), delivery.is_click, delivery.response_url.clone());
        let (answer, result) = self.handle(delivery).await;
        crate::metrics::command(&verb, result);
        crate::metrics::acknowledged(arrived.elapsed());
        // Slack shows the body of a command's acknowledgement, and ignores the body of a click's.
        match response_url {
            Some(url) if is_click => {
                let slack = Arc::clone(&self.slack);
                self.tasks.spawn(Kind::Reply, async move { respond(slack.as_ref(), &url, &answer).await });
                Acknowledgement::default()
            }
            _ if is_click => Acknowledgement::default(),
            response_url => Acknowledgement { body: Some(render::answer(&answer)), response_url },
        }
    }

    /// Posts what an acknowledgement would have shown, because it could not be sent.
    pub(crate) fn answer_later(&self, acknowledgement: Acknowledgement) {
        if let Acknowledgement { body: Some(body), response_url: Some(url) } = acknowledgement {
            let slack = Arc::clone(&self.slack);
            self.tasks.spawn(Kind::Reply, async move { post(slack.as_ref(), &url, &body).await });
        }
    }

    /// Waits for the handler for [`TIMEOUT`] at most. The handling itself is never abandoned.
    async fn handle(&self, delivery: Delivery) -> (Answer, &'static str) {
        let Some(ready) = self.ready.get() else { return (messages::try_again(), "unavailable") };
        if delivery.teams.iter().any(|team| team != &ready.team) {
            return (messages::foreign(), "foreign");
        }
        if let (Some(url), Some(channel)) = (&delivery.response_url, &delivery.invocation.channel) {
            self.response_urls.insert(&delivery.invocation.actor.id, channel, url.clone());
        }
        let Some(permit) = self.users.admit(&delivery.invocation.actor.id, &delivery.invocation.input) else {
            return (messages::slow_down(), "slowed");
        };
        let (sender, receiver) = oneshot::channel();
        let (handler, slack) = (Arc::clone(&ready.handler), Arc::clone(&self.slack));
        self.tasks.spawn(Kind::Delivery, async move {
            let outcome = handler.handle(delivery.invocation).await;
            drop(permit);
            // The timeout has passed, and the answer was "not confirmed": the real one follows.
            if let (Err(outcome), Some(url)) = (sender.send(outcome), delivery.response_url) {
                let answer = outcome.unwrap_or_else(|unavailable| match unavailable {
                    Unavailable::Unreachable => messages::try_again(),
                    Unavailable::Unconfirmed => messages::unknown(),
                });
                respond(slack.as_ref(), &url, &answer).await;
            }
        });
        match tokio::time::timeout(TIMEOUT, receiver).await {
            Ok(Ok(Ok(answer))) => {
                let result = if answer.card.tone == Tone::Bad { "refused" } else { "answered" };
                (answer, result)
            }
            Ok(Ok(Err(Unavailable::Unreachable))) => (messages::try_again(), "unavailable"),
            // A timeout, an unknown outcome, or a panic after the record was written.
            Ok(Ok(Err(Unavailable::Unconfirmed)) | Err(_)) | Err(_) => {
                (messages::not_confirmed(), "unconfirmed")
            }
        }
    }
}
