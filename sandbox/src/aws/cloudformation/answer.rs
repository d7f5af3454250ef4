//! Answers and refusals in the query protocol.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::aws::strict::Rule;
use crate::calls::{Protocol, RefusedByRule};

pub type Refusable<T> = Result<T, Box<Response>>;

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

/// Refuses a change set that does not fit the stack's status.
pub fn permitted(creates: bool, name: &str, set: &str, stack: Option<&(String, String)>) -> Refusable<()> {
    let Some((id, status)) = stack else {
        return match creates {
            true => Ok(()),
            false => Err(invalid(&format!("Stack [{name}] does not exist"))),
        };
    };
    let updatable = [
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    ];
    match (creates, status.as_str()) {
        (true, "REVIEW_IN_PROGRESS") => Ok(()),
        (true, status) if updatable.contains(&status) => Err(invalid(&format!(
            "Stack [{name}] already exists and cannot be created again with the changeSet [{set}]."
        ))),
        (false, status) if updatable.contains(&status) => Ok(()),
        (_, status) => Err(invalid(&format!("Stack:{id} is in {status} state and can not be updated."))),
    }
}
