//! Answers at a `response_url`.

use std::time::Duration;

use serde_json::Value;
use sluice_model::Answer;
use url::Url;

use crate::render;
use crate::slack::{SlackError, WebApi};

const ATTEMPTS: u64 = 3;
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Posts an answer. If it replaces the message that was clicked, that comes first.
pub(super) async fn respond(slack: &dyn WebApi, url: &Url, answer: &Answer) {
    if let Some(card) = &answer.replaces {
        post(slack, url, &render::replacement(card)).await;
    }
    post(slack, url, &render::answer(answer)).await;
}

/// Retries where nothing was posted. Slack takes five answers in thirty minutes.
async fn post(slack: &dyn WebApi, url: &Url, body: &Value) {
    for attempt in 1..=ATTEMPTS {
        let pause = match slack.respond(url, body).await {
            Ok(()) => return,
            Err(SlackError::Unreachable) if attempt < ATTEMPTS => Duration::from_secs(attempt),
            Err(SlackError::RateLimited(pause)) if attempt < ATTEMPTS => pause,
            Err(error) => {
                tracing::warn!(%error, "cannot post an answer at its response URL");
                return;
            }
        };
        tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
    }
}
