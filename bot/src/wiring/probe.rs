//! Requests to what stages serve, for smoke tests.
//!
//! What is behind a stage's URL is whatever a team deployed a moment ago: it may hang, answer without end, or send us
//! elsewhere. So no request lasts longer than 5 s, no more than 4 KiB of an answer are read, no redirect is followed, and
//! nothing of ours but a name is sent.

use std::time::Duration;

use async_trait::async_trait;
use axum::body::HttpBody;
use axum::http::{Method as Verb, Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sluice_commands::ports::{Method, Probe, Reply};

/// How long one request may take, with the reading of its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// So much of an answer's body is read.
const KEPT: usize = 4 * 1024;

type Stages = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// The way to the stages.
pub(super) struct HttpProbe {
    /// None if this machine has no root certificates.
    client: Option<Stages>,
    patience: Duration,
}

impl HttpProbe {
    /// Loads the system's root certificates; connects to nothing yet.
    pub(super) fn new() -> Self {
        let client = HttpsConnectorBuilder::new().with_native_roots().map(|builder| {
            let connector = builder.https_or_http().enable_http1().enable_http2().build();
            // Each answer is that of a connection made for it: what moved is asked, and not what was open before.
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)
        });
        let client = client.inspect_err(|error| tracing::warn!(%error, "no root certificates")).ok();
        Self { client, patience: PATIENCE }
    }
}

#[async_trait]
impl Probe for HttpProbe {
    async fn request(&self, method: Method, url: &str) -> Reply {
        let Some(client) = &self.client else {
            return Reply::Silent("this machine has no root certificates");
        };
        tokio::time::timeout(self.patience, asked(client, method, url))
            .await
            .unwrap_or(Reply::Silent("there was no answer within 5 s"))
    }
}

async fn asked(client: &Stages, method: Method, url: &str) -> Reply {
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
    let Ok(request) = request else { return Reply::Silent("its URL makes no sense") };
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

/// The beginning of a body, as far as it came.
async fn beginning(mut body: impl HttpBody<Data = Bytes> + Unpin) -> String {
    let mut kept = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            kept.extend_from_slice(data.get(..data.len().min(KEPT - kept.len())).unwrap_or_default());
        }
        if kept.len() >= KEPT {
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
            "/sent-on" => Redirect::temporary("/health").into_response(),
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
    async fn a_stage_is_asked_and_nothing_of_ours_is_sent() {
        let (web, stage) = (HttpProbe::new(), stage().await);
        let get = web.request(Method::Get, &format!("{stage}/health")).await;
        assert_eq!(get, answered(200, "GET accept host user-agent"));
        assert_eq!(web.request(Method::Head, &format!("{stage}/health")).await, answered(200, ""));
        assert_eq!(web.request(Method::Get, &format!("{stage}/ill")).await, answered(500, "boom"));
        assert_eq!(web.request(Method::Get, &format!("{stage}/sent-on")).await, answered(307, ""));
    }

    #[tokio::test]
    async fn what_hangs_or_does_not_end_or_is_not_there_is_an_answer_too() {
        let (web, stage) = (HttpProbe::new(), stage().await);
        let endless = web.request(Method::Get, &format!("{stage}/endless")).await;
        assert_eq!(endless, answered(200, &"x".repeat(KEPT)));
        let hasty = HttpProbe { patience: Duration::from_millis(50), ..HttpProbe::new() };
        let late = hasty.request(Method::Get, &format!("{stage}/hangs")).await;
        assert_eq!(late, Reply::Silent("there was no answer within 5 s"));
        let nobody = web.request(Method::Get, "http://127.0.0.1:1/").await;
        assert_eq!(nobody, Reply::Silent("it cannot be reached"));
        assert_eq!(web.request(Method::Get, "no url").await, Reply::Silent("its URL makes no sense"));
    }
}
