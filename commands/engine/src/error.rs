//! Why an operation or one of its steps makes no progress.

use crate::ports::StoreError;
use sluice_model::{PortError, Refusal};

/// The code for missing access of Sluice to the store.
pub(crate) const NO_ACCESS: &str = "no-access";
/// The code for records that are too large for the store.
pub(crate) const TOO_LARGE: &str = "too-large";

/// Why a step made no progress.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// A call through a port failed. Its class shows whether a retry can help.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The store failed; always retried.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It can never succeed.
    #[error("{}: {}", .0.code, .0.problem)]
    Refused(Refusal),
    /// A newer version of Sluice recorded it in a way that this version does not read.
    #[error("newer than this version: {0}")]
    Newer(String),
    /// Whether it was recorded could not be found out.
    #[error("it is not known whether it was recorded")]
    Unconfirmed,
    /// The record is invalid.
    #[error("corrupt: {0}")]
    Corrupt(String),
}

impl EngineError {
    /// Whether the step may be retried as it is.
    pub fn can_retry(&self) -> bool {
        match self {
            EngineError::Port(error) => error.class.can_retry(),
            EngineError::Store(error) => !matches!(error, StoreError::Corrupt(_) | StoreError::TooLarge(_)),
            EngineError::Refused(_)
            | EngineError::Newer(_)
            | EngineError::Unconfirmed
            | EngineError::Corrupt(_) => false,
        }
    }

    /// Whether a record is invalid here, so this process cannot continue from it.
    pub fn is_corrupt(&self) -> bool {
        matches!(
            self,
            EngineError::Corrupt(_) | EngineError::Newer(_) | EngineError::Store(StoreError::Corrupt(_))
        )
    }

    /// Whether the store denies access, so a retry in a minute cannot help: an admin must give Sluice access.
    pub fn needs_access(&self) -> bool {
        matches!(self, EngineError::Store(StoreError::Refused(_)))
    }

    /// Whether the cause is the content of a record, not the connection to the store.
    pub fn is_of_what_is_recorded(&self) -> bool {
        self.is_corrupt() || matches!(self, EngineError::Store(StoreError::TooLarge(_)))
    }

    /// The refusal for people, without internals.
    pub fn refusal(&self) -> Refusal {
        match self {
            EngineError::Refused(refusal) => refusal.clone(),
            EngineError::Port(error) => error.refusal(),
            EngineError::Store(StoreError::TooLarge(_)) => Refusal::new(
                TOO_LARGE,
                "The result is larger than Sluice can store (400 KB for a step or record).",
                "The sizes are in the log of Sluice.",
            ),
            EngineError::Newer(_) => Refusal::new(
                "newer-record",
                "It was recorded by a newer version of Sluice than the one that runs.",
                "Start the newer version again.",
            ),
            EngineError::Store(StoreError::Corrupt(_)) => corrupt_record(),
            EngineError::Store(StoreError::Refused(_)) => Refusal::new(
                NO_ACCESS,
                "Sluice has no access to its records.",
                "Ask an admin to run `sluice check`, which lists what is missing. Then run the command again.",
            ),
            EngineError::Store(_) | EngineError::Unconfirmed => Refusal::new(
                "store",
                "The state of Sluice could not be read or written.",
                "Run the command again in a minute.",
            ),
            EngineError::Corrupt(_) => corrupt_record(),
        }
    }
}

fn corrupt_record() -> Refusal {
    Refusal::new(
        "corrupt-record",
        "This version of Sluice cannot read a record of this operation.",
        "Contact an admin. The log of Sluice names the record.",
    )
}
