//! Slack's Web API, as far as the bot calls it: slack-morphism's client under a short list of methods.
//!
//! [`Method`] is the whole list, each with the scope it needs; `manifest.yml` asks for exactly those. Trouble is
//! classified by what may be done next. slack-morphism's own errors quote bodies, so they never reach a log.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::{Request, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use slack_morphism::errors::SlackClientError;
use slack_morphism::hyper_tokio::{SlackClientHyperHttpsConnector, SlackHyperClient};
use slack_morphism::{
    SlackApiToken, SlackApiTokenValue, SlackClient, SlackClientApiCallContext, SlackClientHttpConnector,
};
use url::Url;

use crate::config::SlackAccess;

/// Above Slack's own slowest answers; an answer that takes longer counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// The Web API methods that the code uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Method {
    /// Who we are, and whether the token is good.
    AuthTest,
    /// A message.
    PostMessage,
    /// An edit of a message of ours.
    Update,
    /// A message that one person sees.
    PostEphemeral,
    /// The address of a message.
    Permalink,
    /// Who is in a user group.
    GroupMembers,
    /// Who somebody is, and whether they are deactivated.
    UserInfo,
}

impl Method {
    /// All of them.
    pub(crate) const ALL: [Method; 7] = [
        Method::AuthTest,
        Method::PostMessage,
        Method::Update,
        Method::PostEphemeral,
        Method::Permalink,
        Method::GroupMembers,
        Method::UserInfo,
    ];

    /// As Slack calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::AuthTest => "auth.test",
            Method::PostMessage => "chat.postMessage",
            Method::Update => "chat.update",
            Method::PostEphemeral => "chat.postEphemeral",
            Method::Permalink => "chat.getPermalink",
            Method::GroupMembers => "usergroups.users.list",
            Method::UserInfo => "users.info",
        }
    }

    /// The bot scope without which Slack refuses it.
    pub(crate) fn scope(self) -> Option<&'static str> {
        match self {
            Method::AuthTest | Method::Permalink => None,
            Method::PostMessage | Method::Update | Method::PostEphemeral => Some("chat:write"),
            Method::GroupMembers => Some("usergroups:read"),
            Method::UserInfo => Some("users:read"),
        }
    }

    /// Whether it takes its arguments from the address: Slack's reads do not look into a body of JSON.
    fn is_query(self) -> bool {
        matches!(self, Method::Permalink | Method::GroupMembers | Method::UserInfo)
    }
}

/// Why a call did not do what was asked, by what may be done next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// Slack answered no; the same call will get the same answer.
    #[error("Slack refused: {0}")]
    Refused(String),
    /// Slack asks to wait; nothing was done.
    #[error("Slack asks to wait {0:?}")]
    Wait(Duration),
    /// The request did not reach Slack; nothing was done.
    #[error("Slack cannot be reached")]
    Unreached,
    /// The answer was lost or made no sense: it may have been done.
    #[error("Slack's answer was lost")]
    Unknown,
}

/// Carries calls to Slack; a trait so that `notify` can be tested on a clock that stands still.
#[async_trait]
pub(crate) trait WebApi: Send + Sync {
    /// Calls a method with these arguments.
    async fn call(&self, method: Method, body: &Value) -> Result<Value, Trouble>;
    /// Answers at a `response_url`.
    async fn respond(&self, url: &Url, body: &Value) -> Result<(), Trouble>;
}

type Https = hyper_rustls::HttpsConnector<HttpConnector>;

/// The real one.
pub(crate) struct Slack {
    client: SlackHyperClient,
    token: SlackApiToken,
    https: Https,
    base: String,
}

impl Slack {
    /// Loads the system's root certificates; connects to nothing yet.
    pub(crate) fn new(access: &SlackAccess) -> std::io::Result<Self> {
        let https = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .build();
        let base = access.api_url.as_str().trim_end_matches('/');
        let connector =
            SlackClientHyperHttpsConnector::with_connector(https.clone()).with_slack_api_url(base);
        let token = SlackApiToken::new(SlackApiTokenValue(access.bot_token.expose().to_owned()));
        Ok(Self { client: SlackClient::new(connector), token, https, base: base.to_owned() })
    }

    /// The scopes that the token has, from a header that slack-morphism does not pass on; `None` if there is none.
    pub(crate) async fn granted_scopes(&self) -> Result<Option<BTreeSet<String>>, Trouble> {
        let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(self.https.clone());
        let request = Request::post(format!("{}/{}", self.base, Method::AuthTest.name()))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.token_value.0))
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Full::new(Bytes::from_static(b"{}")))
            .map_err(|_| Trouble::Unreached)?;
        let answer =
            tokio::time::timeout(PATIENCE, client.request(request)).await.map_err(|_| Trouble::Unknown)?;
        let answer =
            answer.map_err(|error| if error.is_connect() { Trouble::Unreached } else { Trouble::Unknown })?;
        let scopes = answer.headers().get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
        Ok(scopes.map(|scopes| scopes.split(',').map(|scope| scope.trim().to_owned()).collect()))
    }
}

#[async_trait]
impl WebApi for Slack {
    async fn call(&self, method: Method, body: &Value) -> Result<Value, Trouble> {
        let session = self.client.open_session(&self.token);
        let api = &session.http_session_api;
        let outcome = match method.is_query() {
            true => within(api.http_get(method.name(), &query(body), None)).await,
            false => within(api.http_post::<Value, Value>(method.name(), body, None)).await,
        };
        crate::metrics::slack_call(method.name(), &outcome);
        outcome
    }

    async fn respond(&self, url: &Url, body: &Value) -> Result<(), Trouble> {
        // The path of a response URL is a secret of its own.
        let context = SlackClientApiCallContext {
            rate_control_params: None,
            token: None,
            tracing_span: &tracing::Span::none(),
            is_sensitive_url: true,
        };
        let sent = self.client.http_api.connector.http_post_uri::<Value, Value>(url.clone(), body, context);
        let outcome = within(sent).await;
        crate::metrics::slack_call("response_url", &outcome);
        outcome.map(drop)
    }
}

/// The arguments as they stand in an address.
fn query(body: &Value) -> Vec<(&str, Option<&str>)> {
    body.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn within(
    sent: impl Future<Output = Result<Value, SlackClientError>> + Send,
) -> Result<Value, Trouble> {
    match tokio::time::timeout(PATIENCE, sent).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(classify(error)),
        Err(_) => Err(Trouble::Unknown),
    }
}

/// Codes that say "we broke", not "you may not".
const BROKEN: [&str; 4] = ["internal_error", "fatal_error", "service_unavailable", "request_timeout"];

fn classify(error: SlackClientError) -> Trouble {
    match error {
        SlackClientError::RateLimitError(limit) => {
            Trouble::Wait(limit.retry_after.unwrap_or(Duration::from_secs(1)).max(Duration::from_millis(100)))
        }
        SlackClientError::ApiError(refusal)
            if refusal.code == "ratelimited" || refusal.code == "rate_limited" =>
        {
            Trouble::Wait(Duration::from_secs(1))
        }
        SlackClientError::ApiError(refusal) if BROKEN.contains(&refusal.code.as_str()) => Trouble::Unknown,
        SlackClientError::ApiError(refusal) => Trouble::Refused(code(&refusal.code)),
        SlackClientError::HttpError(status) if status.status_code.is_client_error() => {
            Trouble::Refused(format!("http_{}", status.status_code.as_u16()))
        }
        SlackClientError::HttpProtocolError(protocol) if is_connect(protocol.cause.as_deref()) => {
            Trouble::Unreached
        }
        _ => Trouble::Unknown,
    }
}

/// Slack's codes are short and snake case; anything else is not repeated.
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
