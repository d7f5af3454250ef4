//! A client of the local AWS: forwards requests unchanged and streams answers back.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::account::{ACCESS_KEY, REGION};
use super::request::AwsRequest;

/// A client with open connections.
#[derive(Debug, Clone)]
pub struct Upstream {
    client: reqwest::Client,
    base: String,
}

/// An answer with its whole body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; `null` if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn with_json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into();
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = end_to_end(self.headers);
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response
    }
}

impl Upstream {
    /// A client for a base URL, such as `http://127.0.0.1:4566`.
    pub fn new(base: String) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(4))
            .build()?;
        Ok(Self { client, base })
    }

    /// The base URL as the local AWS itself writes it.
    pub fn called_localhost(&self) -> String {
        self.base.replace("127.0.0.1", "localhost")
    }

    /// Whether the local AWS answers.
    pub async fn is_up(&self) -> bool {
        let health =
            self.client.get(format!("{}/_ministack/health", self.base)).timeout(Duration::from_secs(2));
        health.send().await.is_ok_and(|answer| answer.status().is_success())
    }

    /// Forwards a request and streams its answer.
    pub async fn forward(&self, request: AwsRequest) -> Response {
        match self.send(&request).await {
            Ok(answer) => {
                let (status, headers) = (answer.status(), answer.headers().clone());
                let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
                *response.status_mut() = status;
                *response.headers_mut() = end_to_end(headers);
                response
            }
            Err(error) => unreachable(&error),
        }
    }

    /// Forwards a request and reads its whole answer.
    pub async fn exchange(&self, request: &AwsRequest) -> Result<Answer, Box<Response>> {
        let read = async {
            let answer = self.send(request).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            Ok::<_, reqwest::Error>(Answer { status, headers, body: answer.bytes().await? })
        };
        read.await.map_err(|error| Box::new(unreachable(&error)))
    }

    /// A call by the sandbox itself.
    pub async fn call(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, Box<Response>> {
        let mut request = axum::http::Request::builder().method(method).uri(path).header(
            header::AUTHORIZATION,
            format!(
                "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/{REGION}/{service}/aws4_request, \
                 SignedHeaders=host, Signature=0"
            ),
        );
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), *value);
        }
        match request.body(()) {
            Ok(request) => {
                self.exchange(&AwsRequest { parts: request.into_parts().0, body: body.into() }).await
            }
            Err(error) => Err(Box::new((StatusCode::BAD_REQUEST, error.to_string()).into_response())),
        }
    }

    async fn send(&self, request: &AwsRequest) -> reqwest::Result<reqwest::Response> {
        let path = request.parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = end_to_end(request.parts.headers.clone());
        // These belong to one connection; reqwest sets its own.
        for name in [header::HOST, header::CONTENT_LENGTH, header::EXPECT] {
            headers.remove(name);
        }
        if request.body.is_empty() && request.parts.method == Method::PUT {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        self.client
            .request(request.parts.method.clone(), format!("{}{path}", self.base))
            .headers(headers)
            .body(request.body.clone())
            .send()
            .await
    }
}

fn unreachable(error: &reqwest::Error) -> Response {
    tracing::error!(%error, "the local AWS did not answer");
    (StatusCode::BAD_GATEWAY, "the local AWS did not answer").into_response()
}

/// Removes the headers that belong to one connection.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers
}
