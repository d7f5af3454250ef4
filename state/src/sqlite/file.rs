//! The file: what makes it ours, making it, and looking at it before anything is done with it.
//!
//! What it guarantees: a file that is damaged, foreign or of a later Sluice is refused before a byte of it changes, and
//! nothing is ever put in the place of a file that is there. A file appears under its name only when it is whole and on
//! the disk, readable and writable by its owner alone.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// `SLUC`: by it the file is known as a state of Sluice's. It may never change.
pub(super) const APPLICATION_ID: u32 = 0x534c_5543;
/// The tables as they are below. A later one comes with the steps from each earlier one to it.
pub(super) const SCHEMA_VERSION: u32 = 2;
/// How long another process may hold the file's write lock before we give up: `init` holds it for a moment.
const BUSY: Duration = Duration::from_secs(5);
const OWNER_ONLY: u32 = 0o600;

/// Rows of a partition stand side by side in the order of their sort keys, so that a page of them is one walk. The due
/// and the expiry index hold nothing but what is due or expires. `g` and what is short come before the body: a condition
/// is compared without reading a body that spills out of its page. Audit records are never changed or deleted by anybody who has the
/// file open.
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

/// Why a file of state cannot be used, made or copied. The words are for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is none.
    #[error("there is no file `{}`", .0.display())]
    Missing(PathBuf),
    /// There is something of that name already, and nothing of it was changed.
    #[error("`{}` is there already and was left as it is", .0.display())]
    Exists(PathBuf),
    /// It is not a state of this Sluice: another program's, or a later Sluice's.
    #[error("`{}` {why}; it was left as it is", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// It is damaged.
    #[error("`{}` is damaged ({why}); it was left as it is", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// Another process serves it.
    #[error("`{}` is served by another process ({holder})", .path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// The process.
        holder: String,
    },
    /// The system or SQLite refused.
    #[error("`{}` {why}", .path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What was refused.
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

/// The right to serve a file, for one process at a time: an advisory lock on `PATH-lock`, which the system takes back
/// when the process ends, however it ends. The lock file stays; it says who held the lock last. It is not the file
/// itself that is locked, because closing it would take away the locks that SQLite keeps there.
#[derive(Debug)]
pub struct SqliteLock {
    _held: File,
}

impl SqliteLock {
    /// Takes the lock, or says who has it.
    pub fn take(path: &Path) -> Result<Self, FileError> {
        let name = beside(path, "-lock");
        let failed = |error: io::Error| FileError::io(&name, "cannot be locked", &error);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(OWNER_ONLY);
        let mut file = options.open(&name).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let told = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
                let holder = if told { holder.trim().to_owned() } else { "unknown".to_owned() };
                return Err(FileError::Held { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "process {}", std::process::id()).map_err(failed)?;
        Ok(Self { _held: file })
    }
}

/// Makes an empty state. Refused if there is anything of that name, or something is left of a state that was there.
pub(super) fn create(path: &Path) -> Result<(), FileError> {
    nothing_is_there(path)?;
    let new = NewFile::beside(path)?;
    let failed = |error: rusqlite::Error| FileError::sqlite(path, "cannot be made", &error);
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

/// How closely a file is looked at. Both read all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// At a start: every page, and the index of what is due against its table. An operation that is not in that index
    /// would never be carried on.
    AtStart,
    /// Of a copy, off everybody's path: every index against its table, too.
    Thorough,
}

/// Says what is wrong with a file. Writes nothing into it.
pub(super) fn verify(path: &Path, look: Look) -> Result<(), FileError> {
    read_header(path)?;
    let failed = |error: rusqlite::Error| FileError::sqlite(path, "cannot be read", &error);
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let damaged = |why: String| FileError::Damaged { path: path.to_owned(), why };
    let verdict: String = connection.query_row(look.pragma(), [], |row| row.get(0)).map_err(failed)?;
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
    // With the plus it is no term for an index: `NOT INDEXED` is not heeded in a table without row ids.
    let by_table = due_items(&connection, "SELECT du, pk, sk FROM items WHERE +du IS NOT NULL");
    let by_index = due_items(&connection, "SELECT du, pk, sk FROM items INDEXED BY due WHERE du IS NOT NULL");
    match by_table.map_err(failed)? == by_index.map_err(failed)? {
        true => Ok(()),
        false => Err(damaged("the index of what is due differs from its table".into())),
    }
}

impl Look {
    fn pragma(self) -> &'static str {
        match self {
            Self::AtStart => "PRAGMA quick_check(1)",
            Self::Thorough => "PRAGMA integrity_check(1)",
        }
    }
}

/// What is due and when, read from the table or from its index. There are few: only open operations are due.
fn due_items(connection: &Connection, sql: &str) -> rusqlite::Result<BTreeSet<(i64, String, String)>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// Whether the file is there and says in its first bytes that it is ours. SQLite has not touched it yet: opened, it would
/// take an empty file for a new database.
pub(super) fn read_header(path: &Path) -> Result<(), FileError> {
    let unreadable = |error: io::Error| FileError::io(path, "cannot be read", &error);
    let foreign = |why: String| Err(FileError::Foreign { path: path.to_owned(), why });
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            nothing_is_there(path)?;
            return Err(FileError::Missing(path.to_owned()));
        }
        Err(error) => return Err(unreadable(error)),
    };
    if !file.metadata().map_err(unreadable)?.is_file() {
        return foreign("is no file".into());
    }
    let mut header = [0; 100];
    match file.read_exact(&mut header) {
        Ok(()) if header.starts_with(b"SQLite format 3\0") => {}
        Ok(()) => return foreign("is no SQLite database, or its beginning is damaged".into()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return foreign("is no SQLite database: it is empty, or was cut off".into());
        }
        Err(error) => return Err(unreadable(error)),
    }
    // Big-endian numbers at these offsets, as https://sqlite.org/fileformat2.html has it.
    let number = |at: usize| {
        header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
    };
    if number(68) != APPLICATION_ID {
        return foreign("is another program's database".into());
    }
    match number(60) {
        SCHEMA_VERSION => Ok(()),
        version => foreign(format!(
            "has schema version {version}, and this Sluice knows version {SCHEMA_VERSION} alone"
        )),
    }
}

/// A connection with the settings that all of ours have. Never makes a file.
pub(super) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    // FULL: the log is on the disk before a commit returns. 8 MB of pages at the most for each connection.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
         PRAGMA cache_size = -8192;",
    )?;
    Ok(connection)
}

/// Takes everybody's rights but the owner's from the file and what SQLite keeps beside it.
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

/// Neither the file nor the log of one: a log that is left would be played into the next file of that name.
fn nothing_is_there(path: &Path) -> Result<(), FileError> {
    if path.symlink_metadata().is_ok() {
        return Err(FileError::Exists(path.to_owned()));
    }
    let log = beside(path, "-wal");
    if log.symlink_metadata().is_ok() {
        let why = format!(
            "is missing, but its log `{}` is there: put the file back, or move the log away",
            log.display()
        );
        return Err(FileError::Failed { path: path.to_owned(), why });
    }
    Ok(())
}

/// A file under a name of its own, until it is whole. Dropped before, it is gone.
pub(super) struct NewFile {
    path: PathBuf,
}

impl NewFile {
    /// An empty one in the folder of `path`.
    pub(super) fn beside(path: &Path) -> Result<Self, FileError> {
        // The standard library's per-instance random keys: enough randomness for a name, and no dependency.
        let new = beside(path, &format!(".{:016x}.tmp", RandomState::new().hash_one(())));
        let made = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&new);
        made.map_err(|error| FileError::io(path, "cannot be made", &error))?;
        Ok(Self { path: new })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it on the disk and under its name, unless there is something of that name. A link, and not a rename: that
    /// would replace what is there.
    pub(super) fn place(self, path: &Path) -> Result<(), FileError> {
        nothing_is_there(path)?;
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
            _ => FileError::io(path, "cannot be put in its place", &error),
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

/// The name with something at its end.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
