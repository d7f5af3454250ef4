//! The state behind the bot, whichever it is: a table of DynamoDB or a file of this machine.
//!
//! What it guarantees: one process serves a file at a time; a file that is damaged or foreign is refused and left as it
//! is; where there are backups, a file that is missing is restored from the newest whole one before an empty one is made.

use std::path::PathBuf;
use std::sync::Arc;

use sluice_aws_adapter::{Aws, SdkConfig};
use sluice_commands::ports::{Store, StoreError};
use sluice_model::Target;
use sluice_state::{DynamoStore, FileError, SqliteLock, SqliteStore, TableStatus};
use tokio::sync::OnceCell;

use crate::backend::Obstacle;
use crate::config::{BackupPlan, Base, State as Configured};
use crate::system_clock::SystemClock;
use crate::wiring::backups::Backups;

/// The state that the configuration names.
pub(super) enum State {
    /// In DynamoDB.
    Table(Arc<DynamoStore>),
    /// In SQLite.
    File(StateFile),
}

/// A file, opened when it is first needed.
pub(super) struct StateFile {
    pub(super) path: PathBuf,
    pub(super) plan: Option<BackupPlan>,
    opened: OnceCell<Arc<SqliteStore>>,
}

impl State {
    /// As configured. Nothing is asked or opened yet.
    pub(super) fn new(base: &Base, sdk: &SdkConfig) -> Self {
        match &base.state {
            Configured::Table(table) => Self::Table(Arc::new(DynamoStore::new(sdk, table.clone()))),
            Configured::File(path) => {
                let (path, plan) = (path.clone(), base.backup.clone());
                Self::File(StateFile { path, plan, opened: OnceCell::new() })
            }
        }
    }

    /// What it is, for people.
    pub(super) fn what(&self) -> String {
        match self {
            Self::Table(store) => format!("the table `{}`", store.table()),
            Self::File(file) => format!("the file `{}`", file.path.display()),
        }
    }

    /// Makes it ready to be served by this process.
    pub(super) async fn serve(&self, aws: &Aws) -> Result<(), Obstacle> {
        match self {
            Self::Table(_) => self.is_there().await,
            Self::File(file) => file.serve(aws).await,
        }
    }

    /// Whether it is there and ours.
    pub(super) async fn is_there(&self) -> Result<(), Obstacle> {
        let store = match self {
            Self::Table(store) => store,
            Self::File(file) => return file.look().await,
        };
        let what = self.what();
        match store.table_status().await.map_err(|error| self.obstacle(&error))? {
            TableStatus::Ready => Ok(()),
            TableStatus::Preparing(table) => {
                Err(Obstacle::Passing(format!("the table `{table}` is being prepared")))
            }
            TableStatus::Missing(table) => {
                Err(Obstacle::Refused(format!("there is no table `{table}`: run `sluice init`")))
            }
            TableStatus::Foreign(why) => {
                Err(Obstacle::Refused(format!("{what} is not one of Sluice's: {why}")))
            }
        }
    }

    /// Makes it unless it is there; what was done.
    pub(super) async fn make(&self, aws: &Aws) -> Result<String, Obstacle> {
        match self {
            Self::Table(store) => {
                store.create_tables().await.map_err(|error| self.obstacle(&error))?;
                Ok(format!("tables: `{}` and `{}` are there", store.table(), store.audit_table()))
            }
            Self::File(file) => file.make(aws).await,
        }
    }

    /// The store. For a file: after it was opened.
    pub(super) fn store(&self) -> Result<Arc<dyn Store>, Obstacle> {
        match self {
            Self::Table(store) => Ok(Arc::clone(store) as Arc<dyn Store>),
            Self::File(file) => match file.opened.get() {
                Some(store) => Ok(Arc::clone(store) as Arc<dyn Store>),
                None => Err(Obstacle::Passing(format!("{} is not open yet", self.what()))),
            },
        }
    }

    /// Leaves a file that is whole without the log beside it: people copy files.
    pub(super) async fn close(&self) {
        let Self::File(file) = self else { return };
        let Some(store) = file.opened.get() else { return };
        if let Err(error) = store.fold().await {
            tracing::warn!(%error, "the log stays beside the state: copy both, or use `sluice backup`");
        }
    }

    /// The details go to the log.
    pub(super) fn obstacle(&self, error: &StoreError) -> Obstacle {
        crate::metrics::store_error("start");
        tracing::warn!(%error, "state");
        let what = self.what();
        match (error, self) {
            (StoreError::Refused(_), Self::Table(_)) => {
                Obstacle::Refused("DynamoDB refuses us; the log says why".into())
            }
            (StoreError::Refused(_), Self::File(_)) => {
                Obstacle::Refused(format!("{what} cannot be used; the log says why"))
            }
            (StoreError::Corrupt(_), _) => {
                Obstacle::Refused(format!("{what} holds something that this Sluice cannot read"))
            }
            (_, Self::Table(_)) => Obstacle::Passing("DynamoDB cannot be reached, or is throttled".into()),
            (_, Self::File(_)) => Obstacle::Passing(format!("{what} is busy, or its disk is full")),
        }
    }
}

impl StateFile {
    /// Opens it beside the process that serves it.
    async fn look(&self) -> Result<(), Obstacle> {
        self.opened.get_or_try_init(|| self.open(None)).await.map(drop)
    }

    /// Opens it for this process to serve, after restoring it if it is missing.
    async fn serve(&self, aws: &Aws) -> Result<(), Obstacle> {
        let serve = async || {
            // Before the file is restored: two that start at once restore it once.
            let lock = SqliteLock::take(&self.path).map_err(|error| self.obstacle(&error))?;
            if !self.exists()? && self.restore(aws).await?.is_none() {
                return Err(self.obstacle(&FileError::Missing(self.path.clone())));
            }
            self.open(Some(lock)).await
        };
        self.opened.get_or_try_init(serve).await.map(drop)
    }

    /// Makes it if it is missing: from a backup if there are any, else empty. Who runs `init` before each `serve` must not
    /// lose a state by it.
    async fn make(&self, aws: &Aws) -> Result<String, Obstacle> {
        let path = self.path.display();
        let mut done = format!("file: `{path}` is there");
        if !self.exists()? {
            if let Some(backup) = self.restore(aws).await? {
                done = format!("file: `{path}` was missing and is restored from {backup}");
            } else {
                match SqliteStore::create(&self.path).await {
                    // Another `init` was faster.
                    Ok(()) | Err(FileError::Exists(_)) => {}
                    Err(error) => return Err(self.obstacle(&error)),
                }
            }
        }
        self.look().await?;
        Ok(done)
    }

    fn exists(&self) -> Result<bool, Obstacle> {
        SqliteStore::exists(&self.path).map_err(|error| self.obstacle(&error))
    }

    async fn open(&self, lock: Option<SqliteLock>) -> Result<Arc<SqliteStore>, Obstacle> {
        let opened = SqliteStore::open(&self.path, Arc::new(SystemClock), lock).await;
        opened.map(Arc::new).map_err(|error| self.obstacle(&error))
    }

    /// Restores the newest whole backup, if there are backups; which it was.
    async fn restore(&self, aws: &Aws) -> Result<Option<String>, Obstacle> {
        let Some(plan) = &self.plan else { return Ok(None) };
        let here = aws.identity.whoami().await.map_err(|error| super::aws_obstacle(&error))?;
        self.backups(plan, aws, here).restore().await
    }

    /// The backups that the configuration names.
    pub(super) fn backups(&self, plan: &BackupPlan, aws: &Aws, target: Target) -> Backups {
        Backups::new(&self.path, &plan.place, Arc::clone(&aws.archive), target)
    }

    /// With what to do about it here.
    fn obstacle(&self, error: &FileError) -> Obstacle {
        let path = self.path.display();
        let way_on = match (error, &self.plan) {
            (FileError::Missing(_), None) => ": run `sluice init`".to_owned(),
            (FileError::Missing(_), Some(_)) => ", nor a backup of it: run `sluice init`".to_owned(),
            (FileError::Damaged { .. }, Some(_)) => {
                format!(". Move it and `{path}-wal` away, and the next start restores the newest backup")
            }
            (FileError::Damaged { .. }, None) => {
                format!(". Move it and `{path}-wal` away, and put a copy in its place that is whole")
            }
            (FileError::Held { .. }, _) => ": stop that one first".to_owned(),
            _ => String::new(),
        };
        match file_obstacle(error) {
            Obstacle::Refused(words) => Obstacle::Refused(words + &way_on),
            passing @ Obstacle::Passing(_) => passing,
        }
    }
}

/// Trouble with a file passes only when somebody has seen to it.
pub(super) fn file_obstacle(error: &FileError) -> Obstacle {
    Obstacle::Refused(error.to_string())
}
