//! Errors of ports, classified once by code. Nothing above an adapter reads a message to decide.
//!
//! A [`PortError`] is for the log and for the engine's judgement. What a person reads is made from its `call`, `class` and
//! `code`; of `detail`, which may hold internals, only [`PortError::sentence`], and only where it is the diagnosis.

mod quota;
mod sentence;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Refusal;

pub use quota::quota;
pub use sentence::shown;

/// What kind of trouble a call met, and so whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The service failed or could not be reached before it got the request; the same call may succeed later.
    Transient,
    /// The service asks for fewer calls; the same call will succeed later.
    Throttled,
    /// Refused, certainly without effect, because another change has to end first: an update in progress, a role that is not
    /// known everywhere yet. The same call will succeed later.
    Busy,
    /// Something of that name exists already. Control planes also say so, or [`Class::Absent`], of what was made or removed a
    /// moment ago, so it counts only once it has been said for a while.
    Conflict,
    /// A precondition of the call did not hold (`RevisionId`, `If-None-Match`, `CodeSha256`): somebody was first.
    Precondition,
    /// What the call names does not exist.
    Absent,
    /// The credentials may not do this.
    Denied,
    /// The call can never succeed as it is: a wrong value, an unsupported feature.
    Invalid,
    /// A quota of the account is reached. Nothing changes until somebody removes something or has the quota raised.
    Quota,
    /// The request may or may not have taken effect: its answer was lost. Observe before anything else.
    Ambiguous,
}

impl Class {
    /// Whether the same call, unchanged, may succeed later.
    pub fn can_retry(self) -> bool {
        matches!(self, Class::Transient | Class::Throttled | Class::Busy | Class::Ambiguous)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Transient => "transient",
            Class::Throttled => "throttled",
            Class::Busy => "busy",
            Class::Conflict => "conflict",
            Class::Precondition => "precondition",
            Class::Absent => "absent",
            Class::Denied => "denied",
            Class::Invalid => "invalid",
            Class::Quota => "quota",
            Class::Ambiguous => "ambiguous",
        })
    }
}

/// What went wrong with one call through a port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {class} ({code}): {detail}")]
pub struct PortError {
    /// The call as IAM and the documentation name it: `lambda:UpdateAlias`.
    pub call: &'static str,
    /// What kind of trouble it is.
    pub class: Class,
    /// The service's own stable code, as `ResourceConflictException`; `Unreachable` or `Timeout` where there is none.
    pub code: String,
    /// The service's message: for the log. What of it people may read is [`PortError::sentence`].
    pub detail: String,
    /// When to try again, if the call was not sent: then the wait does not grow with each try.
    pub retry_after: Option<Duration>,
}

/// Codes of answers that the adapter does not understand, or of requests that it would not send.
const NOT_UNDERSTOOD: &[&str] =
    &["IncompleteAnswer", "UnknownStatus", "UnreadableCommitId", "UnreadablePolicy"];

impl PortError {
    /// A part of a sentence for people: "lambda:GetAlias failed (TooManyRequestsException)".
    pub fn brief(&self) -> String {
        format!("{} failed ({})", self.call, self.code)
    }

    /// The refusal for a failed call. It contains the service's own sentence if that is the diagnosis.
    pub fn refusal(&self) -> Refusal {
        let PortError { call, class, code, .. } = self;
        // `Http…`: the answer is not from the service but from something on the way.
        let said = if code.starts_with("Http") { String::new() } else { self.sentence() };
        let said = if said.is_empty() { said } else { format!(" AWS says: {said}.") };
        let (problem, hint) = match class {
            Class::Denied => (
                format!("AWS denied Sluice the call {call} ({code})."),
                "Allow the call for the credentials of Sluice, then run the command again.".to_owned(),
            ),
            Class::Conflict | Class::Precondition => (
                format!("{call} found a change by somebody else ({code})."),
                "Check who changed it, then run the command again.".to_owned(),
            ),
            Class::Absent => (
                format!("{call} did not find a resource that it needs ({code})."),
                "It may have been deleted outside Sluice. Run the command again to create it.".to_owned(),
            ),
            Class::Invalid if NOT_UNDERSTOOD.contains(&code.as_str()) => (
                format!("Sluice does not understand the answer of AWS to {call} ({code})."),
                "The details are in the log of Sluice. Run the command again; if it fails the same way, Sluice needs an update."
                    .to_owned(),
            ),
            Class::Invalid => (
                format!("AWS refused {call} ({code}).{said}"),
                "Fix the cause, then run the command again. The whole message is in the log of Sluice.".to_owned(),
            ),
            Class::Quota => {
                let (name, hint) = quota(call);
                (
                    format!("AWS refused {call} ({code}): {name} is used up.{said}"),
                    format!("{hint}. Then run the command again."),
                )
            }
            Class::Busy => (
                format!("{call} was refused repeatedly because another change was in progress ({code})."),
                "Check in AWS what is being changed, and run the command again afterwards.".to_owned(),
            ),
            Class::Transient | Class::Throttled | Class::Ambiguous => (
                format!("{call} kept failing ({code})."),
                "AWS is having problems. Try again once it has recovered.".to_owned(),
            ),
        };
        Refusal::new(&format!("aws-{class}"), problem, hint)
    }

    /// An error that no service gave: used by adapters for what they find wrong in an answer.
    pub fn new(call: &'static str, class: Class, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { call, class, code: code.into(), detail: detail.into(), retry_after: None }
    }

    /// The first line of the service's message, with the list that it announces, as people may read it: one short line, with names
    /// instead of ARNs, and without account ids. Empty if there is none.
    pub fn sentence(&self) -> String {
        sentence::shown(&self.detail)
    }
}

/// The result of a call through a port.
pub type PortResult<T> = Result<T, PortError>;
