//! Classifies errors of DynamoDB and of the connection by code: nothing happened, or the outcome is unknown.
//!
//! For an unlisted code, a status in the 400s means that DynamoDB refused the request. Any other error may follow the
//! effect, so its outcome is unknown.

use std::error::Error;
use std::fmt::Write as _;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::CancellationReason;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use sluice_commands::ports::StoreError;

/// DynamoDB did nothing and the caller can retry: it throttles, or another transaction holds an item.
const AGAIN: [&str; 12] = [
    "LimitExceededException",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "ResourceInUseException",
    "ThrottledException",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TransactionConflict",
    "TransactionConflictException",
];

/// Classifies an error of `call` for the caller.
pub(super) fn classify<E>(call: &'static str, error: SdkError<E, HttpResponse>) -> StoreError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if let Some(cancelled) = find::<TransactionCanceledException>(&error) {
        return classify_cancellation(call, cancelled.cancellation_reasons());
    }
    match &error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or_default();
            let status = answer.raw().status().as_u16();
            let why = format!("{call}: {status} {code}: {}", answer.err().message().unwrap_or_default());
            match (code, status) {
                ("ConditionalCheckFailedException", _) => StoreError::Lost(vec![0]),
                // DynamoDB still runs the earlier attempt with this token, whose answer timed out.
                ("TransactionInProgressException", _) => StoreError::Unknown(why),
                (code, status) if AGAIN.contains(&code) || status == 429 => StoreError::Again(why),
                ("ValidationException", _) if is_about_size(&why) => StoreError::TooLarge(why),
                (_, 400..=499) => StoreError::Refused(why),
                _ => StoreError::Unknown(why),
            }
        }
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => classify_unsent(call, &error),
        _ => StoreError::Unknown(format!("{call}: {}", chain(&error))),
    }
}

/// A cancelled transaction wrote nothing and has a reason for each of its writes. A failed condition decides even if
/// another write met a conflict: a retry cannot succeed.
fn classify_cancellation(call: &'static str, reasons: &[CancellationReason]) -> StoreError {
    let code = |reason: &CancellationReason| reason.code().unwrap_or("None").to_owned();
    let lost: Vec<usize> = reasons
        .iter()
        .enumerate()
        .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(index, _)| index)
        .collect();
    if !lost.is_empty() {
        return StoreError::Lost(lost);
    }
    let mut why = format!("{call}: cancelled");
    let mut again = true;
    for (index, reason) in reasons.iter().enumerate().filter(|(_, reason)| code(reason) != "None") {
        let _ = write!(why, ", write {index}: {} {}", code(reason), reason.message().unwrap_or_default());
        again &= AGAIN.contains(&code(reason).as_str());
    }
    match again {
        true => StoreError::Again(why),
        false if is_about_size(&why) => StoreError::TooLarge(why),
        false => StoreError::Refused(why),
    }
}

/// DynamoDB has one code for every invalid request; only its message tells that the request was too large:
/// "Item size has exceeded the maximum allowed size", "Item size to update has exceeded the maximum allowed size",
/// "Transaction request cannot include more than 4 MB".
fn is_about_size(why: &str) -> bool {
    let why = why.to_lowercase();
    why.contains("maximum allowed size") || why.contains("transaction request cannot include more than")
}

/// The SDK's builders check for required parts, which are always set here.
pub(super) fn incomplete(error: BuildError) -> StoreError {
    StoreError::Refused(error.to_string())
}

/// There was no answer. If the request certainly was not sent, nothing happened.
fn classify_unsent(call: &'static str, error: &(dyn Error + 'static)) -> StoreError {
    let why = format!("{call}: {}", chain(error));
    match find::<CredentialsError>(error) {
        Some(CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)) => {
            return StoreError::Refused(why);
        }
        Some(_) => return StoreError::Again(why),
        None => {}
    }
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    if find::<io::Error>(error).is_some_and(refused) {
        StoreError::Again(why)
    } else {
        StoreError::Unknown(why)
    }
}

/// The first error of type `T` among an error and its causes.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The error and its causes in one line; the SDK's own text names only the outermost error.
fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}
