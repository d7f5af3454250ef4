//! What the bot is told before it starts: flags > environment > `sluice.toml` > compiled defaults (DESIGN 10).
//!
//! A configuration that exists can work. Every problem is found before anything starts, all of them are told at once,
//! each by the name under which the person gave it; no value of a secret is ever part of a problem.

mod file;
mod reload;
mod secret;
mod sources;
mod state;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use sluice_commands::domain::PinnedRoles;
use sluice_grammar::Names;
use url::Url;

pub(crate) use reload::Reload;
pub(crate) use secret::Secret;
pub(crate) use sources::{Sources, is_loopback_http};
pub(crate) use state::{BackupPlan, Place, State};

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The setting as it was given: `SLUICE_LISTEN`, `--state`, `sluice.toml: access.admins`.
    pub(crate) name: String,
    /// What is wrong, and what would be right.
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.what)
    }
}

/// What every subcommand needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Base {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where to show metrics, if they are shown.
    pub(crate) metrics: Option<SocketAddr>,
    /// Where the state is.
    pub(crate) state: State,
    /// Where it is backed up to, if it is.
    pub(crate) backup: Option<BackupPlan>,
    /// The SQS queue by which replicas wake each other, `.fifo` included.
    pub(crate) queue: Option<String>,
    /// The statements of the organisation's own permissions boundary, if it brings one.
    pub(crate) boundary: Option<Vec<serde_json::Value>>,
    /// How long an owner of an operation may be silent before another replica takes it over.
    pub(crate) lease: Duration,
    /// How long AWS is given to show an effect before it counts as absent.
    pub(crate) settle: Duration,
    /// Who may do what, as far as the file pins it.
    pub(crate) access: PinnedRoles,
    /// What the slash commands are called here.
    pub(crate) names: Names,
}

/// How to reach Slack, and how to know it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SlackAccess {
    /// The base of the Web API, without a slash at its end.
    pub(crate) api_url: Url,
    /// What we show to Slack.
    pub(crate) bot_token: Secret,
    /// What Slack signs its deliveries with.
    pub(crate) signing_secret: Secret,
}

/// Everything that `serve` and `check` need.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// Without Slack.
    pub(crate) base: Base,
    /// Slack.
    pub(crate) slack: SlackAccess,
}

impl Config {
    /// Reads everything, or says everything that is wrong.
    pub(crate) fn load(sources: Sources) -> Result<Self, Vec<Problem>> {
        let mut reading = sources.read();
        let base = reading.base();
        let slack = reading.slack();
        let problems = reading.finish();
        match (base, slack) {
            (Some(base), Some(slack)) if problems.is_empty() => Ok(Self { base, slack }),
            _ => Err(problems),
        }
    }
}

impl Base {
    /// Reads all but Slack's secrets, which `init` does without.
    pub(crate) fn load(sources: Sources) -> Result<Self, Vec<Problem>> {
        let mut reading = sources.read();
        let base = reading.base();
        let problems = reading.finish();
        base.filter(|_| problems.is_empty()).ok_or(problems)
    }
}

#[cfg(test)]
mod tests;
