//! SQS: forwarded. Queue URLs name the front, because clients call them directly.

use axum::response::{IntoResponse, Response};

use super::request::AwsRequest;
use super::upstream::Upstream;

/// SQS with the front's queue URLs.
pub struct Queues {
    upstream: Upstream,
    /// The front's base URL.
    front: String,
}

impl Queues {
    pub fn new(upstream: Upstream, front: String) -> Self {
        Self { upstream, front }
    }

    /// Answers one call.
    pub async fn answer(&self, method: &str, request: AwsRequest) -> Response {
        if !["CreateQueue", "GetQueueUrl", "ListQueues", "ListDeadLetterSourceQueues"].contains(&method) {
            return self.upstream.forward(request).await;
        }
        match self.upstream.exchange(&request).await {
            Ok(mut answer) => {
                if let Ok(text) = std::str::from_utf8(&answer.body) {
                    answer.body = text.replace(&self.upstream.called_localhost(), &self.front).into();
                }
                answer.into_response()
            }
            Err(refusal) => *refusal,
        }
    }
}
