//! Backups of a state file, and restoring them.
//!
//! A backup has exactly the transactions committed at one moment, even while other processes write. It is one file without
//! a log, and it has passed the checks of a state file. An existing file is never replaced.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::errors::FileError;
use super::file::{Check, NewFile, connect, read_header, verify};

/// All pages in one step, in one read transaction: smaller steps start over after each write.
const ALL_PAGES: i32 = i32::MAX;
/// The pause before a retry if the file is briefly locked.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Copies the state file `from`, which other processes may be serving, to the new file `to`.
pub(super) fn snapshot(from: &Path, to: &Path) -> Result<(), FileError> {
    read_header(from)?;
    let new = NewFile::beside(to)?;
    copy(from, new.path()).map_err(|error| FileError::sqlite(from, "cannot be copied", &error))?;
    verify(new.path(), Check::Full).map_err(|error| FileError::Failed {
        path: from.to_owned(),
        why: format!("has a damaged copy: {error}"),
    })?;
    new.place(to)
}

fn copy(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let source = connect(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut target: Connection = connect(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    Backup::new(&source, &mut target)?.run_to_completion(ALL_PAGES, RETRY_PAUSE, None)?;
    // The source has a log; the copy must be complete without one.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    target.close().map_err(|(_, error)| error)
}

/// Copies the backup `from` to the new file `to` if the backup is not damaged.
pub(super) fn restore(from: &Path, to: &Path) -> Result<(), FileError> {
    read_header(from)?;
    let new = NewFile::beside(to)?;
    let copied = File::open(from).and_then(|mut source| {
        let mut target = OpenOptions::new().write(true).open(new.path())?;
        std::io::copy(&mut source, &mut target)
    });
    copied.map_err(|error| FileError::io(from, "cannot be copied", &error))?;
    verify(new.path(), Check::Full).map_err(|error| match error {
        FileError::Damaged { why, .. } => FileError::Damaged { path: from.to_owned(), why },
        other => other,
    })?;
    new.place(to)
}
