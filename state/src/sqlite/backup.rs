//! Copies of a state: taken while others write, verified before they count, and put in place of what is missing.
//!
//! What it guarantees: a copy holds what was committed at one moment, no transaction in part. It is one file, needs no log
//! beside it, and has passed the same look that a state must pass before it is served. What is there is never replaced.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::file::{FileError, Look, NewFile, connect, read_header, verify};

/// All pages in one step, in one read transaction: smaller steps would begin again whenever somebody writes.
const ALL_PAGES: i32 = i32::MAX;
/// If the file is locked for a moment.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// Copies the state of `from`, which others may be serving, to the new file `to`.
pub(super) fn snapshot(from: &Path, to: &Path) -> Result<(), FileError> {
    read_header(from)?;
    let new = NewFile::beside(to)?;
    copy(from, new.path()).map_err(|error| FileError::sqlite(from, "cannot be copied", &error))?;
    verify(new.path(), Look::Thorough).map_err(|error| FileError::Failed {
        path: from.to_owned(),
        why: format!("gives a copy that is not whole: {error}"),
    })?;
    new.place(to)
}

fn copy(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let source = connect(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut target: Connection = connect(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    Backup::new(&source, &mut target)?.run_to_completion(ALL_PAGES, BETWEEN_TRIES, None)?;
    // The source keeps a log, the copy is to be whole without one.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    target.close().map_err(|(_, error)| error)
}

/// Copies the backup `from`, if it is whole, to the place `to`, where nothing is.
pub(super) fn restore(from: &Path, to: &Path) -> Result<(), FileError> {
    read_header(from)?;
    let new = NewFile::beside(to)?;
    let copied = File::open(from).and_then(|mut source| {
        let mut target = OpenOptions::new().write(true).open(new.path())?;
        std::io::copy(&mut source, &mut target)
    });
    copied.map_err(|error| FileError::io(from, "cannot be copied", &error))?;
    verify(new.path(), Look::Thorough).map_err(|error| match error {
        FileError::Damaged { why, .. } => FileError::Damaged { path: from.to_owned(), why },
        other => other,
    })?;
    new.place(to)
}
