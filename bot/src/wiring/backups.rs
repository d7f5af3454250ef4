//! Backups of a state that is a file: made while it is served, the newest good one put back where the file is missing.
//!
//! What it guarantees: what bears the name of a backup is whole and was verified. Only the periodic task deletes, and only
//! the oldest, after a newer one is there. Names are times, so that their order is the backups'.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sluice_commands::ports::{Archive, Clock as _};
use sluice_model::{PortError, Target};
use sluice_state::{FileError, SqliteStore};

use crate::backend::Obstacle;
use crate::config::{BackupPlan, Place};
use crate::system_clock::SystemClock;
use crate::wiring::aws_obstacle;
use crate::wiring::state::file_obstacle;

/// `sluice-20261127T033018.123Z.db`
const NAME: &str = "sluice-%Y%m%dT%H%M%S%.3fZ.db";
/// After a backup that failed; less if the backups come more often.
const AGAIN: Duration = Duration::from_secs(300);
/// What a process that died left half made is deleted after that.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Where backups of one state go.
pub(crate) struct Backups {
    state: PathBuf,
    place: Reached,
}

/// A place with the way to it.
enum Reached {
    Folder(PathBuf),
    Bucket { archive: Arc<dyn Archive>, target: Target, bucket: String, prefix: String },
}

impl Backups {
    /// Backups of the state at `state`; `target` is whose bucket it must be.
    pub(crate) fn new(state: &Path, place: &Place, archive: Arc<dyn Archive>, target: Target) -> Self {
        let place = match place {
            Place::Folder(folder) => Reached::Folder(folder.clone()),
            Place::Bucket { bucket, prefix } => {
                let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
                Reached::Bucket { archive, target, bucket: bucket.clone(), prefix }
            }
        };
        Self { state: state.to_owned(), place }
    }

    /// In a folder, to which no way is needed.
    pub(crate) fn in_folder(state: &Path, folder: &Path) -> Self {
        Self { state: state.to_owned(), place: Reached::Folder(folder.to_owned()) }
    }

    /// Copies the state to that new file.
    pub(crate) async fn copy(state: &Path, to: &Path) -> Result<String, Obstacle> {
        let copied = SqliteStore::snapshot(state, to).await;
        copied.map(|()| to.display().to_string()).map_err(|error| file_obstacle(&error))
    }

    /// A backup as a person would name it.
    fn shown(&self, name: &str) -> String {
        match &self.place {
            Reached::Folder(folder) => folder.join(name).display().to_string(),
            Reached::Bucket { bucket, prefix, .. } => format!("s3://{bucket}/{prefix}{name}"),
        }
    }

    /// Makes one; what it is called.
    pub(crate) async fn make(&self) -> Result<String, Obstacle> {
        let name = SystemClock.now().strftime(NAME).to_string();
        match &self.place {
            Reached::Folder(folder) => {
                make_folder(folder)?;
                let copied = SqliteStore::snapshot(&self.state, &folder.join(&name)).await;
                copied.map_err(|error| file_obstacle(&error))?;
            }
            Reached::Bucket { archive, target, bucket, prefix } => {
                let scratch = Scratch::of(&self.state, &name);
                SqliteStore::snapshot(&self.state, &scratch.0)
                    .await
                    .map_err(|error| file_obstacle(&error))?;
                let key = format!("{prefix}{name}");
                archive
                    .keep(target, bucket, &key, &scratch.0)
                    .await
                    .map_err(|error| bucket_obstacle(&error))?;
            }
        }
        Ok(self.shown(&name))
    }

    /// The names of all, the newest first. Behind them those of the future: a clock was wrong when they were made, so
    /// nobody knows how old they are.
    async fn names(&self) -> Result<Vec<String>, Obstacle> {
        let mut names = match &self.place {
            Reached::Folder(folder) => names_in(folder)?,
            Reached::Bucket { archive, target, bucket, prefix } => {
                let all =
                    archive.list(target, bucket, prefix).await.map_err(|error| bucket_obstacle(&error))?;
                all.iter().filter_map(|object| Some(object.key.strip_prefix(prefix)?.to_owned())).collect()
            }
        };
        names.retain(|name| taken(name).is_some());
        names.sort_unstable_by(|one, other| other.cmp(one));
        let now = SystemClock.now();
        let future = names.partition_point(|name| taken(name).is_some_and(|taken| taken > now));
        names.rotate_left(future);
        if let Some(first) = names.get(names.len() - future..).and_then(<[_]>::first) {
            let backup = self.shown(first);
            tracing::warn!(
                backup,
                count = future,
                "backups with a time of the future: a clock was wrong; they count as the oldest"
            );
        }
        Ok(names)
    }

    /// Puts the newest backup that is whole in the place of the state, which is missing; says which. `None`: there is no
    /// backup at all.
    pub(crate) async fn restore(&self) -> Result<Option<String>, Obstacle> {
        let names = self.names().await?;
        for name in &names {
            let backup = self.shown(name);
            match self.restore_one(name).await {
                Ok(()) => {
                    tracing::warn!(state = %self.state.display(), backup, "the state was missing and is restored");
                    return Ok(Some(backup));
                }
                // Those before it may be whole.
                Err(NotThis::Damaged(why)) => {
                    tracing::warn!(backup, why, "a backup that is not whole is left out")
                }
                Err(NotThis::Obstacle(obstacle)) => return Err(obstacle),
            }
        }
        match names.len() {
            0 => Ok(None),
            all => Err(Obstacle::Refused(format!(
                "none of the {all} backups from which {} could be restored is whole; the log names them",
                self.state.display()
            ))),
        }
    }

    async fn restore_one(&self, name: &str) -> Result<(), NotThis> {
        match &self.place {
            Reached::Folder(folder) => Ok(SqliteStore::restore(&folder.join(name), &self.state).await?),
            Reached::Bucket { archive, target, bucket, prefix } => {
                let scratch = Scratch::of(&self.state, name);
                let key = format!("{prefix}{name}");
                let fetched = archive.fetch(target, bucket, &key, &scratch.0).await;
                fetched.map_err(|error| NotThis::Obstacle(bucket_obstacle(&error)))?;
                Ok(SqliteStore::restore(&scratch.0, &self.state).await?)
            }
        }
    }

    /// Makes one whenever the newest is as old as the plan says, and deletes what is beyond the plan. For ever.
    pub(crate) async fn keep_making(self, plan: BackupPlan) {
        loop {
            let wait = match self.keep_up(&plan).await {
                Ok(wait) => wait,
                Err(obstacle) => {
                    crate::metrics::backup("failed");
                    tracing::error!(why = obstacle.words(), "the state could not be backed up");
                    AGAIN.min(plan.every)
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// One look: makes what is due, and says until when to wait.
    async fn keep_up(&self, plan: &BackupPlan) -> Result<Duration, Obstacle> {
        let names = self.names().await?;
        // Counted from the newest there is: a process that starts again and again makes no heap of equal backups.
        let newest = names.first().and_then(|name| taken(name));
        // One of the future is no reason to wait for its time.
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
        tracing::info!(backup, "the state is backed up");
        for name in names.iter().skip(plan.keep.saturating_sub(1)) {
            self.discard(name).await?;
        }
        self.sweep();
        Ok(plan.every)
    }

    async fn discard(&self, name: &str) -> Result<(), Obstacle> {
        tracing::info!(backup = self.shown(name), "an old backup is deleted");
        match &self.place {
            Reached::Folder(folder) => std::fs::remove_file(folder.join(name)).map_err(|error| {
                Obstacle::Passing(format!("the old backup {name} cannot be deleted: {}", error.kind()))
            }),
            Reached::Bucket { archive, target, bucket, prefix } => {
                let gone = archive.discard(target, bucket, &format!("{prefix}{name}")).await;
                gone.map_err(|error| bucket_obstacle(&error))
            }
        }
    }

    /// Deletes what was left half made by processes that died: beside the state, and in the folder of backups.
    fn sweep(&self) {
        let state = self.state.file_name().unwrap_or_default().to_string_lossy();
        sweep(folder_of(&self.state), &format!("{state}."));
        if let Reached::Folder(folder) = &self.place {
            sweep(folder, "sluice-");
        }
    }
}

/// Why a backup was not put back.
enum NotThis {
    /// An older one may be.
    Damaged(String),
    /// Neither would an older one.
    Obstacle(Obstacle),
}

impl From<FileError> for NotThis {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Damaged { .. } | FileError::Foreign { .. } => Self::Damaged(error.to_string()),
            other => Self::Obstacle(file_obstacle(&other)),
        }
    }
}

/// A file on its way to or from a bucket; it goes when this does.
struct Scratch(PathBuf);

impl Scratch {
    fn of(state: &Path, name: &str) -> Self {
        let mut path = state.as_os_str().to_owned();
        path.push(format!(".{name}.tmp"));
        let path = PathBuf::from(path);
        // Of a try before that failed on the way.
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// When the backup of that name was taken; `None` for names that are none.
fn taken(name: &str) -> Option<Timestamp> {
    let time = name.strip_prefix("sluice-")?.strip_suffix("Z.db")?;
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S%.f", time).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(time).ok()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The folder for backups, for its owner alone where it has to be made.
fn make_folder(folder: &Path) -> Result<(), Obstacle> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| unusable(folder, &error))
}

fn names_in(folder: &Path) -> Result<Vec<String>, Obstacle> {
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(vec![]),
        Err(error) => Err(unusable(folder, &error)),
    }
}

fn sweep(folder: &Path, begins: &str) {
    let now = std::time::SystemTime::from(SystemClock.now());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let is_old =
            changed.and_then(|time| now.duration_since(time).ok()).is_some_and(|age| age > ABANDONED);
        if name.starts_with(begins) && name.contains(".tmp") && is_old {
            tracing::info!(file = %entry.path().display(), "an abandoned file is deleted");
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn unusable(folder: &Path, error: &std::io::Error) -> Obstacle {
    Obstacle::Refused(format!(
        "the folder `{}` for backups cannot be used: {}",
        folder.display(),
        error.kind()
    ))
}

/// A bucket that is missing or not ours will not pass by itself; the caller that waits judges it.
fn bucket_obstacle(error: &PortError) -> Obstacle {
    match aws_obstacle(error) {
        Obstacle::Refused(words) => Obstacle::Refused(format!("backups: {words}")),
        Obstacle::Passing(words) => Obstacle::Passing(format!("backups: {words}")),
    }
}

#[cfg(test)]
mod tests;
