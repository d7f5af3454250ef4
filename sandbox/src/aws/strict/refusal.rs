//! A rule's answer instead of the service's.

use axum::http::StatusCode;
use axum::response::Response;

use super::rules::Rule;
use crate::calls::{Protocol, RefusedByRule};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub rule: Rule,
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(rule: Rule, status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { rule, status, code, message: message.into() }
    }

    pub fn response(&self, protocol: Protocol) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = protocol.error(status, self.code, &self.message);
        response.extensions_mut().insert(RefusedByRule(self.rule.name()));
        response
    }
}
