//! The errors of a state file, and SQLite's errors of a read or write: nothing happened, or the outcome is unknown.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Error, ErrorCode};
use sluice_commands::ports::StoreError;

/// Why a state file cannot be used, created or copied. The messages are for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The file does not exist.
    #[error("`{}` does not exist", .0.display())]
    Missing(PathBuf),
    /// The path exists and was not changed.
    #[error("`{}` already exists and was not changed", .0.display())]
    Exists(PathBuf),
    /// The file is from another program or a later version of Sluice.
    #[error("`{}` {why}; it was not changed", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How it differs from a state file.
        why: String,
    },
    /// The file is damaged.
    #[error("`{}` is damaged ({why}); it was not changed", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How the damage shows.
        why: String,
    },
    /// Another process serves the file.
    #[error("`{}` is served by another process ({holder})", .path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// The process.
        holder: String,
    },
    /// The operating system or SQLite refused.
    #[error("`{}` {why}", .path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// The refused call.
        why: String,
    },
}

impl FileError {
    pub(super) fn io(path: &Path, what: &str, error: &io::Error) -> Self {
        Self::Failed { path: path.to_owned(), why: format!("{what}: {error}") }
    }

    pub(super) fn sqlite(path: &Path, what: &str, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => {
                Self::Damaged { path: path.to_owned(), why: error.to_string() }
            }
            _ => Self::Failed { path: path.to_owned(), why: format!("{what}: {error}") },
        }
    }
}

/// Classifies an error outside a commit: a transaction that is not committed wrote nothing.
pub(super) fn classify(what: &str, error: &Error) -> StoreError {
    let why = format!("{what}: {error}");
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(why),
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::SystemIoFailure
            | ErrorCode::OperationInterrupted
            | ErrorCode::FileLockingProtocolFailed,
        ) => StoreError::Again(why),
        Some(_) => StoreError::Refused(why),
        // A column has an unexpected type.
        None => StoreError::Corrupt(why),
    }
}

/// Classifies the error of a commit. Only a lock certainly prevented it: after a failed write or sync the log may have the
/// whole transaction, and the next start would apply it.
pub(super) fn classify_commit(error: &Error) -> StoreError {
    let why = format!("commit: {error}");
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Again(why),
        _ => StoreError::Unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn error(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn only_a_commit_can_leave_an_unknown_outcome() {
        let kinds = |code| (classify("x", &error(code)), classify_commit(&error(code)));
        use StoreError::{Again, Corrupt, Refused, Unknown};
        assert!(matches!(kinds(ffi::SQLITE_BUSY), (Again(_), Again(_))));
        assert!(matches!(kinds(ffi::SQLITE_FULL), (Again(_), Unknown(_))));
        assert!(matches!(kinds(ffi::SQLITE_IOERR_FSYNC), (Again(_), Unknown(_))));
        assert!(matches!(kinds(ffi::SQLITE_CORRUPT), (Corrupt(_), Unknown(_))));
        assert!(matches!(kinds(ffi::SQLITE_READONLY), (Refused(_), Unknown(_))));
        assert!(matches!(classify("x", &Error::InvalidQuery), Corrupt(_)));
    }
}
