//! Answers and refusals in the query protocol.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::aws::strict::Rule;
use crate::calls::{Protocol, RefusedByRule};

pub fn done(method: &str) -> Response {
    answered(method, "")
}

pub fn answered(method: &str, result: &str) -> Response {
    let body = format!("<{method}Response><{method}Result>{result}</{method}Result></{method}Response>");
    ([("content-type", "text/xml")], body).into_response()
}

pub fn invalid(message: &str) -> Box<Response> {
    refuse("ValidationError", message)
}

pub fn refuse(code: &str, message: &str) -> Box<Response> {
    let mut response = Protocol::Query.error(StatusCode::BAD_REQUEST, code, message);
    response.extensions_mut().insert(RefusedByRule(Rule::Stacks.name()));
    Box::new(response)
}
