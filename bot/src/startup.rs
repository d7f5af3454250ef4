//! Why a subcommand cannot start or finish, and the lines of `sluice check`. Their texts are shown to people, so they
//! contain no internals and no secrets.

/// Why something cannot start or finish, by what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StartupError {
    /// Waiting does not help: somebody has to change something.
    Permanent(String),
    /// It may work later: the service cannot be reached, or throttles.
    Temporary(String),
}

impl StartupError {
    /// The text for people.
    pub(crate) fn message(&self) -> &str {
        match self {
            StartupError::Permanent(message) | StartupError::Temporary(message) => message,
        }
    }
}

/// A line of `sluice check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckResult {
    /// The subject of the check.
    pub(crate) name: &'static str,
    pub(crate) status: CheckStatus,
    /// The outcome as a text, with the next step.
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckStatus {
    /// In order.
    Ok,
    /// It works today, but badly or close to a limit.
    Warning,
    /// Missing or wrong.
    Failed,
}

impl CheckResult {
    /// `Ok` if the outcome is, else `Failed`.
    pub(crate) fn new(name: &'static str, outcome: Result<String, String>) -> Self {
        match outcome {
            Ok(message) => Self::ok(name, message),
            Err(message) => Self::failed(name, message),
        }
    }

    pub(crate) fn ok(name: &'static str, message: String) -> Self {
        Self { name, status: CheckStatus::Ok, message }
    }

    pub(crate) fn warning(name: &'static str, message: String) -> Self {
        Self { name, status: CheckStatus::Warning, message }
    }

    pub(crate) fn failed(name: &'static str, message: String) -> Self {
        Self { name, status: CheckStatus::Failed, message }
    }
}
