//! The sources of settings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::file::File;
use super::reading::Reading;
use super::{Flags, Problem};

/// All our variables. Any other `SLUICE_*` is a typing error, which would silently have no effect.
const VARIABLES: [&str; 14] = [
    "SLUICE_BACKUP",
    "SLUICE_BACKUP_EVERY",
    "SLUICE_BACKUP_KEEP",
    "SLUICE_BOUNDARY",
    "SLUICE_CONFIG",
    "SLUICE_LAMBDA_CALLS",
    "SLUICE_LEASE",
    "SLUICE_LISTEN",
    "SLUICE_LOG",
    "SLUICE_LOOK_AFTER",
    "SLUICE_METRICS",
    "SLUICE_QUEUE",
    "SLUICE_SETTLE",
    "SLUICE_STATE",
];

/// Flags and environment; the file is found by them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sources {
    pub(crate) flags: Flags,
    pub(crate) env: BTreeMap<String, String>,
}

impl Sources {
    /// These flags and this process's environment, without variables that are not UTF-8: none of ours is.
    pub(crate) fn of_process(flags: Flags) -> Self {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { flags, env }
    }

    fn named_file(&self) -> Option<PathBuf> {
        let variable = || self.env.get("SLUICE_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        self.flags.config.clone().or_else(variable)
    }

    /// The path of the file, whether it exists or not.
    pub(super) fn file(&self) -> PathBuf {
        self.named_file().unwrap_or_else(|| PathBuf::from("sluice.toml"))
    }

    /// Reads the file; a problem with it is the first of the reading.
    pub(super) fn read(mut self) -> Reading {
        self.env.retain(|_, value| !value.is_empty());
        let mut problems: Vec<Problem> = self
            .env
            .keys()
            .filter(|name| name.starts_with("SLUICE_") && !VARIABLES.contains(&name.as_str()))
            .map(|name| Problem::new(name.clone(), "unknown variable".to_owned()))
            .collect();
        let named = self.named_file();
        let path = self.file();
        let shown = path.display().to_string();
        let parsed = match std::fs::read_to_string(&path) {
            Ok(text) => File::parse(&shown, &text),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(File::default())
            }
            Err(error) => Err(Problem::new(shown, format!("cannot be read: {}", error.kind()))),
        };
        let file = parsed.unwrap_or_else(|problem| {
            problems.push(problem);
            File::default()
        });
        Reading { flags: self.flags, env: self.env, file, problems }
    }
}
