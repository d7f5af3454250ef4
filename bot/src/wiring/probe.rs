//! HTTP requests to stages, for smoke tests.
//!
//! A stage's URL runs code that a team has just deployed: it may hang, answer without end, or redirect. So a request takes at
//! most 5 s, at most 4 KiB of the answer are read, redirects are not followed, and the request contains nothing of ours but a
//! user agent.

use std::time::Duration;

use async_trait::async_trait;
use axum::body::HttpBody;
use axum::http::{Method as Verb, Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sluice_commands::ports::{Method, Probe, Reply};

use crate::http::{HttpsConnector, https_connector};

/// How long a request may take, including its answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The bytes of an answer that are read.
const LIMIT: usize = 4 * 1024;

type HttpClient = Client<HttpsConnector, Empty<Bytes>>;

pub(super) struct HttpProbe {
    /// `None` if this machine has no root certificates.
    client: Option<HttpClient>,
    timeout: Duration,
}

impl HttpProbe {
    /// Loads the system's root certificates. It does not connect.
    pub(super) fn new() -> Self {
        let client = https_connector().map(|connector| {
            // Each request opens a connection, so it reaches the new version and not that of an open connection.
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)
        });
        let client = client.inspect_err(|error| tracing::warn!(%error, "no root certificates")).ok();
        Self { client, timeout: TIMEOUT }
    }
}

#[async_trait]
impl Probe for HttpProbe {
    async fn request(&self, method: Method, url: &str) -> Reply {
        let Some(client) = &self.client else {
            return Reply::Silent("this machine has no root certificates");
        };
        tokio::time::timeout(self.timeout, send(client, method, url))
            .await
            .unwrap_or(Reply::Silent("there was no answer within 5 s"))
    }
}

async fn send(client: &HttpClient, method: Method, url: &str) -> Reply {
    let verb = match method {
        Method::Get => Verb::GET,
        Method::Head => Verb::HEAD,
    };
    let request = Request::builder()
        .method(verb)
        .uri(url)
        .header(header::USER_AGENT, "sluice")
        .header(header::ACCEPT, "*/*")
        .body(Empty::new());
    let Ok(request) = request else { return Reply::Silent("its URL is invalid") };
    match client.request(request).await {
        Ok(answer) => {
            Reply::Answered { status: answer.status().as_u16(), body: beginning(answer.into_body()).await }
        }
        Err(error) => {
            tracing::info!(%error, "a stage did not answer");
            Reply::Silent(if error.is_connect() { "it cannot be reached" } else { "the connection broke" })
        }
    }
}

/// The first bytes of a body, as far as they arrived.
async fn beginning(mut body: impl HttpBody<Data = Bytes> + Unpin) -> String {
    let mut kept = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            kept.extend_from_slice(data.get(..data.len().min(LIMIT - kept.len())).unwrap_or_default());
        }
        if kept.len() >= LIMIT {
            break;
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request as Asked;
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::{IntoResponse, Redirect, Response};

    use super::*;

    async fn serve(request: Asked) -> Response {
        match request.uri().path() {
            "/health" => {
                let headers: &HeaderMap = request.headers();
                let mut names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
                names.sort_unstable();
                format!("{} {}", request.method(), names.join(" ")).into_response()
            }
            "/redirected" => Redirect::temporary("/health").into_response(),
            "/ill" => (StatusCode::INTERNAL_SERVER_ERROR, "boom").into_response(),
            "/endless" => {
                let piece = || Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1000]));
                Body::from_stream(futures::stream::repeat_with(piece)).into_response()
            }
            _ => {
                std::future::pending::<()>().await;
                StatusCode::OK.into_response()
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a server for one test; the test's end is its end")]
    async fn stage() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(serve)).await.unwrap() });
        url
    }

    fn answered(status: u16, body: &str) -> Reply {
        Reply::Answered { status, body: body.to_owned() }
    }

    #[tokio::test]
    async fn a_request_sends_no_headers_of_ours() {
        let (web, stage) = (HttpProbe::new(), stage().await);
        let get = web.request(Method::Get, &format!("{stage}/health")).await;
        assert_eq!(get, answered(200, "GET accept host user-agent"));
        assert_eq!(web.request(Method::Head, &format!("{stage}/health")).await, answered(200, ""));
        assert_eq!(web.request(Method::Get, &format!("{stage}/ill")).await, answered(500, "boom"));
        assert_eq!(web.request(Method::Get, &format!("{stage}/redirected")).await, answered(307, ""));
    }

    #[tokio::test]
    async fn a_hanging_endless_or_absent_stage_is_a_reply() {
        let (web, stage) = (HttpProbe::new(), stage().await);
        let endless = web.request(Method::Get, &format!("{stage}/endless")).await;
        assert_eq!(endless, answered(200, &"x".repeat(LIMIT)));
        let impatient = HttpProbe { timeout: Duration::from_millis(50), ..HttpProbe::new() };
        let late = impatient.request(Method::Get, &format!("{stage}/hangs")).await;
        assert_eq!(late, Reply::Silent("there was no answer within 5 s"));
        let absent = web.request(Method::Get, "http://127.0.0.1:1/").await;
        assert_eq!(absent, Reply::Silent("it cannot be reached"));
        assert_eq!(web.request(Method::Get, "no url").await, Reply::Silent("its URL is invalid"));
    }
}
