//! Deliveries over HTTP: they are signed, because anybody can send them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use sluice_commands::ports::Clock;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

use super::deliveries::{Acknowledgement, Deliveries};
use super::payload::{self, BODY_LIMIT, Payload};
use super::signature::SignatureVerifier;
use crate::config::Secret;
use crate::http::Connection;
use crate::log_throttle::LogThrottle;

/// How long the body of a request may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bodies up to this size are limited by the number of connections. Larger bodies, and those without a length, are read
/// [`LARGE_BODIES`] at a time.
const SMALL_BODY: usize = 256 << 10;
const LARGE_BODIES: usize = 8;

/// The state of the HTTP handler.
pub(crate) struct SlackServer {
    signatures: SignatureVerifier,
    deliveries: Arc<Deliveries>,
    large_bodies: Semaphore,
    throttle: LogThrottle,
}

impl SlackServer {
    pub(crate) fn new(signing_secret: &Secret, clock: Arc<dyn Clock>, deliveries: Arc<Deliveries>) -> Self {
        Self {
            signatures: SignatureVerifier::new(signing_secret, clock),
            deliveries,
            large_bodies: Semaphore::new(LARGE_BODIES),
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
        Ok(payload) => match server.deliveries.answer(payload, arrived).await {
            Acknowledgement { body: Some(body), .. } => Json(body).into_response(),
            Acknowledgement { body: None, .. } => StatusCode::OK.into_response(),
        },
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
}
