//! Errors of AWS and of files as texts for people. The details go to the log.

use sluice_model::{Class, PortError};
use sluice_state::FileError;

use crate::startup::StartupError;

/// The text names only the call and the code.
pub(super) fn aws_error(error: &PortError) -> StartupError {
    tracing::warn!(%error, "AWS");
    let (call, code) = (error.call, &error.code);
    match error.class {
        Class::Denied => StartupError::Permanent(format!("AWS refuses our credentials ({call}: {code})")),
        Class::Invalid | Class::Quota | Class::Conflict | Class::Precondition | Class::Absent => {
            StartupError::Permanent(format!("AWS rejects {call} ({code})"))
        }
        Class::Transient | Class::Throttled | Class::Busy | Class::Ambiguous => {
            StartupError::Temporary(format!("AWS cannot be reached ({call}: {code})"))
        }
    }
}

/// Every error of a file needs a person.
pub(super) fn file_error(error: &FileError) -> StartupError {
    StartupError::Permanent(error.to_string())
}
