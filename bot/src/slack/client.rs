//! The Web API over HTTPS, by slack-morphism's client. slack-morphism's own errors quote bodies, so they never reach a log.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::{Request, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use slack_morphism::errors::SlackClientError;
use slack_morphism::hyper_tokio::{SlackClientHyperHttpsConnector, SlackHyperClient};
use slack_morphism::{
    SlackApiToken, SlackApiTokenValue, SlackClient, SlackClientApiCallContext, SlackClientHttpConnector,
};
use url::Url;

use super::{Method, SlackError, WebApi};
use crate::config::{Secret, SlackAccess};
use crate::http::{HttpsConnector, https_connector};

/// Longer than Slack's slowest answers. A later answer counts as lost.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The Web API of one workspace.
pub(crate) struct WebClient {
    client: SlackHyperClient,
    token: SlackApiToken,
    https: HttpsConnector,
    base: String,
}

impl WebClient {
    /// With the bot's token.
    pub(crate) fn new(access: &SlackAccess) -> std::io::Result<Self> {
        Self::with_token(&access.api_url, &access.bot_token)
    }

    /// Loads the system's root certificates, and fails if there are none. It does not connect.
    pub(super) fn with_token(api_url: &Url, token: &Secret) -> std::io::Result<Self> {
        let https = https_connector()?;
        let base = api_url.as_str().trim_end_matches('/');
        let connector =
            SlackClientHyperHttpsConnector::with_connector(https.clone()).with_slack_api_url(base);
        let token = SlackApiToken::new(SlackApiTokenValue(token.expose().to_owned()));
        Ok(Self { client: SlackClient::new(connector), token, https, base: base.to_owned() })
    }

    /// The token's scopes, from a response header that slack-morphism drops. `None`: Slack sent no such header.
    pub(crate) async fn granted_scopes(&self) -> Result<Option<BTreeSet<String>>, SlackError> {
        let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(self.https.clone());
        let request = Request::post(format!("{}/{}", self.base, Method::AuthTest.name()))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.token_value.0))
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Full::new(Bytes::from_static(b"{}")))
            .map_err(|_| SlackError::Unreachable)?;
        let answer =
            tokio::time::timeout(TIMEOUT, client.request(request)).await.map_err(|_| SlackError::Unknown)?;
        let answer =
            answer.map_err(
                |error| if error.is_connect() { SlackError::Unreachable } else { SlackError::Unknown },
            )?;
        let scopes = answer.headers().get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
        Ok(scopes.map(|scopes| scopes.split(',').map(|scope| scope.trim().to_owned()).collect()))
    }
}

#[async_trait]
impl WebApi for WebClient {
    async fn call(&self, method: Method, body: &Value) -> Result<Value, SlackError> {
        let session = self.client.open_session(&self.token);
        let api = &session.http_session_api;
        let outcome = match method.is_query() {
            true => within(api.http_get(method.name(), &query(body), None)).await,
            false => within(api.http_post::<Value, Value>(method.name(), body, None)).await,
        };
        count(method.name(), &outcome);
        outcome
    }

    async fn respond(&self, url: &Url, body: &Value) -> Result<(), SlackError> {
        // The path of a response URL is a secret.
        let context = SlackClientApiCallContext {
            rate_control_params: None,
            token: None,
            tracing_span: &tracing::Span::none(),
            is_sensitive_url: true,
        };
        let sent = self.client.http_api.connector.http_post_uri::<Value, Value>(url.clone(), body, context);
        let outcome = within(sent).await;
        count("response_url", &outcome);
        outcome.map(drop)
    }
}

fn count<T>(method: &'static str, outcome: &Result<T, SlackError>) {
    crate::metrics::slack_call(method, outcome.as_ref().map_or_else(SlackError::label, |_| "ok"));
}

/// The arguments as a query string takes them.
fn query(body: &Value) -> Vec<(&str, Option<&str>)> {
    body.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn within(
    sent: impl Future<Output = Result<Value, SlackClientError>> + Send,
) -> Result<Value, SlackError> {
    match tokio::time::timeout(TIMEOUT, sent).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(classify(error)),
        Err(_) => Err(SlackError::Unknown),
    }
}

/// Codes of failures on Slack's side; the other codes are refusals.
const BROKEN: [&str; 4] = ["internal_error", "fatal_error", "service_unavailable", "request_timeout"];

fn classify(error: SlackClientError) -> SlackError {
    match error {
        SlackClientError::RateLimitError(limit) => SlackError::RateLimited(
            limit.retry_after.unwrap_or(Duration::from_secs(1)).max(Duration::from_millis(100)),
        ),
        SlackClientError::ApiError(refusal)
            if refusal.code == "ratelimited" || refusal.code == "rate_limited" =>
        {
            SlackError::RateLimited(Duration::from_secs(1))
        }
        SlackClientError::ApiError(refusal) if BROKEN.contains(&refusal.code.as_str()) => SlackError::Unknown,
        SlackClientError::ApiError(refusal) => SlackError::Refused(code(&refusal.code)),
        SlackClientError::HttpError(status) if status.status_code.is_client_error() => {
            SlackError::Refused(format!("http_{}", status.status_code.as_u16()))
        }
        SlackClientError::HttpProtocolError(protocol) if is_connect(protocol.cause.as_deref()) => {
            SlackError::Unreachable
        }
        _ => SlackError::Unknown,
    }
}

/// Slack's codes are short and in snake case. Anything else is not repeated in logs and texts.
fn code(text: &str) -> String {
    let known =
        text.len() <= 60 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if known { text.to_owned() } else { "unknown_error".to_owned() }
}

fn is_connect(cause: Option<&(dyn Error + Send + Sync + 'static)>) -> bool {
    cause
        .and_then(|cause| cause.downcast_ref::<hyper_util::client::legacy::Error>())
        .is_some_and(hyper_util::client::legacy::Error::is_connect)
}

#[cfg(test)]
mod tests;
