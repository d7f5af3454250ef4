//! The durable state and its backups.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::reading::Reading;

/// From each minute to each week.
const EVERY: RangeInclusive<u64> = 60..=7 * 24 * 3600;
const EVERY_HOUR: u64 = 3600;
const KEEP: RangeInclusive<u64> = 1..=1000;
const A_DAY_OF_HOURS: u64 = 24;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// `dynamodb:TABLE`
    Table(String),
    /// `sqlite:PATH`
    File(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BackupLocation {
    /// A folder on this machine.
    Folder(PathBuf),
    /// `s3://bucket/prefix`. The prefix has no slash at its start or end, and may be empty.
    Bucket { bucket: String, prefix: String },
}

/// The backups that `serve` makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackupPlan {
    pub(crate) location: BackupLocation,
    pub(crate) every: Duration,
    /// How many are kept; older ones are deleted.
    pub(crate) keep: usize,
}

impl BackupLocation {
    /// Parses `/var/backups/sluice` or `s3://bucket/prefix`; the error is a text for people.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let invalid = || {
            format!(
                "`{text}` is not a place for backups, as in `/var/backups/sluice` or `s3://bucket/prefix`"
            )
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            let named = !text.trim().is_empty();
            return if named { Ok(Self::Folder(PathBuf::from(text))) } else { Err(invalid()) };
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_bucket = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b));
        if scheme != "s3" || !is_bucket {
            return Err(invalid());
        }
        Ok(Self::Bucket { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
    }
}

impl Reading {
    /// `SLUICE_STATE`.
    pub(super) fn state(&mut self) -> Option<State> {
        let flag = self.flags.state.clone();
        let Some((name, text)) = self.text(Some(("--state", flag)), "SLUICE_STATE", "state") else {
            return Some(State::Table("sluice".to_owned()));
        };
        let fits = |table: &str| {
            // Leaves space for `-audit`, the suffix of the second table.
            (3..=249).contains(&table.len())
                && table.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        };
        let problem = match text.split_once(':') {
            Some(("dynamodb", table)) if fits(table) => return Some(State::Table(table.to_owned())),
            Some(("dynamodb", table)) => {
                format!("`{table}` is not a table name: use 3 to 249 of a-z, A-Z, 0-9, _, . and -")
            }
            // SQLite reads `:memory:` and the like as databases that end with the process.
            Some(("sqlite", path)) if !path.is_empty() && !path.starts_with(':') => {
                return Some(State::File(PathBuf::from(path)));
            }
            Some(("sqlite", path)) => {
                format!("`{path}` is not a file, as in `sqlite:/var/lib/sluice/state.db`")
            }
            _ => {
                format!(
                    "`{text}` is not a state, as in `dynamodb:sluice` or `sqlite:/var/lib/sluice/state.db`"
                )
            }
        };
        self.problem(name, problem);
        None
    }

    /// `SLUICE_BACKUP` and its two numbers, for that state. The inner `None` means no backups.
    pub(super) fn backup(&mut self, state: Option<&State>) -> Option<Option<BackupPlan>> {
        let location = self.text(None, "SLUICE_BACKUP", "backup");
        let every =
            self.number("SLUICE_BACKUP_EVERY", "backup_every", "number of seconds", EVERY_HOUR, EVERY);
        let keep =
            self.number("SLUICE_BACKUP_KEEP", "backup_keep", "number of backups", A_DAY_OF_HOURS, KEEP);
        let Some((name, text)) = location else {
            for (name, _) in [every.given, keep.given].into_iter().flatten() {
                self.problem(name, "has no effect without SLUICE_BACKUP");
            }
            return Some(None);
        };
        if let Some(State::Table(table)) = state {
            self.problem(
                name,
                format!("is for state in SQLite; DynamoDB backs up the table `{table}` itself (point-in-time recovery)"),
            );
            return None;
        }
        match BackupLocation::parse(&text) {
            Ok(location) => Some(Some(BackupPlan {
                location,
                every: Duration::from_secs(every.value?),
                keep: usize::try_from(keep.value?).ok()?,
            })),
            Err(what) => {
                self.problem(name, what);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_location_is_a_folder_or_a_bucket() {
        let bucket = |bucket: &str, prefix: &str| {
            Ok(BackupLocation::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        };
        assert_eq!(
            BackupLocation::parse("s3://acme-backups/sluice/prod/"),
            bucket("acme-backups", "sluice/prod")
        );
        assert_eq!(BackupLocation::parse("s3://acme-backups"), bucket("acme-backups", ""));
        assert_eq!(BackupLocation::parse("backups"), Ok(BackupLocation::Folder("backups".into())));
        for wrong in ["", " ", "s3://", "s3://X/y", "s3://ab/c", "gs://bucket/x", "https://bucket/x"] {
            assert!(BackupLocation::parse(wrong).is_err(), "{wrong}");
        }
    }
}
