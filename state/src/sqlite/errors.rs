//! SQLite's errors, classified: whether nothing happened, or nobody knows.

use rusqlite::{Error, ErrorCode};
use sluice_commands::ports::StoreError;

/// What an error of anything but a commit means: a transaction that is not committed wrote nothing.
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
        // A column of another type than we write.
        None => StoreError::Corrupt(why),
    }
}

/// What the error of a commit means. Only a lock in the way is known to have stopped it: after a failed write or sync
/// the log may hold all of it, and the next start would find it there.
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
