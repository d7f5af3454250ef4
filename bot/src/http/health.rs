//! `/healthz` (the process lives) and `/readyz` (it can work, or why not) at the address that Slack delivers to, and
//! `/metrics` at an address of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use parking_lot::Mutex;

use crate::metrics;

/// The parts that are not in order, each with its reason. The process is ready if there are none.
#[derive(Clone, Default)]
pub(crate) struct Readiness(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Readiness {
    /// These parts are not in order yet.
    pub(crate) fn waiting_for(parts: &[&'static str]) -> Self {
        let reasons = parts.iter().map(|part| (*part, "starting".to_owned())).collect();
        Self(Arc::new(Mutex::new(reasons)))
    }

    pub(crate) fn ok(&self, part: &'static str) {
        if self.0.lock().remove(part).is_some() {
            tracing::info!(part, "ready");
        }
        self.measure();
    }

    /// A part is not in order. `/readyz` shows the reason, so it contains no internals and no secrets.
    pub(crate) fn failed(&self, part: &'static str, reason: impl Into<String>) {
        let reason = reason.into();
        let before = self.0.lock().insert(part, reason.clone());
        if before.as_ref() != Some(&reason) {
            tracing::warn!(part, reason, "not ready");
        }
        self.measure();
    }

    fn is_ready(&self) -> bool {
        self.0.lock().is_empty()
    }

    fn measure(&self) {
        metrics::ready(self.is_ready());
    }

    pub(crate) fn page(&self) -> (StatusCode, String) {
        let reasons = self.0.lock();
        if reasons.is_empty() {
            return (StatusCode::OK, "ready\n".to_owned());
        }
        let lines: String = reasons.iter().map(|(part, reason)| format!("{part}: {reason}\n")).collect();
        (StatusCode::SERVICE_UNAVAILABLE, lines)
    }
}

/// The pages for load balancers.
pub(crate) fn health_router(readiness: Readiness) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .with_state(readiness)
}

/// The page for Prometheus.
pub(crate) fn metrics_router() -> Router {
    Router::new().route("/metrics", get(metrics_page))
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    readiness.page()
}

async fn metrics_page() -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_every_part_is_and_names_the_others() {
        let readiness = Readiness::waiting_for(&["slack", "state"]);
        assert_eq!(
            readiness.page(),
            (StatusCode::SERVICE_UNAVAILABLE, "slack: starting\nstate: starting\n".into())
        );
        readiness.ok("slack");
        readiness.failed("state", "cannot be reached");
        assert_eq!(readiness.page().1, "state: cannot be reached\n");
        readiness.ok("state");
        assert_eq!(readiness.page(), (StatusCode::OK, "ready\n".into()));
    }
}
