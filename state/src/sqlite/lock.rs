//! The lock that lets one process at a time serve a state file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::errors::FileError;
use super::file::{OWNER_ONLY, beside};

/// The lock of the process that serves a state file. It is an advisory lock on `PATH-lock`, which the operating system
/// releases whenever the process ends. The lock file remains and names the last holder. The state file itself is not
/// locked, because closing it would release SQLite's own locks.
#[derive(Debug)]
pub struct SqliteLock {
    _file: File,
}

impl SqliteLock {
    /// Acquires the lock, or fails with its holder.
    pub fn acquire(path: &Path) -> Result<Self, FileError> {
        let name = beside(path, "-lock");
        let failed = |error: io::Error| FileError::io(&name, "cannot be locked", &error);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(OWNER_ONLY);
        let mut file = options.open(&name).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let is_named = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
                let holder = if is_named { holder.trim().to_owned() } else { "unknown".to_owned() };
                return Err(FileError::Held { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "process {}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}
