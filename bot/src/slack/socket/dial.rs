//! Opening a connection: `apps.connections.open` gives an address that is good for one WebSocket and contains a ticket, so it is
//! never logged.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};
use url::Url;

use super::super::ingress::BODY_LIMIT;
use crate::config::{Secret, SlackAccess, is_loopback};
use crate::slack::{Method, SlackError, WebApi, WebClient};
use crate::startup::StartupError;

/// How long connecting may take. The ticket expires soon after.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Opens connections. A trait, so tests run without a network and on a paused clock.
#[async_trait]
pub(crate) trait Dial: Send + Sync + 'static {
    /// What carries the WebSocket.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    async fn dial(&self) -> Result<WebSocketStream<Self::Stream>, SlackError>;
}

/// Opens connections to Slack.
pub(crate) struct SlackDialer(WebClient);

impl SlackDialer {
    /// With the app-level token. It does not connect.
    pub(crate) fn new(access: &SlackAccess, app_token: &Secret) -> std::io::Result<Self> {
        Ok(Self(WebClient::with_token(&access.api_url, app_token)?))
    }

    /// Whether Slack accepts the app-level token.
    pub(crate) async fn check(&self) -> Result<(), StartupError> {
        self.address().await.map(drop).map_err(|error| match error {
            SlackError::Refused(code) if !code.starts_with("http_") => {
                StartupError::Permanent(messages::refused(&code))
            }
            error => StartupError::Temporary(messages::trouble(&error)),
        })
    }

    async fn address(&self) -> Result<Url, SlackError> {
        let answer = self.0.call(Method::OpenConnection, &json!({})).await?;
        let address = answer["url"].as_str().and_then(|url| Url::parse(url).ok());
        let is_safe = |url: &Url| url.scheme() == "wss" || (url.scheme() == "ws" && is_loopback(url));
        address.filter(is_safe).ok_or(SlackError::Unknown)
    }
}

#[async_trait]
impl Dial for SlackDialer {
    type Stream = MaybeTlsStream<TcpStream>;

    async fn dial(&self) -> Result<WebSocketStream<Self::Stream>, SlackError> {
        let address = self.address().await?;
        let connect = connect_async_tls_with_config(address.as_str(), Some(limits()), true, None);
        match tokio::time::timeout(TIMEOUT, connect).await {
            Ok(Ok((socket, _))) => Ok(socket),
            // The ticket was used or has expired, or a server in between answered.
            Ok(Err(tungstenite::Error::Http(answer))) => {
                Err(SlackError::Refused(format!("http_{}", answer.status().as_u16())))
            }
            Ok(Err(_)) | Err(_) => Err(SlackError::Unreachable),
        }
    }
}

/// The size of messages, as over HTTP.
pub(super) fn limits() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(BODY_LIMIT)).max_frame_size(Some(BODY_LIMIT))
}

/// Why there is no connection, as `/readyz` and the start of the process say it.
pub(super) mod messages {
    use crate::slack::SlackError;

    pub(crate) fn refused(code: &str) -> String {
        let help = match code {
            "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
                "make a new one under Basic Information → App-Level Tokens"
            }
            "missing_scope" | "not_allowed_token_type" | "no_permission" => {
                "it must be an app-level token (xapp-…) with the scope connections:write"
            }
            _ => "look at the app's settings at https://api.slack.com/apps",
        };
        format!("Slack refuses SLACK_APP_TOKEN ({code}); {help}")
    }

    pub(crate) fn trouble(error: &SlackError) -> String {
        match error {
            SlackError::Refused(code) if code.starts_with("http_") => {
                format!("Slack answers with {code}; is SLACK_API_URL right?")
            }
            SlackError::Refused(code) => refused(code),
            SlackError::RateLimited(_) => "Slack's rate limit is reached; trying again".to_owned(),
            SlackError::Unreachable | SlackError::Unknown => "Slack cannot be reached".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A Web API that answers every call with this text, once for each connection.
    #[expect(clippy::disallowed_methods, reason = "a server for one test; the test's end is its end")]
    async fn api(body: String) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Url::parse(&format!("http://{address}/api")).unwrap()
    }

    async fn dialer(answer: serde_json::Value) -> SlackDialer {
        let (api_url, bot_token) = (api(answer.to_string()).await, Secret::new("xoxb-x"));
        let app_token = Secret::new("xapp-canary");
        let access =
            SlackAccess { api_url, bot_token, signing_secret: None, app_token: Some(app_token.clone()) };
        SlackDialer::new(&access, &app_token).unwrap()
    }

    #[tokio::test]
    async fn a_refused_token_says_what_to_do() {
        let dialer = dialer(json!({ "ok": false, "error": "not_allowed_token_type" })).await;
        let error = dialer.check().await.unwrap_err();
        assert!(matches!(error, StartupError::Permanent(_)));
        assert_eq!(
            error.message(),
            "Slack refuses SLACK_APP_TOKEN (not_allowed_token_type); it must be an app-level token (xapp-…) with the scope \
             connections:write"
        );
    }

    #[tokio::test]
    async fn an_address_that_is_not_encrypted_is_not_used() {
        for url in ["ws://slack.example/link", "https://slack.example", "no url", ""] {
            let dialer = dialer(json!({ "ok": true, "url": url })).await;
            assert!(matches!(dialer.check().await, Err(StartupError::Temporary(_))), "{url}");
        }
        assert!(dialer(json!({ "ok": true, "url": "wss://slack.example/link" })).await.check().await.is_ok());
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a server for one test; the test's end is its end")]
    async fn a_server_that_is_none_is_an_error_of_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        for scheme in ["ws", "wss"] {
            let dialer = dialer(json!({ "ok": true, "url": format!("{scheme}://{address}/link") })).await;
            assert_eq!(dialer.dial().await.map(drop), Err(SlackError::Unreachable), "{scheme}");
        }
    }
}
