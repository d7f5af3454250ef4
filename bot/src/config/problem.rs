//! A problem of one setting.

use std::fmt;

/// It never contains the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The setting as it was given: `SLUICE_LISTEN`, `--state`, `sluice.toml: access.admins`.
    pub(crate) name: String,
    /// The error, and the correct form.
    pub(crate) what: String,
}

impl Problem {
    pub(crate) fn new(name: impl Into<String>, what: impl Into<String>) -> Self {
        Self { name: name.into(), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.what)
    }
}
