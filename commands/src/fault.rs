//! Errors of the world, classified once by code, so that nobody above an adapter reads a message to decide.
//!
//! A [`PortError`] is for the log and for the engine's judgement; what a person reads is made from its `call`, `class`
//! and `code` alone, never from `detail`, which may hold internals.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of trouble a call met, and so whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The service failed or could not be reached before it got the request; the same call may succeed later.
    Transient,
    /// The service asks for fewer calls; the same call will succeed later.
    Throttled,
    /// A precondition did not hold, or something of that name exists already, or a change is in progress.
    Conflict,
    /// What the call names does not exist.
    Absent,
    /// The credentials may not do this.
    Denied,
    /// The call can never succeed as it is: a wrong value, a limit, an unsupported feature.
    Invalid,
    /// The request may or may not have taken effect: its answer was lost. Observe before anything else.
    Ambiguous,
}

impl Class {
    /// Whether the same call, unchanged, may succeed later.
    pub fn can_retry(self) -> bool {
        matches!(self, Class::Transient | Class::Throttled | Class::Ambiguous)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Transient => "transient",
            Class::Throttled => "throttled",
            Class::Conflict => "conflict",
            Class::Absent => "absent",
            Class::Denied => "denied",
            Class::Invalid => "invalid",
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
    /// The service's message: for the log, not for the channel.
    pub detail: String,
}

impl PortError {
    /// An error that no service gave: used by adapters for what they find wrong in an answer.
    pub fn new(call: &'static str, class: Class, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { call, class, code: code.into(), detail: detail.into() }
    }
}

/// The result of a call through a port.
pub type PortResult<T> = Result<T, PortError>;
