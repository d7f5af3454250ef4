//! The wire form of errors in each protocol: writing refusals, and reading codes for the log.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

/// How a service encodes its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// JSON with the operation in `X-Amz-Target`: DynamoDB, CodeBuild, CodeCommit, CloudWatch Logs.
    AwsJson,
    /// JSON over REST: Lambda, API Gateway v2.
    RestJson,
    /// XML over REST: S3.
    RestXml,
    /// Form in, XML out: IAM, STS.
    Query,
    /// Slack's Web API: 200 with `ok: false`.
    Slack,
}

impl Protocol {
    /// An error of this service. Without a code, it is the usual code for the status.
    pub fn refusal(self, status: Option<u16>, code: Option<&str>, message: Option<&str>) -> Response {
        let status = status.or(match self {
            // Slack sends an error code with status 200.
            Self::Slack if code.is_some() => Some(200),
            _ => None,
        });
        let status =
            status.and_then(|s| StatusCode::from_u16(s).ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = code.map_or_else(|| self.usual_code(status), str::to_owned);
        let mut response =
            self.error(status, &code, message.unwrap_or("A fault of the sandbox refused the call."));
        if self == Self::Slack && status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }

    pub fn error(self, status: StatusCode, code: &str, message: &str) -> Response {
        let (kind, body) = match self {
            Self::AwsJson => {
                ("application/x-amz-json-1.1", json!({"__type": code, "message": message}).to_string())
            }
            Self::RestJson => ("application/json", json!({"message": message}).to_string()),
            Self::RestXml => ("application/xml", format!("{XML}<Error>{}</Error>", xml(code, message))),
            Self::Query => {
                let fault = if status.is_server_error() { "Receiver" } else { "Sender" };
                let inner = xml(code, message);
                let error = format!("<Error><Type>{fault}</Type>{inner}</Error>");
                ("text/xml", format!("{XML}<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>"))
            }
            Self::Slack => ("application/json", json!({"ok": false, "error": code}).to_string()),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        if let (Self::AwsJson | Self::RestJson, Ok(value)) = (self, header::HeaderValue::from_str(code)) {
            headers.insert("x-amzn-errortype", value);
        }
        response
    }

    pub fn error_code(self, headers: &HeaderMap, status: StatusCode, body: &[u8]) -> Option<String> {
        if self == Self::Slack {
            let answer: Value = serde_json::from_slice(body).ok()?;
            return (answer["ok"] == false).then(|| answer["error"].as_str().unwrap_or("error").to_owned());
        }
        if !status.is_client_error() && !status.is_server_error() {
            return None;
        }
        match self {
            Self::AwsJson | Self::RestJson => {
                let named = headers.get("x-amzn-errortype").and_then(|v| v.to_str().ok()).map(str::to_owned);
                let code = named.or_else(|| {
                    let answer: Value = serde_json::from_slice(body).ok()?;
                    ["__type", "code", "Code"].iter().find_map(|key| answer[key].as_str().map(str::to_owned))
                })?;
                // The full form is `com.amazonaws.x#Code:http://…`.
                let code = code.split(':').next().unwrap_or_default();
                Some(code.rsplit('#').next().unwrap_or_default().to_owned())
            }
            _ => {
                let text = std::str::from_utf8(body).ok()?;
                let (_, rest) = text.split_once("<Code>")?;
                rest.split_once("</Code>").map(|(code, _)| code.to_owned())
            }
        }
    }

    fn usual_code(self, status: StatusCode) -> String {
        match (self, status.as_u16()) {
            (Self::Slack, 429) => "ratelimited",
            (Self::Slack, _) => "internal_error",
            (Self::RestXml, 429 | 503) => "SlowDown",
            (Self::RestXml, 403) => "AccessDenied",
            (Self::RestXml, _) => "InternalError",
            (Self::Query, 400 | 429) => "Throttling",
            (Self::Query, 403) => "AccessDenied",
            (Self::Query, 503) => "ServiceUnavailable",
            (Self::Query, _) => "InternalFailure",
            (Self::RestJson, 429) => "TooManyRequestsException",
            (Self::RestJson, 503) => "ServiceUnavailableException",
            (_, 400 | 429) => "ThrottlingException",
            (_, 403) => "AccessDeniedException",
            (Self::RestJson, _) => "ServiceException",
            _ => "InternalServerError",
        }
        .to_owned()
    }
}

/// Marks the response of a strict rule that refused a call before its service saw it. The value is the rule's name.
#[derive(Debug, Clone, Copy)]
pub struct RefusedByRule(pub &'static str);

/// An answer of which no byte reaches the client: hyper meets the body's error before it has flushed the head, and
/// closes the connection.
pub(super) fn broken_connection() -> Response {
    let broken = futures::stream::once(async {
        Err::<bytes::Bytes, _>(std::io::Error::other("a fault dropped the connection"))
    });
    Response::new(Body::from_stream(broken))
}

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

fn xml(code: &str, message: &str) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<Code>{}</Code><Message>{}</Message>", escape(code), escape(message))
}
