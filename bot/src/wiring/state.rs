//! The state: a table of DynamoDB, or a file of SQLite on this machine.
//!
//! Only one process serves a file at a time. A damaged or foreign file is refused and not changed. If there are backups, a
//! missing file is restored from the newest complete one before an empty file is created.

use std::path::PathBuf;
use std::sync::Arc;

use sluice_aws_adapter::{Aws, SdkConfig};
use sluice_commands::ports::{Store, StoreError};
use sluice_model::Target;
use sluice_state::{DynamoStore, FileError, SqliteLock, SqliteStore, TableStatus};
use tokio::sync::OnceCell;

use super::backups::Backups;
use super::errors::{aws_error, file_error};
use crate::config::{BackupPlan, Base, State as Configured};
use crate::startup::StartupError;
use crate::system_clock::SystemClock;

/// The state that the configuration names.
pub(super) enum State {
    Table(Arc<DynamoStore>),
    File(StateFile),
}

/// A file. It is opened on first use.
pub(super) struct StateFile {
    pub(super) path: PathBuf,
    pub(super) plan: Option<BackupPlan>,
    opened: OnceCell<Arc<SqliteStore>>,
}

impl State {
    /// As configured, without I/O.
    pub(super) fn new(base: &Base, sdk: &SdkConfig) -> Self {
        match &base.state {
            Configured::Table(table) => Self::Table(Arc::new(DynamoStore::new(sdk, table.clone()))),
            Configured::File(path) => {
                let (path, plan) = (path.clone(), base.backup.clone());
                Self::File(StateFile { path, plan, opened: OnceCell::new() })
            }
        }
    }

    /// Its kind and name, for people.
    pub(super) fn description(&self) -> String {
        match self {
            Self::Table(store) => format!("the table `{}`", store.table()),
            Self::File(file) => format!("the file `{}`", file.path.display()),
        }
    }

    /// Prepares it for this process to serve.
    pub(super) async fn serve(&self, aws: &Aws) -> Result<(), StartupError> {
        match self {
            Self::Table(_) => self.exists().await,
            Self::File(file) => file.serve(aws).await,
        }
    }

    /// Checks that it exists and is Sluice's.
    pub(super) async fn exists(&self) -> Result<(), StartupError> {
        let store = match self {
            Self::Table(store) => store,
            Self::File(file) => return file.open_shared().await,
        };
        let what = self.description();
        match store.table_status().await.map_err(|error| self.error(&error))? {
            TableStatus::Ready => Ok(()),
            TableStatus::Preparing(table) => {
                Err(StartupError::Temporary(format!("the table `{table}` is still being created")))
            }
            TableStatus::Missing(table) => {
                Err(StartupError::Permanent(format!("the table `{table}` does not exist: run `sluice init`")))
            }
            TableStatus::Foreign(why) => {
                Err(StartupError::Permanent(format!("{what} does not belong to Sluice: {why}")))
            }
        }
    }

    /// Creates it if it is missing; the line that `init` prints.
    pub(super) async fn create(&self, aws: &Aws) -> Result<String, StartupError> {
        match self {
            Self::Table(store) => {
                store.create_tables().await.map_err(|error| self.error(&error))?;
                Ok(format!("tables: `{}` and `{}` exist", store.table(), store.audit_table()))
            }
            Self::File(file) => file.create(aws).await,
        }
    }

    /// The store. A file has to be open.
    pub(super) fn store(&self) -> Result<Arc<dyn Store>, StartupError> {
        match self {
            Self::Table(store) => Ok(Arc::clone(store) as Arc<dyn Store>),
            Self::File(file) => match file.opened.get() {
                Some(store) => Ok(Arc::clone(store) as Arc<dyn Store>),
                None => Err(StartupError::Temporary(format!("{} is not open yet", self.description()))),
            },
        }
    }

    /// Folds the write-ahead log into the file, so the file can be copied alone.
    pub(super) async fn close(&self) {
        let Self::File(file) = self else { return };
        let Some(store) = file.opened.get() else { return };
        if let Err(error) = store.checkpoint().await {
            tracing::warn!(%error, "the write-ahead log of the state stays: copy both files, or use `sluice backup`");
        }
    }

    /// The error as a text for people. The details go to the log.
    pub(super) fn error(&self, error: &StoreError) -> StartupError {
        crate::metrics::store_error("start");
        tracing::warn!(%error, "state");
        let what = self.description();
        match (error, self) {
            (StoreError::Refused(_), Self::Table(_)) => {
                StartupError::Permanent("DynamoDB refuses access; the log says why".into())
            }
            (StoreError::Refused(_), Self::File(_)) => {
                StartupError::Permanent(format!("{what} cannot be used; the log says why"))
            }
            (StoreError::Corrupt(_), _) => StartupError::Permanent(format!(
                "{what} contains something that this version of Sluice cannot read"
            )),
            (_, Self::Table(_)) => {
                StartupError::Temporary("DynamoDB cannot be reached, or is throttled".into())
            }
            (_, Self::File(_)) => StartupError::Temporary(format!("{what} is busy, or its disk is full")),
        }
    }
}

impl StateFile {
    /// Opens it without the lock: another process may serve it.
    async fn open_shared(&self) -> Result<(), StartupError> {
        self.opened.get_or_try_init(|| self.open(None)).await.map(drop)
    }

    /// Opens it for this process to serve. A missing file is restored first.
    async fn serve(&self, aws: &Aws) -> Result<(), StartupError> {
        let serve = async || {
            // The lock is taken first: two processes that start at once restore the file once.
            let lock = SqliteLock::acquire(&self.path).map_err(|error| self.error(&error))?;
            if !self.file_exists()? && self.restore(aws).await?.is_none() {
                return Err(self.error(&FileError::Missing(self.path.clone())));
            }
            self.open(Some(lock)).await
        };
        self.opened.get_or_try_init(serve).await.map(drop)
    }

    /// Creates a missing file: from a backup if there is one, else empty. So running `init` before each `serve` cannot replace
    /// a lost state by an empty one.
    async fn create(&self, aws: &Aws) -> Result<String, StartupError> {
        let path = self.path.display();
        let mut done = format!("file: `{path}` exists");
        if !self.file_exists()? {
            if let Some(backup) = self.restore(aws).await? {
                done = format!("file: `{path}` was missing and is restored from {backup}");
            } else {
                match SqliteStore::create(&self.path).await {
                    // Another `init` created it.
                    Ok(()) | Err(FileError::Exists(_)) => {}
                    Err(error) => return Err(self.error(&error)),
                }
            }
        }
        self.open_shared().await?;
        Ok(done)
    }

    fn file_exists(&self) -> Result<bool, StartupError> {
        SqliteStore::exists(&self.path).map_err(|error| self.error(&error))
    }

    async fn open(&self, lock: Option<SqliteLock>) -> Result<Arc<SqliteStore>, StartupError> {
        let opened = SqliteStore::open(&self.path, Arc::new(SystemClock), lock).await;
        opened.map(Arc::new).map_err(|error| self.error(&error))
    }

    /// Restores the newest complete backup, if there is one, and returns its name.
    async fn restore(&self, aws: &Aws) -> Result<Option<String>, StartupError> {
        let Some(plan) = &self.plan else { return Ok(None) };
        let here = aws.identity.whoami().await.map_err(|error| aws_error(&error))?;
        self.backups(plan, aws, here).restore().await
    }

    /// The backups that the configuration names.
    pub(super) fn backups(&self, plan: &BackupPlan, aws: &Aws, target: Target) -> Backups {
        Backups::new(&self.path, &plan.location, Arc::clone(&aws.archive), target)
    }

    /// The error as a text for people, with the next step.
    fn error(&self, error: &FileError) -> StartupError {
        let path = self.path.display();
        let next_step = match (error, &self.plan) {
            (FileError::Missing(_), None) => ": run `sluice init`".to_owned(),
            (FileError::Missing(_), Some(_)) => {
                ", and there is no backup of it: run `sluice init`".to_owned()
            }
            (FileError::Damaged { .. }, Some(_)) => {
                format!(". Move it and `{path}-wal` away; the next start restores the newest backup")
            }
            (FileError::Damaged { .. }, None) => {
                format!(". Move it and `{path}-wal` away, and put a complete copy in its place")
            }
            (FileError::Held { .. }, _) => ": stop that one first".to_owned(),
            _ => String::new(),
        };
        match file_error(error) {
            StartupError::Permanent(message) => StartupError::Permanent(message + &next_step),
            temporary @ StartupError::Temporary(_) => temporary,
        }
    }
}
