//! Where the durable state is, and where its backups go.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::sources::Reading;

/// Backups are taken from each minute to each week.
const EVERY: RangeInclusive<u64> = 60..=7 * 24 * 3600;
const EVERY_HOUR: u64 = 3600;
const KEEP: RangeInclusive<u64> = 1..=1000;
const A_DAY_OF_HOURS: u64 = 24;

/// Where the state is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// `dynamodb:TABLE`
    Table(String),
    /// `sqlite:PATH`
    File(PathBuf),
}

/// Where backups are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// `s3://bucket/prefix`; the prefix without slashes at its ends, maybe empty.
    Bucket {
        /// The bucket.
        bucket: String,
        /// What the keys begin with.
        prefix: String,
    },
}

/// What `serve` does about backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackupPlan {
    /// Where to.
    pub(crate) place: Place,
    /// How often.
    pub(crate) every: Duration,
    /// How many are kept.
    pub(crate) keep: usize,
}

impl Place {
    /// Reads it as a person writes it; else what would be right.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let no_place = || {
            format!("`{text}` is no place for backups, as in `/var/backups/sluice` or `s3://bucket/prefix`")
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            let named = !text.trim().is_empty();
            return if named { Ok(Self::Folder(PathBuf::from(text))) } else { Err(no_place()) };
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_bucket = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b));
        if scheme != "s3" || !is_bucket {
            return Err(no_place());
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
            // `-audit` is put behind it for the second table.
            (3..=249).contains(&table.len())
                && table.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        };
        let problem = match text.split_once(':') {
            Some(("dynamodb", table)) if fits(table) => return Some(State::Table(table.to_owned())),
            Some(("dynamodb", table)) => {
                format!("`{table}` is no table name: 3 to 249 of a-z, A-Z, 0-9, _, . and -")
            }
            // `:memory:` and its like are files for SQLite alone, and gone with the process.
            Some(("sqlite", path)) if !path.is_empty() && !path.starts_with(':') => {
                return Some(State::File(PathBuf::from(path)));
            }
            Some(("sqlite", path)) => format!("`{path}` is no file, as in `sqlite:/var/lib/sluice/state.db`"),
            _ => {
                format!("`{text}` is no state, as in `dynamodb:sluice` or `sqlite:/var/lib/sluice/state.db`")
            }
        };
        self.problem(name, problem);
        None
    }

    /// `SLUICE_BACKUP` and how often, for that state. The inner `None`: no backups.
    pub(super) fn backup(&mut self, state: Option<&State>) -> Option<Option<BackupPlan>> {
        let place = self.text(None, "SLUICE_BACKUP", "backup");
        let every =
            self.number("SLUICE_BACKUP_EVERY", "backup_every", "number of seconds", EVERY_HOUR, EVERY);
        let keep =
            self.number("SLUICE_BACKUP_KEEP", "backup_keep", "number of backups", A_DAY_OF_HOURS, KEEP);
        let Some((name, text)) = place else {
            for (name, _) in [every.given, keep.given].into_iter().flatten() {
                self.problem(name, "has no effect without SLUICE_BACKUP");
            }
            return Some(None);
        };
        if let Some(State::Table(table)) = state {
            self.problem(
                name,
                format!("is for state in SQLite; DynamoDB backs the table `{table}` up by itself (point-in-time recovery)"),
            );
            return None;
        }
        match Place::parse(&text) {
            Ok(place) => Some(Some(BackupPlan {
                place,
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
    fn a_place_is_a_folder_or_a_bucket() {
        let bucket = |bucket: &str, prefix: &str| {
            Ok(Place::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        };
        assert_eq!(Place::parse("s3://acme-backups/sluice/prod/"), bucket("acme-backups", "sluice/prod"));
        assert_eq!(Place::parse("s3://acme-backups"), bucket("acme-backups", ""));
        assert_eq!(Place::parse("backups"), Ok(Place::Folder("backups".into())));
        for wrong in ["", " ", "s3://", "s3://X/y", "s3://ab/c", "gs://bucket/x", "https://bucket/x"] {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
    }
}
