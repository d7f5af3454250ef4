//! Resource policies of aliases.

use axum::http::Method;
use axum::response::{IntoResponse, Response};

use super::super::request::{AwsRequest, query};
use super::super::upstream::Upstream;
use super::answers::Refusable;

/// Calls for an alias's policy. The fix adds the alias to statement ids, and removes it from the answer.
pub async fn answer(upstream: &Upstream, mut request: AwsRequest) -> Refusable<Response> {
    let Some(qualifier) = query(&request.parts, "Qualifier") else {
        return Ok(upstream.forward(request).await);
    };
    let query = request.parts.uri.query().unwrap_or_default();
    let suffix = format!("--at-{qualifier}");
    let mut body = request.json();
    if let Some(id) = body["StatementId"].as_str() {
        body["StatementId"] = format!("{id}{suffix}").into();
        request.body = body.to_string().into();
    }
    if request.parts.method == Method::DELETE
        && let Ok(uri) = format!("{}{suffix}?{query}", request.parts.uri.path()).parse()
    {
        request.parts.uri = uri;
    }
    let mut answer = upstream.exchange(&request).await?;
    if let Ok(text) = std::str::from_utf8(&answer.body) {
        answer.body = text.replace(&suffix, "").into();
    }
    Ok(answer.into_response())
}
