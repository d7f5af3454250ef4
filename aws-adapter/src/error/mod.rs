//! Classifies AWS errors as a [`Class`]: by the table of codes and messages (`table.rs`), or by HTTP status if the table
//! does not know the error.
//!
//! The rule for uncertain outcomes: a read without a usable answer is transient, a mutation is ambiguous. A mutation
//! answered with 500, 502 or 504 is ambiguous too, because the service had the request when it failed; 503 is a
//! refusal before any work.

mod table;
#[cfg(test)]
mod tests;

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::error::operation::BuildError;
use sluice_model::{Class, PortError, PortResult};

use crate::call::Call;

/// Converts the SDK's error of a call to a port's error.
pub(crate) fn failed<E>(call: Call) -> impl FnOnce(SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    move |error| {
        let (class, code) = match &error {
            // A success with an unreadable body is not a refusal.
            SdkError::ServiceError(answer) if answer.raw().status().is_success() => {
                (lost_answer(call), "AnswerLost")
            }
            SdkError::ServiceError(answer) => {
                let code = answer.err().code().map(str::to_owned);
                let message = answer.err().message().unwrap_or_default();
                return refused(call, answer.raw(), code, message.to_owned());
            }
            // A proxy answered, not an AWS service.
            SdkError::ResponseError(answer) if !answer.raw().status().is_success() => {
                return refused(call, answer.raw(), None, chain(&error));
            }
            SdkError::ConstructionFailure(_) => (Class::Invalid, "NotSendable"),
            SdkError::TimeoutError(_) => (lost_answer(call), "Timeout"),
            SdkError::DispatchFailure(failure) => {
                undispatched(call, failure.as_connector_error(), failure.is_timeout())
            }
            _ => (lost_answer(call), "AnswerLost"),
        };
        call.error(class, code, chain(&error))
    }
}

fn refused(call: Call, answer: &HttpResponse, code: Option<String>, message: String) -> PortError {
    let status = answer.status().as_u16();
    let code = code.unwrap_or_else(|| format!("Http{status}"));
    PortError::new(call.name, class_of(call, status, &code, &message), code, message)
}

/// Converts an error of the SDK's request builders.
pub(crate) fn unbuildable(call: Call) -> impl FnOnce(BuildError) -> PortError {
    move |error| call.error(Class::Invalid, "NotSendable", chain(&error))
}

/// Returns `None` for an absent resource; other errors stay errors.
pub(crate) fn found<T>(result: PortResult<T>) -> PortResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.class == Class::Absent => Ok(None),
        Err(error) => Err(error),
    }
}

/// Like [`found`], but only for the given codes: if the parent resource is absent, that is an error.
pub(crate) fn found_by<T>(result: PortResult<T>, absent: &[&str]) -> PortResult<Option<T>> {
    match result {
        Err(error) if absent.contains(&error.code.as_str()) => Ok(None),
        other => other.map(Some),
    }
}

/// The class of a call whose answer was lost.
pub(crate) fn lost_answer(call: Call) -> Class {
    if call.mutates { Class::Ambiguous } else { Class::Transient }
}

/// The class of a service's error: from the table, or from the status.
fn class_of(call: Call, status: u16, code: &str, message: &str) -> Class {
    if let Some(class) = table::lookup(call.name, code, message) {
        return class;
    }
    match status {
        401 | 403 => Class::Denied,
        404 => Class::Absent,
        409 => Class::Conflict,
        412 => Class::Precondition,
        429 => Class::Throttled,
        503 => Class::Transient,
        500.. => lost_answer(call),
        _ => Class::Invalid,
    }
}

fn undispatched<E: Error + 'static>(call: Call, error: Option<&E>, timeout: bool) -> (Class, &'static str) {
    let Some(error) = error else { return (lost_answer(call), "AnswerLost") };
    match find::<CredentialsError>(error) {
        // The SDK loads credentials before it sends anything.
        Some(CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_)) => {
            (Class::Transient, "CredentialsUnavailable")
        }
        Some(_) => (Class::Denied, "CredentialsNotLoaded"),
        None if never_sent(error) => (Class::Transient, "Unreachable"),
        None if timeout => (lost_answer(call), "Timeout"),
        None => (lost_answer(call), "AnswerLost"),
    }
}

/// Whether the request was certainly not sent, because there was no connection.
pub(crate) fn never_sent(error: &(dyn Error + 'static)) -> bool {
    find::<hyper_util::client::legacy::Error>(error).is_some_and(|error| error.is_connect())
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|error| error.downcast_ref())
}

fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
