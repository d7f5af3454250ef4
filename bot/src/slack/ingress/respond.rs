//! Answers at a `response_url`.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use serde_json::Value;
use sluice_model::Answer;
use url::Url;

use crate::render;
use crate::slack::{SlackError, WebApi};

/// Two more attempts, after one second and two.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new().with_max_times(2);
/// Slack may ask for a longer pause than an answer is worth.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Posts an answer. If it replaces the message that was clicked, the replacement is posted first.
pub(super) async fn respond(slack: &dyn WebApi, url: &Url, answer: &Answer) {
    if let Some(card) = &answer.replaces {
        post(slack, url, &render::replacement(card)).await;
    }
    post(slack, url, &render::answer(answer)).await;
}

/// Retries where nothing was posted. Slack takes five answers in thirty minutes.
pub(super) async fn post(slack: &dyn WebApi, url: &Url, body: &Value) {
    let attempt = || slack.respond(url, body);
    let posted = attempt
        .retry(PAUSES)
        .when(|error| matches!(error, SlackError::Unreachable | SlackError::RateLimited(_)))
        .adjust(|error, pause| match error {
            SlackError::RateLimited(wanted) => pause.map(|_| LONGEST_PAUSE.min(*wanted)),
            _ => pause,
        })
        .await;
    if let Err(error) = posted {
        tracing::warn!(%error, "cannot post an answer at its response URL");
    }
}
