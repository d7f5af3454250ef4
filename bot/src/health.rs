//! What the process says of itself: `/healthz` (it lives) and `/readyz` (it can do its work, or why not) where Slack
//! delivers, `/metrics` at an address of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// What must be in order for the process to be ready; the reasons of what is not.
#[derive(Clone, Default)]
pub(crate) struct Readiness(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Readiness {
    /// Not ready before the first word on each of these.
    pub(crate) fn waiting_for(parts: &[&'static str]) -> Self {
        let reasons = parts.iter().map(|part| (*part, "starting".to_owned())).collect();
        Self(Arc::new(Mutex::new(reasons)))
    }

    fn reasons(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A part is in order.
    pub(crate) fn good(&self, part: &'static str) {
        if self.reasons().remove(part).is_some() {
            tracing::info!(part, "in order");
        }
        self.measure();
    }

    /// A part is not in order. The reason is shown on `/readyz`: no internals, no secrets.
    pub(crate) fn bad(&self, part: &'static str, reason: impl Into<String>) {
        let reason = reason.into();
        let before = self.reasons().insert(part, reason.clone());
        if before.as_ref() != Some(&reason) {
            tracing::warn!(part, reason, "not in order");
        }
        self.measure();
    }

    /// Whether everything is in order.
    pub(crate) fn is_ready(&self) -> bool {
        self.reasons().is_empty()
    }

    fn measure(&self) {
        crate::metrics::gauge("sluice_ready", u64::from(self.is_ready()));
    }

    fn page(&self) -> (StatusCode, String) {
        let reasons = self.reasons();
        if reasons.is_empty() {
            return (StatusCode::OK, "ready\n".to_owned());
        }
        let lines: String = reasons.iter().map(|(part, reason)| format!("{part}: {reason}\n")).collect();
        (StatusCode::SERVICE_UNAVAILABLE, lines)
    }
}

/// The pages by which it is decided whether this process gets deliveries.
pub(crate) fn router(readiness: Readiness) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(readiness)
}

/// The page from which metrics are collected.
pub(crate) fn metrics_router() -> Router {
    Router::new().route("/metrics", get(metrics))
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    readiness.page()
}

async fn metrics() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], crate::metrics::render())
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_nothing_is_amiss_and_says_what_is() {
        let readiness = Readiness::waiting_for(&["slack", "state"]);
        assert_eq!(
            readiness.page(),
            (StatusCode::SERVICE_UNAVAILABLE, "slack: starting\nstate: starting\n".into())
        );
        readiness.good("slack");
        readiness.bad("state", "cannot be reached");
        assert_eq!(readiness.page().1, "state: cannot be reached\n");
        readiness.good("state");
        assert_eq!(readiness.page(), (StatusCode::OK, "ready\n".into()));
    }
}
