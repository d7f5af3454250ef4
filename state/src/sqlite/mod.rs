//! [`SqliteStore`]: the store port over one file of this machine, without AWS.
//!
//! What it guarantees beyond the port: a write that was answered is on the disk (write-ahead log, synchronous), all reads
//! are of one moment, the due index included, and they see every write that was answered before. One thread writes, for
//! all who wait in one commit; a few read. Several processes may have the file open, one at a time may serve it
//! ([`SqliteLock`]).

mod backup;
mod errors;
mod file;
mod item;
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

pub use self::file::{FileError, SqliteLock};
use self::read::Readers;
use self::request::{Prepared, Token, prepare, token};
use self::writer::Job;

/// Connections that read, with a thread each: more than two cores seldom have to do, and each may wait for the disk.
const READERS: usize = 4;
/// So many callers may wait for the writer; who comes then is told to come again.
const QUEUE: usize = 4096;

/// The store over one SQLite file. Dropped, it waits for its threads, and then for nobody to keep the lock.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    writer: Option<SyncSender<Job>>,
    readers: Option<Readers>,
    /// The writer's first, then the readers'.
    threads: Vec<JoinHandle<()>>,
    // Behind the threads: given back when nothing of ours is open any more.
    _lock: Option<SqliteLock>,
}

impl SqliteStore {
    /// Whether there is a file that says in its first bytes that it is a state.
    pub fn exists(path: &Path) -> Result<bool, FileError> {
        match file::read_header(path) {
            Ok(()) => Ok(true),
            Err(FileError::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes an empty state; refused if there is something of that name.
    pub async fn create(path: &Path) -> Result<(), FileError> {
        on_thread(path, file::create).await
    }

    /// Opens a state after reading all of it once: a damaged or foreign file is refused and stays as it is. With the
    /// lock in hand, this process serves it. `clock` tells when tokens and items expire.
    pub async fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        lock: Option<SqliteLock>,
    ) -> Result<Self, FileError> {
        on_thread(path, move |path| open(path, clock, lock)).await
    }

    /// Copies the state at `from`, which this or another process may be serving, to the new file `to`.
    pub async fn snapshot(from: &Path, to: &Path) -> Result<(), FileError> {
        let to = to.to_owned();
        on_thread(from, move |from| backup::snapshot(from, &to)).await
    }

    /// Copies the backup `from`, if it is whole, to the place `to`, where nothing is.
    pub async fn restore(from: &Path, to: &Path) -> Result<(), FileError> {
        let to = to.to_owned();
        on_thread(from, move |from| backup::restore(from, &to)).await
    }

    /// Folds the log into the file, so that the file alone is the whole state. The next write begins a new log.
    pub async fn fold(&self) -> Result<(), FileError> {
        on_thread(&self.path, |path| {
            let failed = |error: rusqlite::Error| FileError::sqlite(path, "cannot be folded", &error);
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

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn submit(&self, writes: Vec<Prepared>, token: Option<Token>) -> Result<(), StoreError> {
        let ended = || StoreError::Refused("the writer of the state has ended; start again".into());
        let (reply, answer) = oneshot::channel();
        let writer = self.writer.as_ref().ok_or_else(ended)?;
        writer.try_send(Job { writes, token, reply }).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Again(format!("{QUEUE} writes wait already")),
            TrySendError::Disconnected(_) => ended(),
        })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Unknown("the writer ended on the way".into())))
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.readers {
            Some(readers) => readers.ask(question).await,
            None => Err(StoreError::Refused("the store is closed".into())),
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // Without senders the threads end, after what they have in hand. The writer is the last: the thread that closes the last
        // connection folds the log into the file, and a reader may not.
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
    file::verify(path, file::Look::AtStart)?;
    file::keep_private(path)?;
    let failed = |error: rusqlite::Error| FileError::sqlite(path, "cannot be opened", &error);
    let connection = file::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    // A copy has another mode. After a long read the log is cut back to 64 MB.
    connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))
        .and_then(|_| connection.execute_batch("PRAGMA journal_size_limit = 67108864"))
        .map_err(failed)?;
    let (sender, jobs) = sync_channel(QUEUE);
    let (readers, reader) = Readers::new();
    // Filled step by step: if a thread cannot be started, dropping it ends those that were.
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
    thread.map_err(|error| FileError::io(path, "cannot have a thread", &error))
}

/// Files are read and copied on a thread of their own: it takes seconds where they are large.
async fn on_thread<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    let (reply, answer) = oneshot::channel();
    let owned = path.to_owned();
    spawn(path, "state-file", move || drop(reply.send(work(&owned))))?;
    answer.await.unwrap_or_else(|_| {
        Err(FileError::Failed { path: path.to_owned(), why: "could not be worked on to the end".into() })
    })
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let key = key.clone();
        self.ask(move |connection| read::get(connection, &key)).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let keys = keys.to_vec();
        self.ask(move |connection| read::get_many(connection, &keys)).await
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
        self.ask(move |connection| read::query(connection, &query)).await
    }

    async fn audit_records(&self, query: Query) -> Result<Page, StoreError> {
        self.ask(move |connection| read::audit_records(connection, &query)).await
    }

    async fn due(&self, until: Timestamp, limit: u32) -> Result<Vec<DueItem>, StoreError> {
        self.ask(move |connection| read::due(connection, until, limit)).await
    }
}
