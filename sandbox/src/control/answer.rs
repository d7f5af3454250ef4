//! Requests and answers of the control API.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::slack::DeliveryError;

pub struct ControlError(pub StatusCode, pub String);

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        (self.0, axum::Json(json!({"error": self.1}))).into_response()
    }
}

impl From<DeliveryError> for ControlError {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::BadRequest(what) => bad(what),
            DeliveryError::NotFound(what) => not_found(what),
        }
    }
}

pub type Answer = Result<axum::Json<Value>, ControlError>;

/// A 400 error.
pub fn bad(what: impl ToString) -> ControlError {
    ControlError(StatusCode::BAD_REQUEST, what.to_string())
}

/// Reads a JSON body with any content type, because `curl -d` sends a form type.
pub fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(bad)
}

/// A 404 error.
pub fn not_found(what: impl ToString) -> ControlError {
    ControlError(StatusCode::NOT_FOUND, what.to_string())
}
