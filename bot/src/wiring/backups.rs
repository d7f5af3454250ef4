//! Backups of a state in SQLite: made while the file is served, and restored where it is missing.
//!
//! A file with the name of a backup is complete and verified. Only the periodic task deletes backups: the oldest, after a newer
//! one was made. Names are times, so they sort by age.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sluice_commands::ports::{Archive, Clock as _};
use sluice_model::{PortError, Target};
use sluice_state::{FileError, SqliteStore};

use super::errors::{aws_error, file_error};
use crate::config::{BackupLocation, BackupPlan};
use crate::startup::StartupError;
use crate::system_clock::SystemClock;

/// `sluice-20261127T033018.123Z.db`
const NAME: &str = "sluice-%Y%m%dT%H%M%S%.3fZ.db";
/// The pause after a failed backup; shorter if backups are made more often.
const RETRY_PAUSE: Duration = Duration::from_secs(300);
/// The age at which incomplete files of a dead process are deleted.
const ABANDONED: Duration = Duration::from_secs(3600);

pub(crate) struct Backups {
    state: PathBuf,
    location: Location,
}

enum Location {
    Folder(PathBuf),
    Bucket { archive: Arc<dyn Archive>, target: Target, bucket: String, prefix: String },
}

impl Backups {
    /// `state` is the path of the file; a bucket has to belong to `target`.
    pub(crate) fn new(
        state: &Path,
        location: &BackupLocation,
        archive: Arc<dyn Archive>,
        target: Target,
    ) -> Self {
        let location = match location {
            BackupLocation::Folder(folder) => Location::Folder(folder.clone()),
            BackupLocation::Bucket { bucket, prefix } => {
                let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
                Location::Bucket { archive, target, bucket: bucket.clone(), prefix }
            }
        };
        Self { state: state.to_owned(), location }
    }

    /// In a folder, without AWS.
    pub(crate) fn in_folder(state: &Path, folder: &Path) -> Self {
        Self { state: state.to_owned(), location: Location::Folder(folder.to_owned()) }
    }

    /// Copies the state to a new file.
    pub(crate) async fn copy(state: &Path, to: &Path) -> Result<String, StartupError> {
        let copied = SqliteStore::snapshot(state, to).await;
        copied.map(|()| to.display().to_string()).map_err(|error| file_error(&error))
    }

    fn full_name(&self, name: &str) -> String {
        match &self.location {
            Location::Folder(folder) => folder.join(name).display().to_string(),
            Location::Bucket { bucket, prefix, .. } => format!("s3://{bucket}/{prefix}{name}"),
        }
    }

    /// Makes a backup and returns its full name.
    pub(crate) async fn make(&self) -> Result<String, StartupError> {
        let name = SystemClock.now().strftime(NAME).to_string();
        match &self.location {
            Location::Folder(folder) => {
                make_folder(folder)?;
                let copied = SqliteStore::snapshot(&self.state, &folder.join(&name)).await;
                copied.map_err(|error| file_error(&error))?;
            }
            Location::Bucket { archive, target, bucket, prefix } => {
                let file = TempFile::of(&self.state, &name);
                SqliteStore::snapshot(&self.state, &file.0).await.map_err(|error| file_error(&error))?;
                let key = format!("{prefix}{name}");
                archive.keep(target, bucket, &key, &file.0).await.map_err(|error| bucket_error(&error))?;
            }
        }
        Ok(self.full_name(&name))
    }

    /// All names, the newest first. Names with a time in the future are last: a clock was wrong, so their age is unknown.
    async fn names(&self) -> Result<Vec<String>, StartupError> {
        let mut names = match &self.location {
            Location::Folder(folder) => names_in(folder)?,
            Location::Bucket { archive, target, bucket, prefix } => {
                let all = archive.list(target, bucket, prefix).await.map_err(|error| bucket_error(&error))?;
                all.iter().filter_map(|object| Some(object.key.strip_prefix(prefix)?.to_owned())).collect()
            }
        };
        names.retain(|name| time_of(name).is_some());
        names.sort_unstable_by(|one, other| other.cmp(one));
        let now = SystemClock.now();
        let future = names.partition_point(|name| time_of(name).is_some_and(|taken| taken > now));
        names.rotate_left(future);
        if let Some(first) = names.get(names.len() - future..).and_then(<[_]>::first) {
            let backup = self.full_name(first);
            tracing::warn!(
                backup,
                count = future,
                "backups with a time in the future, made with a wrong clock; they count as the oldest"
            );
        }
        Ok(names)
    }

    /// Restores the missing state from the newest complete backup and returns its name. `None`: there is no backup.
    pub(crate) async fn restore(&self) -> Result<Option<String>, StartupError> {
        let names = self.names().await?;
        for name in &names {
            let backup = self.full_name(name);
            match self.restore_one(name).await {
                Ok(()) => {
                    tracing::warn!(state = %self.state.display(), backup, "restored the missing state");
                    return Ok(Some(backup));
                }
                // An older one may be complete.
                Err(RestoreError::Damaged(why)) => tracing::warn!(backup, why, "skipping a damaged backup"),
                Err(RestoreError::Other(error)) => return Err(error),
            }
        }
        match names.len() {
            0 => Ok(None),
            all => Err(StartupError::Permanent(format!(
                "all {all} backups of {} are damaged; the log names them",
                self.state.display()
            ))),
        }
    }

    async fn restore_one(&self, name: &str) -> Result<(), RestoreError> {
        match &self.location {
            Location::Folder(folder) => Ok(SqliteStore::restore(&folder.join(name), &self.state).await?),
            Location::Bucket { archive, target, bucket, prefix } => {
                let file = TempFile::of(&self.state, name);
                let key = format!("{prefix}{name}");
                let fetched = archive.fetch(target, bucket, &key, &file.0).await;
                fetched.map_err(|error| RestoreError::Other(bucket_error(&error)))?;
                Ok(SqliteStore::restore(&file.0, &self.state).await?)
            }
        }
    }

    /// Makes backups by the plan and deletes older ones. It never returns.
    pub(super) async fn run(self, plan: BackupPlan) {
        loop {
            let wait = match self.run_once(&plan).await {
                Ok(wait) => wait,
                Err(error) => {
                    crate::metrics::backup("failed");
                    tracing::error!(why = error.message(), "cannot back up the state");
                    RETRY_PAUSE.min(plan.every)
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Makes a backup if one is due, and returns the time until the next one.
    async fn run_once(&self, plan: &BackupPlan) -> Result<Duration, StartupError> {
        let names = self.names().await?;
        // By the age of the newest: a process that restarts often makes no extra backups.
        let newest = names.first().and_then(|name| time_of(name));
        // A backup with a time in the future does not count.
        let age =
            newest.map(|taken| SystemClock.now().duration_since(taken)).filter(|age| !age.is_negative());
        if let Some(age) = age {
            crate::metrics::newest_backup(age.unsigned_abs());
            let left = plan.every.saturating_sub(age.unsigned_abs());
            if !left.is_zero() {
                return Ok(left);
            }
        }
        let backup = self.make().await?;
        crate::metrics::newest_backup(Duration::ZERO);
        crate::metrics::backup("made");
        tracing::info!(backup, "backed up the state");
        for name in names.iter().skip(plan.keep.saturating_sub(1)) {
            self.delete(name).await?;
        }
        self.delete_abandoned();
        Ok(plan.every)
    }

    async fn delete(&self, name: &str) -> Result<(), StartupError> {
        tracing::info!(backup = self.full_name(name), "deleting an old backup");
        match &self.location {
            Location::Folder(folder) => std::fs::remove_file(folder.join(name)).map_err(|error| {
                StartupError::Temporary(format!("cannot delete the old backup {name}: {}", error.kind()))
            }),
            Location::Bucket { archive, target, bucket, prefix } => {
                let gone = archive.discard(target, bucket, &format!("{prefix}{name}")).await;
                gone.map_err(|error| bucket_error(&error))
            }
        }
    }

    /// Deletes incomplete files of dead processes, beside the state and in the folder of backups.
    fn delete_abandoned(&self) {
        let state = self.state.file_name().unwrap_or_default().to_string_lossy();
        delete_abandoned(folder_of(&self.state), &format!("{state}."));
        if let Location::Folder(folder) = &self.location {
            delete_abandoned(folder, "sluice-");
        }
    }
}

/// Why a backup was not restored.
enum RestoreError {
    /// Another backup may be complete.
    Damaged(String),
    /// It would be the same with another backup.
    Other(StartupError),
}

impl From<FileError> for RestoreError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Damaged { .. } | FileError::Foreign { .. } => Self::Damaged(error.to_string()),
            other => Self::Other(file_error(&other)),
        }
    }
}

/// A temporary file beside the state, on its way to or from a bucket. It is deleted on drop.
struct TempFile(PathBuf);

impl TempFile {
    fn of(state: &Path, name: &str) -> Self {
        let mut path = state.as_os_str().to_owned();
        path.push(format!(".{name}.tmp"));
        let path = PathBuf::from(path);
        // It may be left from an attempt that failed.
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The time in the name of a backup; `None` if it is not such a name.
fn time_of(name: &str) -> Option<Timestamp> {
    let time = name.strip_prefix("sluice-")?.strip_suffix("Z.db")?;
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S%.f", time).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(time).ok()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates the folder if it is missing, with access for its owner only.
fn make_folder(folder: &Path) -> Result<(), StartupError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| unusable(folder, &error))
}

fn names_in(folder: &Path) -> Result<Vec<String>, StartupError> {
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(vec![]),
        Err(error) => Err(unusable(folder, &error)),
    }
}

fn delete_abandoned(folder: &Path, begins: &str) {
    let now = std::time::SystemTime::from(SystemClock.now());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let is_old =
            changed.and_then(|time| now.duration_since(time).ok()).is_some_and(|age| age > ABANDONED);
        if name.starts_with(begins) && name.contains(".tmp") && is_old {
            tracing::info!(file = %entry.path().display(), "deleting an abandoned file");
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn unusable(folder: &Path, error: &std::io::Error) -> StartupError {
    StartupError::Permanent(format!(
        "the backup folder `{}` cannot be used: {}",
        folder.display(),
        error.kind()
    ))
}

fn bucket_error(error: &PortError) -> StartupError {
    match aws_error(error) {
        StartupError::Permanent(message) => StartupError::Permanent(format!("backups: {message}")),
        StartupError::Temporary(message) => StartupError::Temporary(format!("backups: {message}")),
    }
}

#[cfg(test)]
mod tests;
