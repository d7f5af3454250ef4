//! [`SqliteStore`]: the store port over one local file, without AWS.
//!
//! Beyond the port, the store guarantees that an acknowledged write is on the disk (write-ahead log, synchronous), and
//! that each read, the due index included, is a snapshot with every write acknowledged before it. One thread writes and
//! commits for all waiting callers together; a few threads read. Several processes can open the file; one at a time can
//! serve it ([`SqliteLock`]).

mod backup;
mod errors;
mod file;
mod item;
mod lock;
mod read;
mod request;
mod write;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use sluice_commands::ports::{Clock, DueItem, Item, Key, Page, Query, Store, StoreError, Write};
use tokio::sync::oneshot;

pub use self::errors::FileError;
pub use self::lock::SqliteLock;
use self::read::Readers;
use self::request::{Prepared, Token, prepare, token};
use self::writer::Job;

/// The number of reading connections, with one thread each. Two cores seldom need more, and each may wait for the disk.
const READERS: usize = 4;
/// How many callers can wait for the writer. Further writes are refused with [`StoreError::Again`].
const QUEUE: usize = 4096;

/// The store over one SQLite file. Dropping it waits for its threads and then releases the lock.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    writer: Option<SyncSender<Job>>,
    readers: Option<Readers>,
    /// The writer's thread, then the readers'.
    threads: Vec<JoinHandle<()>>,
    // Declared after the threads: it is released after they have closed the file.
    _lock: Option<SqliteLock>,
}

impl SqliteStore {
    /// Whether the file exists and its header identifies it as a state file.
    pub fn exists(path: &Path) -> Result<bool, FileError> {
        match file::read_header(path) {
            Ok(()) => Ok(true),
            Err(FileError::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Creates an empty state file, or fails if the path exists.
    pub async fn create(path: &Path) -> Result<(), FileError> {
        on_thread(path, file::create).await
    }

    /// Opens a state file after reading all of it once. A damaged or foreign file is refused and not changed. With a
    /// `lock`, this process serves the file. `clock` decides when tokens and items expire.
    pub async fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        lock: Option<SqliteLock>,
    ) -> Result<Self, FileError> {
        on_thread(path, move |path| open(path, clock, lock)).await
    }

    /// Copies the state file `from`, which this or another process may be serving, to the new file `to`.
    pub async fn snapshot(from: &Path, to: &Path) -> Result<(), FileError> {
        let to = to.to_owned();
        on_thread(from, move |from| backup::snapshot(from, &to)).await
    }

    /// Copies the backup `from` to the new file `to` if the backup is not damaged.
    pub async fn restore(from: &Path, to: &Path) -> Result<(), FileError> {
        let to = to.to_owned();
        on_thread(from, move |from| backup::restore(from, &to)).await
    }

    /// Checkpoints the write-ahead log: the file alone then has the whole state. The next write begins a new log.
    pub async fn checkpoint(&self) -> Result<(), FileError> {
        on_thread(&self.path, |path| {
            let failed = |error: rusqlite::Error| FileError::sqlite(path, "cannot be checkpointed", &error);
            let connection = file::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
            let is_busy = connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
                .map_err(failed)?;
            match is_busy {
                0 => Ok(()),
                _ => Err(FileError::Failed { path: path.to_owned(), why: "is in use".into() }),
            }
        })
        .await
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn submit(&self, writes: Vec<Prepared>, token: Option<Token>) -> Result<(), StoreError> {
        let ended = || StoreError::Refused("the writer thread has ended; restart the process".into());
        let (reply, answer) = oneshot::channel();
        let writer = self.writer.as_ref().ok_or_else(ended)?;
        writer.try_send(Job { writes, token, reply }).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Again(format!("{QUEUE} writes are already waiting")),
            TrySendError::Disconnected(_) => ended(),
        })?;
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Unknown("the writer thread ended during the write".into())))
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.readers {
            Some(readers) => readers.run(read).await,
            None => Err(StoreError::Refused("the store is closed".into())),
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // Without senders the threads finish their work and end. The writer ends last: the thread that closes the last
        // connection checkpoints the log, and a reader must not.
        self.readers = None;
        for reader in self.threads.drain(self.threads.len().min(1)..) {
            let _ = reader.join();
        }
        self.writer = None;
        for writer in self.threads.drain(..) {
            let _ = writer.join();
        }
    }
}

fn open(path: &Path, clock: Arc<dyn Clock>, lock: Option<SqliteLock>) -> Result<SqliteStore, FileError> {
    file::verify(path, file::Check::Start)?;
    file::keep_private(path)?;
    let failed = |error: rusqlite::Error| FileError::sqlite(path, "cannot be opened", &error);
    let connection = file::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    // A copy has another journal mode. After a long read SQLite truncates the log to 64 MB.
    connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))
        .and_then(|_| connection.execute_batch("PRAGMA journal_size_limit = 67108864"))
        .map_err(failed)?;
    let (sender, jobs) = sync_channel(QUEUE);
    let (readers, reader) = Readers::new();
    // Threads are added one at a time: if one cannot start, dropping the store ends the others.
    let mut store = SqliteStore {
        path: path.to_owned(),
        writer: Some(sender),
        readers: Some(readers),
        threads: Vec::with_capacity(1 + READERS),
        _lock: lock,
    };
    store.threads.push(spawn(path, "state-writer", move || writer::run(&connection, &jobs, &clock))?);
    for _ in 0..READERS {
        let connection = file::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
        let reader = reader.clone();
        store.threads.push(spawn(path, "state-reader", move || reader(&connection))?);
    }
    Ok(store)
}

fn spawn(path: &Path, name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, FileError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| FileError::io(path, "needs a thread, which could not start", &error))
}

/// Runs work on a file in a separate thread, because reading or copying a large file takes seconds.
async fn on_thread<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    let (reply, answer) = oneshot::channel();
    let owned = path.to_owned();
    spawn(path, "state-file", move || drop(reply.send(work(&owned))))?;
    answer.await.unwrap_or_else(|_| {
        Err(FileError::Failed {
            path: path.to_owned(),
            why: "was not processed to the end: its thread ended".into(),
        })
    })
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let key = key.clone();
        self.read(move |connection| read::get(connection, &key)).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let keys = keys.to_vec();
        self.read(move |connection| read::get_many(connection, &keys)).await
    }

    async fn write(&self, write: Write) -> Result<(), StoreError> {
        self.submit(prepare(vec![write])?, None).await
    }

    async fn transact(&self, text: &str, writes: Vec<Write>) -> Result<(), StoreError> {
        let writes = prepare(writes)?;
        let token = token(text, &writes);
        self.submit(writes, Some(token)).await
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        self.read(move |connection| read::query(connection, &query)).await
    }

    async fn audit_records(&self, query: Query) -> Result<Page, StoreError> {
        self.read(move |connection| read::audit_records(connection, &query)).await
    }

    async fn due(&self, until: Timestamp, limit: u32) -> Result<Vec<DueItem>, StoreError> {
        self.read(move |connection| read::due(connection, until, limit)).await
    }
}
