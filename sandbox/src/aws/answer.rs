//! Answers of the services that the sandbox implements itself (CodeCommit, CodeBuild), in the JSON protocol.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use crate::calls::Protocol;

/// A service's error: AWS answers 400 to nearly all of them.
#[derive(Debug, Clone)]
pub struct ServiceError {
    pub code: &'static str,
    pub message: String,
}

pub type ServiceResult = Result<Value, ServiceError>;

impl ServiceError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub fn internal(error: impl std::fmt::Display) -> Self {
        Self::new("InternalServiceException", error.to_string())
    }
}

/// The HTTP response to a call.
pub fn service_answer(result: ServiceResult) -> Response {
    match result {
        Ok(body) => {
            let mut response = Response::new(Body::from(body.to_string()));
            let kind = HeaderValue::from_static("application/x-amz-json-1.1");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(error) => Protocol::AwsJson.error(StatusCode::BAD_REQUEST, error.code, &error.message),
    }
}

/// Seconds since 1970 with fractions, as the JSON protocols write times.
pub fn epoch(time: jiff::Timestamp) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit")]
    let seconds = time.as_millisecond() as f64 / 1000.0;
    json!(seconds)
}

/// A random UUID, version 4.
pub fn uuid() -> String {
    let hex = format!("{:032x}", rand::random::<u128>());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
