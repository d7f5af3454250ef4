//! CloudWatch Logs: forwarded. The local AWS ignores `startFromHead`, and would give the oldest events instead of the newest.

use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::request::AwsRequest;
use super::upstream::Upstream;

/// Answers `FilterLogEvents`: the newest events first, if the request says so. All of them are on one page.
pub async fn filter(upstream: &Upstream, mut request: AwsRequest) -> Response {
    let mut wanted = request.json();
    if wanted["startFromHead"] != Value::Bool(false) {
        return upstream.forward(request).await;
    }
    let limit = wanted["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    if let Some(wanted) = wanted.as_object_mut() {
        wanted.remove("limit");
    }
    request.body = wanted.to_string().into();
    match upstream.exchange(&request).await {
        Ok(answer) if answer.status.is_success() => {
            let mut found = answer.json();
            if let Some(events) = found["events"].as_array_mut() {
                events.reverse();
                events.truncate(limit);
            }
            answer.with_json(&found).into_response()
        }
        Ok(answer) => answer.into_response(),
        Err(refusal) => *refusal,
    }
}
