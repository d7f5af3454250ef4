//! The configuration as the rest of the crate reads it, and how it is loaded.

use std::net::SocketAddr;
use std::time::Duration;

use sluice_commands::rules::PinnedRoles;
use sluice_grammar::Names;

use super::reading::Reading;
use super::{BackupPlan, Problem, SlackAccess, Sources, State};

/// The settings of every subcommand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Base {
    /// The address that Slack delivers to.
    pub(crate) listen: SocketAddr,
    /// The address of `/metrics`, if it is served.
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) state: State,
    /// Where and how often the state is backed up, if it is.
    pub(crate) backup: Option<BackupPlan>,
    /// The SQS queue by which replicas wake each other, with its suffix `.fifo`.
    pub(crate) queue: Option<String>,
    /// The statements of the organisation's own permissions boundary, if there is one.
    pub(crate) boundary: Option<Vec<serde_json::Value>>,
    /// How long an owner of an operation may be silent before another replica takes it over.
    pub(crate) lease: Duration,
    /// The calls that this process may make to Lambda's control plane in any second.
    pub(crate) lambda_calls: u16,
    /// How long AWS has to show an effect before it counts as absent.
    pub(crate) settle: Duration,
    /// How long after a deploy, promotion or rollback its functions' first minutes are looked at; `None`: not at all.
    pub(crate) look_after: Option<Duration>,
    /// The roles that the file pins.
    pub(crate) access: PinnedRoles,
    /// The names of the slash commands.
    pub(crate) names: Names,
}

/// The settings of `serve` and `check`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    pub(crate) base: Base,
    pub(crate) slack: SlackAccess,
}

impl Config {
    /// Everything, or all problems.
    pub(crate) fn load(sources: Sources) -> Result<Self, Vec<Problem>> {
        let mut reading = sources.read();
        let (base, slack) = (base(&mut reading), reading.slack());
        let problems = reading.finish();
        match (base, slack) {
            (Some(base), Some(slack)) if problems.is_empty() => Ok(Self { base, slack }),
            _ => Err(problems),
        }
    }
}

impl Base {
    /// Everything but Slack's secrets, which `init`, `backup`, `run` and `audit` do not need.
    pub(crate) fn load(sources: Sources) -> Result<Self, Vec<Problem>> {
        let mut reading = sources.read();
        let base = base(&mut reading);
        let problems = reading.finish();
        base.filter(|_| problems.is_empty()).ok_or(problems)
    }
}

/// Reads every setting before it fails, to find all problems.
fn base(reading: &mut Reading) -> Option<Base> {
    let listen = reading.listen();
    let metrics = reading.metrics(listen);
    let state = reading.state();
    let backup = reading.backup(state.as_ref());
    let queue = reading.queue();
    let boundary = reading.boundary();
    let lease = reading.seconds("SLUICE_LEASE", "lease", 15, 1);
    let settle = reading.seconds("SLUICE_SETTLE", "settle", 15, 0);
    let lambda_calls = reading.lambda_calls();
    let look_after = reading.seconds("SLUICE_LOOK_AFTER", "look_after", 360, 0);
    let access = reading.access();
    let names = reading.names();
    Some(Base {
        listen: listen?,
        metrics: metrics?,
        state: state?,
        backup: backup?,
        queue: queue?,
        boundary: boundary?,
        lease: lease?,
        settle: settle?,
        lambda_calls: lambda_calls?,
        look_after: look_after.map(|after| Some(after).filter(|after| !after.is_zero()))?,
        access,
        names: names?,
    })
}
