//! Slack in, over HTTP: one handler for commands, clicks and events, whichever of the three URLs they come to.
//!
//! Before a body is read, its size and its headers are checked; before it is understood, its signature; before it is
//! acted on, its workspace. What is answered within Slack's three seconds is the record's answer: the acknowledgement
//! comes after the accepting transaction and before the work. A delivery that the store has not confirmed after
//! [`PATIENCE`] goes on in a task of its own, and its answer follows by the `response_url`.

mod guard;
mod limits;
mod payload;
pub(crate) mod words;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use serde_json::json;
use sluice_commands::ports::Clock;
use sluice_commands::service::Invocation;
use sluice_model::{Answer, TeamId, Tone};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

use crate::config::Secret;
use crate::http::Connection;
use crate::notify::Replies;
use crate::quiet::Quiet;
use crate::slack::{Trouble, WebApi};
use crate::tasks::{Kind, Tasks};
use guard::Guard;
use limits::PerPerson;
use payload::{Ask, Payload};

/// How long the store has to confirm before the person is told that it has not.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(5);
/// The largest body; Slack's are some kilobytes.
const BODY_LIMIT: usize = 1 << 20;
/// Bodies up to this size are bounded by the number of connections. Larger ones, and those that do not say how large they
/// are, are read a few at a time.
const SMALL_BODY: usize = 256 << 10;
const LARGE_BODIES: usize = 8;

/// Why there is no answer yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delayed {
    /// The store did not say whether it has the record.
    Unconfirmed,
    /// The store could not be reached or is throttled; nothing was recorded.
    Unreachable,
}

/// Handles what people say: the service, or a fake in tests.
#[async_trait]
pub(crate) trait Handles: Send + Sync {
    /// From an authenticated delivery to its answer.
    async fn handle(&self, invocation: Invocation) -> Result<Answer, Delayed>;
}

/// What is known only once Slack and the store have answered.
pub(crate) struct Live {
    /// The workspace that the bot belongs to.
    pub(crate) team: TeamId,
    /// Handles deliveries.
    pub(crate) service: Arc<dyn Handles>,
}

/// What the handler needs.
pub(crate) struct Door {
    guard: Guard,
    live: Arc<OnceLock<Live>>,
    slack: Arc<dyn WebApi>,
    replies: Arc<Replies>,
    tasks: Tasks,
    large_bodies: Semaphore,
    people: PerPerson,
    quiet: Quiet,
}

impl Door {
    /// A door that opens once `live` is set; until then people are asked to try again.
    pub(crate) fn new(
        signing_secret: &Secret,
        clock: Arc<dyn Clock>,
        live: Arc<OnceLock<Live>>,
        slack: Arc<dyn WebApi>,
        replies: Arc<Replies>,
        tasks: Tasks,
    ) -> Self {
        Self {
            guard: Guard::new(signing_secret, clock),
            live,
            slack,
            replies,
            tasks,
            large_bodies: Semaphore::new(LARGE_BODIES),
            people: PerPerson::default(),
            quiet: Quiet::default(),
        }
    }
}

/// The URLs that Slack knows.
pub(crate) fn router(door: Door) -> Router {
    let door = Arc::new(door);
    Router::new()
        .route("/slack/events", post(deliver))
        .route("/slack/commands", post(deliver))
        .route("/slack/interactions", post(deliver))
        .with_state(door)
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(CatchPanicLayer::custom(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
}

async fn deliver(State(door): State<Arc<Door>>, request: Request) -> Response {
    let arrived = Instant::now();
    match door.admit(request).await {
        Ok(payload) => door.answer(payload, arrived).await,
        Err((status, reason)) => {
            crate::metrics::refused(reason);
            // Anybody can be refused, as often as they like: the log must not be theirs to fill.
            if let Some(more) = door.quiet.says(reason) {
                tracing::warn!(status = status.as_u16(), reason, more, "delivery refused");
            }
            let mut response = status.into_response();
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

type Refusal = (StatusCode, &'static str);

impl Door {
    /// From a request to a payload that Slack has signed. A refusal says nothing of why.
    async fn admit(&self, request: Request) -> Result<Payload, Refusal> {
        let claim =
            self.guard.headers(request.headers()).map_err(|reason| (StatusCode::UNAUTHORIZED, reason))?;
        let kind = payload::kind(request.headers());
        let connection = request.extensions().get::<Arc<Connection>>().cloned();
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let read = async {
            let _room = self.room_for(length).await;
            Bytes::from_request(request, &()).await
        };
        let body = match tokio::time::timeout(BODY_PATIENCE, read).await {
            Ok(Ok(body)) => body,
            Ok(Err(refusal)) => return Err((refusal.into_response().status(), "body")),
            Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "slow body")),
        };
        let body = self.guard.verify(&claim, &body).ok_or((StatusCode::UNAUTHORIZED, "signature"))?;
        if let Some(connection) = connection {
            connection.trust();
        }
        let kind = kind.ok_or((StatusCode::BAD_REQUEST, "content type"))?;
        payload::parse(kind, body).map_err(|reason| (StatusCode::BAD_REQUEST, reason))
    }

    /// Waits until a body of that size may be read.
    async fn room_for(&self, length: Option<usize>) -> Option<SemaphorePermit<'_>> {
        match length {
            Some(length) if length <= SMALL_BODY => None,
            // It is never closed.
            _ => self.large_bodies.acquire().await.ok(),
        }
    }

    async fn answer(&self, payload: Payload, arrived: Instant) -> Response {
        let ask = match payload {
            Payload::Challenge(challenge) => return Json(json!({ "challenge": challenge })).into_response(),
            Payload::Nothing => return StatusCode::OK.into_response(),
            Payload::NoOptions => return Json(json!({ "options": [] })).into_response(),
            Payload::TooLong => return Json(crate::render::answer(&words::too_long())).into_response(),
            Payload::Ask(ask) => *ask,
        };
        let (verb, is_click, response_url) = (ask.verb(), ask.is_click, ask.response_url.clone());
        let (answer, result) = self.ask(ask).await;
        crate::metrics::command(&verb, result);
        crate::metrics::acknowledged(arrived.elapsed());
        // Slack shows the body of a command's acknowledgement; that of a click's it does not read.
        match response_url {
            Some(url) if is_click => {
                let slack = Arc::clone(&self.slack);
                self.tasks.spawn(Kind::Reply, async move { notify(slack.as_ref(), &url, &answer).await });
                StatusCode::OK.into_response()
            }
            _ if is_click => StatusCode::OK.into_response(),
            _ => Json(crate::render::answer(&answer)).into_response(),
        }
    }

    /// Asks the service, for [`PATIENCE`] at most; the asking itself is never given up.
    async fn ask(&self, ask: Ask) -> (Answer, &'static str) {
        let Some(live) = self.live.get() else { return (words::try_again(), "unavailable") };
        if ask.teams.iter().any(|team| team != &live.team) {
            return (words::foreign(), "foreign");
        }
        if let (Some(url), Some(channel)) = (&ask.response_url, &ask.invocation.channel) {
            self.replies.remember(&ask.invocation.actor.id, channel, url.clone());
        }
        let Some(pass) = self.people.admit(&ask.invocation.actor.id, &ask.invocation.said) else {
            return (words::slow_down(), "slowed");
        };
        let (sender, receiver) = oneshot::channel();
        let (service, slack) = (Arc::clone(&live.service), Arc::clone(&self.slack));
        self.tasks.spawn(Kind::Delivery, async move {
            let outcome = service.handle(ask.invocation).await;
            drop(pass);
            // Nobody waits any more: what was told is "not confirmed", so say how it ended.
            if let (Err(outcome), Some(url)) = (sender.send(outcome), ask.response_url) {
                let answer = outcome.unwrap_or_else(|delayed| match delayed {
                    Delayed::Unreachable => words::try_again(),
                    Delayed::Unconfirmed => words::unknown(),
                });
                notify(slack.as_ref(), &url, &answer).await;
            }
        });
        match tokio::time::timeout(PATIENCE, receiver).await {
            Ok(Ok(Ok(answer))) => {
                let result = if answer.card.tone == Tone::Bad { "refused" } else { "answered" };
                (answer, result)
            }
            Ok(Ok(Err(Delayed::Unreachable))) => (words::try_again(), "unavailable"),
            // A timeout, an unknown outcome, or a panic between the record and the answer.
            Ok(Ok(Err(Delayed::Unconfirmed)) | Err(_)) | Err(_) => (words::not_confirmed(), "unconfirmed"),
        }
    }
}

/// Tells an answer at a `response_url`, and first what the message becomes that was clicked.
async fn notify(slack: &dyn WebApi, url: &url::Url, answer: &Answer) {
    if let Some(card) = &answer.replaces {
        reply(slack, url, &crate::render::replacement(card)).await;
    }
    reply(slack, url, &crate::render::answer(answer)).await;
}

/// Answers at a `response_url`, again where nothing was done. Slack takes five answers in thirty minutes.
async fn reply(slack: &dyn WebApi, url: &url::Url, body: &serde_json::Value) {
    for attempt in 1..=3 {
        match slack.respond(url, body).await {
            Ok(()) => return,
            Err(trouble @ (Trouble::Unreached | Trouble::Wait(_))) if attempt < 3 => {
                let pause =
                    if let Trouble::Wait(pause) = trouble { pause } else { Duration::from_secs(attempt) };
                tokio::time::sleep(pause.min(Duration::from_secs(5))).await;
            }
            Err(trouble) => {
                tracing::warn!(%trouble, "an answer did not reach its author");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
