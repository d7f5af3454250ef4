//! Lambda's refusals.

use axum::http::StatusCode;
use axum::response::Response;

use super::super::account::arn;
use super::super::strict::Refusal;
use crate::calls::Protocol;

/// An answer, or a refusal.
pub type Refusable<T> = Result<T, Box<Response>>;

pub fn refuse(status: StatusCode, code: &str, message: &str) -> Box<Response> {
    Box::new(Protocol::RestJson.error(status, code, message))
}

pub fn not_found(function: &str) -> Box<Response> {
    let message = format!("Function not found: {}", arn("lambda", &format!("function:{function}")));
    refuse(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message)
}

pub fn refused(refusal: Refusal) -> Box<Response> {
    Box::new(refusal.response(Protocol::RestJson))
}
