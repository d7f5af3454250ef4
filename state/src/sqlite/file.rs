//! Creates and checks the state file.
//!
//! A file that is damaged, foreign or from a later version of Sluice is refused before a byte of it changes, and an
//! existing file is never replaced. A file gets its name only when it is complete and on the disk. Only its owner can read
//! and write it.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::errors::FileError;

/// `SLUC` in the header identifies a state file of Sluice. It must never change.
pub(super) const APPLICATION_ID: u32 = 0x534c_5543;
/// The version of [`SCHEMA`]. A later version needs a migration from each earlier one.
pub(super) const SCHEMA_VERSION: u32 = 1;
/// How long a connection waits for another process to release the file's write lock. `init` holds it briefly.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const OWNER_ONLY: u32 = 0o600;

/// Rows of a partition are stored in the order of their sort keys, so a query reads adjacent rows. The indexes `due` and
/// `expiry` only have items that are due or expire. The short columns precede the body, so a condition needs no overflow
/// pages of a large body. Triggers keep every program that opens the file from changing or deleting audit records.
const SCHEMA: &str = "
    CREATE TABLE items (
        pk TEXT NOT NULL, sk TEXT NOT NULL, v INTEGER NOT NULL, du INTEGER, ttl INTEGER, g TEXT NOT NULL, b TEXT NOT NULL,
        PRIMARY KEY (pk, sk)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX due ON items (du) WHERE du IS NOT NULL;
    CREATE INDEX expiry ON items (ttl) WHERE ttl IS NOT NULL;
    CREATE TABLE audit (
        pk TEXT NOT NULL, sk TEXT NOT NULL, v INTEGER NOT NULL, b TEXT NOT NULL, PRIMARY KEY (pk, sk)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END;
    CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'audit records are never deleted'); END;
    CREATE TABLE tokens (token TEXT PRIMARY KEY, digest BLOB NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX tokens_by_time ON tokens (at);
";

/// Creates an empty state file. Fails if the path exists, or if the log of an earlier file does.
pub(super) fn create(path: &Path) -> Result<(), FileError> {
    must_not_exist(path)?;
    let new = NewFile::beside(path)?;
    let failed = |error: rusqlite::Error| FileError::sqlite(path, "cannot be created", &error);
    let connection = connect(new.path(), OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    connection
        .execute_batch(&format!(
            "PRAGMA page_size = 8192; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};
             BEGIN; {SCHEMA} COMMIT;"
        ))
        .map_err(failed)?;
    connection.close().map_err(|(_, error)| failed(error))?;
    new.place(path)
}

/// How thoroughly a file is checked. Both levels read the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// At a start: every page, and the due index against its table. An operation missing from that index would never
    /// resume.
    Start,
    /// For a copy, which delays nobody: also every index against its table.
    Full,
}

/// Fails with what is wrong with a file. Writes nothing to it.
pub(super) fn verify(path: &Path, check: Check) -> Result<(), FileError> {
    read_header(path)?;
    let failed = |error: rusqlite::Error| FileError::sqlite(path, "cannot be read", &error);
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let damaged = |why: String| FileError::Damaged { path: path.to_owned(), why };
    let verdict: String = connection.query_row(check.pragma(), [], |row| row.get(0)).map_err(failed)?;
    if verdict != "ok" {
        return Err(damaged(verdict));
    }
    for table in [
        "SELECT pk, sk, v, du, ttl, g, b FROM items",
        "SELECT pk, sk, v, b FROM audit",
        "SELECT token, digest, at FROM tokens",
    ] {
        connection.prepare(table).map_err(|error| damaged(error.to_string()))?;
    }
    // The plus keeps SQLite from using an index; it ignores `NOT INDEXED` for a table without row ids.
    let by_table = due_items(&connection, "SELECT du, pk, sk FROM items WHERE +du IS NOT NULL");
    let by_index = due_items(&connection, "SELECT du, pk, sk FROM items INDEXED BY due WHERE du IS NOT NULL");
    match by_table.map_err(failed)? == by_index.map_err(failed)? {
        true => Ok(()),
        false => Err(damaged("the due index differs from its table".into())),
    }
}

impl Check {
    fn pragma(self) -> &'static str {
        match self {
            Self::Start => "PRAGMA quick_check(1)",
            Self::Full => "PRAGMA integrity_check(1)",
        }
    }
}

/// Reads the due items from the table or from its index. They are few: only open operations are due.
fn due_items(connection: &Connection, sql: &str) -> rusqlite::Result<BTreeSet<(i64, String, String)>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// Checks that the file exists and that its header identifies it as a state file. This runs before SQLite opens the file,
/// because SQLite takes an empty file for a new database.
pub(super) fn read_header(path: &Path) -> Result<(), FileError> {
    let unreadable = |error: io::Error| FileError::io(path, "cannot be read", &error);
    let foreign = |why: String| Err(FileError::Foreign { path: path.to_owned(), why });
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            must_not_exist(path)?;
            return Err(FileError::Missing(path.to_owned()));
        }
        Err(error) => return Err(unreadable(error)),
    };
    if !file.metadata().map_err(unreadable)?.is_file() {
        return foreign("is not a regular file".into());
    }
    let mut header = [0; 100];
    match file.read_exact(&mut header) {
        Ok(()) if header.starts_with(b"SQLite format 3\0") => {}
        Ok(()) => return foreign("is not an SQLite database, or its header is damaged".into()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return foreign("is not an SQLite database: it is empty or truncated".into());
        }
        Err(error) => return Err(unreadable(error)),
    }
    // Big-endian numbers at these offsets: https://sqlite.org/fileformat2.html
    let number = |at: usize| {
        header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
    };
    if number(68) != APPLICATION_ID {
        return foreign("is a database of another program".into());
    }
    match number(60) {
        SCHEMA_VERSION => Ok(()),
        version => foreign(format!(
            "has schema version {version}, but this version of Sluice supports only version {SCHEMA_VERSION}"
        )),
    }
}

/// Opens a connection with the settings of all connections. Never creates a file.
pub(super) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // FULL: the log is on the disk before a commit returns. The cache has at most 8 MB of pages per connection.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
         PRAGMA cache_size = -8192;",
    )?;
    Ok(connection)
}

/// Restricts the file and SQLite's files beside it to their owner.
pub(super) fn keep_private(path: &Path) -> Result<(), FileError> {
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        let Ok(metadata) = file.metadata() else { continue };
        if metadata.permissions().mode() & 0o777 != OWNER_ONLY {
            std::fs::set_permissions(&file, Permissions::from_mode(OWNER_ONLY))
                .map_err(|error| FileError::io(&file, "cannot be made private", &error))?;
        }
    }
    Ok(())
}

/// Fails if the file or its log exists. SQLite would apply a leftover log to a new file with the same name.
fn must_not_exist(path: &Path) -> Result<(), FileError> {
    if path.symlink_metadata().is_ok() {
        return Err(FileError::Exists(path.to_owned()));
    }
    let log = beside(path, "-wal");
    if log.symlink_metadata().is_ok() {
        let why = format!(
            "is missing, but its log `{}` exists: restore the file, or move the log away",
            log.display()
        );
        return Err(FileError::Failed { path: path.to_owned(), why });
    }
    Ok(())
}

/// A file with a temporary name until it is complete. Dropping it removes the temporary files.
pub(super) struct NewFile {
    path: PathBuf,
}

impl NewFile {
    /// Creates an empty file in the folder of `path`.
    pub(super) fn beside(path: &Path) -> Result<Self, FileError> {
        // The random keys of the standard library's hasher suffice for a name.
        let new = beside(path, &format!(".{:016x}.tmp", RandomState::new().hash_one(())));
        let created = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&new);
        created.map_err(|error| FileError::io(path, "cannot be created", &error))?;
        Ok(Self { path: new })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs the file and links it under its name, or fails if the name exists. A rename would replace an existing file.
    pub(super) fn place(self, path: &Path) -> Result<(), FileError> {
        must_not_exist(path)?;
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
            _ => FileError::io(path, "cannot be linked", &error),
        };
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(failed)?;
        std::fs::hard_link(&self.path, path).map_err(failed)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let _ = std::fs::remove_file(beside(&self.path, suffix));
        }
    }
}

/// `path` with a suffix.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
