//! The HTTP server of deliveries.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use serde_json::json;
use sluice_commands::ports::Clock;
use sluice_model::{Answer, TeamId, Tone};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

use super::handler::{CommandHandler, Unavailable};
use super::messages;
use super::payload::{self, Delivery, Payload};
use super::respond::respond;
use super::signature::SignatureVerifier;
use super::user_limits::UserLimits;
use crate::config::Secret;
use crate::http::Connection;
use crate::log_throttle::LogThrottle;
use crate::render;
use crate::slack::{ResponseUrls, WebApi};
use crate::tasks::{Kind, Tasks};

/// How long the store has to confirm a delivery before the person is answered without its confirmation.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);
/// How long the body of a request may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest body. Slack's are some kilobytes.
pub(super) const BODY_LIMIT: usize = 1 << 20;
/// Bodies up to this size are limited by the number of connections. Larger bodies, and those without a length, are read
/// [`LARGE_BODIES`] at a time.
const SMALL_BODY: usize = 256 << 10;
const LARGE_BODIES: usize = 8;

/// Known once Slack and the store have answered.
pub(crate) struct Ready {
    pub(crate) team: TeamId,
    pub(crate) handler: Arc<dyn CommandHandler>,
}

/// The state of the HTTP handler.
pub(crate) struct SlackServer {
    signatures: SignatureVerifier,
    ready: Arc<OnceLock<Ready>>,
    slack: Arc<dyn WebApi>,
    response_urls: Arc<ResponseUrls>,
    tasks: Tasks,
    large_bodies: Semaphore,
    users: UserLimits,
    throttle: LogThrottle,
}

impl SlackServer {
    /// Until `ready` is set, every answer asks people to try again.
    pub(crate) fn new(
        signing_secret: &Secret,
        clock: Arc<dyn Clock>,
        ready: Arc<OnceLock<Ready>>,
        slack: Arc<dyn WebApi>,
        response_urls: Arc<ResponseUrls>,
        tasks: Tasks,
    ) -> Self {
        Self {
            signatures: SignatureVerifier::new(signing_secret, clock),
            ready,
            slack,
            response_urls,
            tasks,
            large_bodies: Semaphore::new(LARGE_BODIES),
            users: UserLimits::default(),
            throttle: LogThrottle::default(),
        }
    }
}

pub(crate) fn router(server: SlackServer) -> Router {
    let server = Arc::new(server);
    Router::new()
        .route("/slack/events", post(deliver))
        .route("/slack/commands", post(deliver))
        .route("/slack/interactions", post(deliver))
        .with_state(server)
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(CatchPanicLayer::custom(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
}

async fn deliver(State(server): State<Arc<SlackServer>>, request: Request) -> Response {
    let arrived = Instant::now();
    match server.admit(request).await {
        Ok(payload) => server.answer(payload, arrived).await,
        Err((status, reason)) => {
            crate::metrics::refused(reason);
            // Anybody can send refused deliveries; they must not fill the log.
            if let Some(more) = server.throttle.admit(reason) {
                tracing::warn!(status = status.as_u16(), reason, more, "delivery refused");
            }
            let mut response = status.into_response();
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

type Refusal = (StatusCode, &'static str);

impl SlackServer {
    /// Reads the payload, if Slack has signed it. The sender of a refused request does not learn the reason.
    async fn admit(&self, request: Request) -> Result<Payload, Refusal> {
        let signed = self
            .signatures
            .headers(request.headers())
            .map_err(|reason| (StatusCode::UNAUTHORIZED, reason))?;
        let kind = payload::kind(request.headers());
        let connection = request.extensions().get::<Arc<Connection>>().cloned();
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let read = async {
            let _permit = self.permit_to_read(length).await;
            Bytes::from_request(request, &()).await
        };
        let body = match tokio::time::timeout(BODY_TIMEOUT, read).await {
            Ok(Ok(body)) => body,
            Ok(Err(refusal)) => return Err((refusal.into_response().status(), "body")),
            Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "slow body")),
        };
        let body = self.signatures.verify(&signed, &body).ok_or((StatusCode::UNAUTHORIZED, "signature"))?;
        if let Some(connection) = connection {
            connection.trust();
        }
        let kind = kind.ok_or((StatusCode::BAD_REQUEST, "content type"))?;
        payload::parse(kind, body).map_err(|reason| (StatusCode::BAD_REQUEST, reason))
    }

    /// Waits until a body of that size may be read.
    async fn permit_to_read(&self, length: Option<usize>) -> Option<SemaphorePermit<'_>> {
        match length {
            Some(length) if length <= SMALL_BODY => None,
            // The semaphore is never closed.
            _ => self.large_bodies.acquire().await.ok(),
        }
    }

    async fn answer(&self, payload: Payload, arrived: Instant) -> Response {
        let delivery = match payload {
            Payload::Challenge(challenge) => return Json(json!({ "challenge": challenge })).into_response(),
            Payload::Nothing => return StatusCode::OK.into_response(),
            Payload::NoOptions => return Json(json!({ "options": [] })).into_response(),
            Payload::TooLong => return Json(render::answer(&messages::too_long())).into_response(),
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
                StatusCode::OK.into_response()
            }
            _ if is_click => StatusCode::OK.into_response(),
            _ => Json(render::answer(&answer)).into_response(),
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
