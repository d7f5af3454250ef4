//! Slack's Web API as the rest of the crate sees it.
//!
//! [`Method`] lists every method that the code calls, with the scope that it needs; `manifest.yml` requests exactly those
//! scopes. Errors are classified by what the caller may do next.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use sluice_model::TeamId;
use url::Url;

use crate::startup::StartupError;

/// The Web API methods that the code uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Method {
    /// Our own user and workspace; it checks the token.
    AuthTest,
    PostMessage,
    /// Edits one of our messages.
    Update,
    /// Posts a message that only one user sees.
    PostEphemeral,
    Permalink,
    GroupMembers,
    /// A user's profile, which says whether the user is deactivated.
    UserInfo,
    /// The address of a WebSocket of Socket Mode. It takes the app-level token, not the bot's.
    OpenConnection,
}

impl Method {
    pub(crate) const ALL: [Method; 8] = [
        Method::AuthTest,
        Method::PostMessage,
        Method::Update,
        Method::PostEphemeral,
        Method::Permalink,
        Method::GroupMembers,
        Method::UserInfo,
        Method::OpenConnection,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::AuthTest => "auth.test",
            Method::PostMessage => "chat.postMessage",
            Method::Update => "chat.update",
            Method::PostEphemeral => "chat.postEphemeral",
            Method::Permalink => "chat.getPermalink",
            Method::GroupMembers => "usergroups.users.list",
            Method::UserInfo => "users.info",
            Method::OpenConnection => "apps.connections.open",
        }
    }

    /// The bot scope that Slack requires.
    pub(crate) fn scope(self) -> Option<&'static str> {
        match self {
            Method::AuthTest | Method::Permalink | Method::OpenConnection => None,
            Method::PostMessage | Method::Update | Method::PostEphemeral => Some("chat:write"),
            Method::GroupMembers => Some("usergroups:read"),
            Method::UserInfo => Some("users:read"),
        }
    }

    /// Whether its arguments go into the URL: Slack's reading methods ignore a JSON body.
    pub(super) fn is_query(self) -> bool {
        matches!(self, Method::Permalink | Method::GroupMembers | Method::UserInfo)
    }
}

/// Why a call failed, by what the caller may do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SlackError {
    /// Slack refused, with this code. The same call will be refused again.
    #[error("Slack refused: {0}")]
    Refused(String),
    /// Slack's rate limit: nothing was done, and calls may continue after this pause.
    #[error("Slack's rate limit: retry after {0:?}")]
    RateLimited(Duration),
    /// The request did not reach Slack: nothing was done.
    #[error("Slack cannot be reached")]
    Unreachable,
    /// The answer was lost or invalid: the call may have taken effect.
    #[error("Slack's answer was lost")]
    Unknown,
}

impl SlackError {
    /// Its name in metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            SlackError::Refused(_) => "refused",
            SlackError::RateLimited(_) => "throttled",
            SlackError::Unreachable => "unreached",
            SlackError::Unknown => "unknown",
        }
    }
}

/// Calls Slack. A trait, so tests run without a network and on a paused clock.
#[async_trait]
pub(crate) trait WebApi: Send + Sync {
    async fn call(&self, method: Method, body: &Value) -> Result<Value, SlackError>;
    async fn respond(&self, url: &Url, body: &Value) -> Result<(), SlackError>;
}

/// The workspace of our token.
pub(crate) async fn whoami(slack: &dyn WebApi) -> Result<TeamId, StartupError> {
    let temporary = |message: &str| Err(StartupError::Temporary(message.to_owned()));
    match slack.call(Method::AuthTest, &json!({})).await {
        Ok(answer) => answer["team_id"]
            .as_str()
            .and_then(|team| TeamId::new(team).ok())
            .map_or_else(|| temporary("Slack's answer names no workspace; trying again"), Ok),
        Err(SlackError::Refused(code)) if code.starts_with("http_") => {
            temporary(&format!("Slack answers with {code}; is SLACK_API_URL right?"))
        }
        Err(SlackError::Refused(code)) => Err(StartupError::Permanent(format!(
            "Slack refuses SLACK_BOT_TOKEN ({code}); reinstall the app and copy its bot token"
        ))),
        Err(SlackError::RateLimited(_)) => temporary("Slack's rate limit is reached; trying again"),
        Err(SlackError::Unreachable | SlackError::Unknown) => temporary("Slack cannot be reached"),
    }
}
