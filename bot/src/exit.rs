//! The ends of the process, by number: scripts and service managers read these (DESIGN 10).

use std::process::ExitCode;

/// How a subcommand ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As asked.
    Done,
    /// `check` found something missing, what `run` was asked for was refused or failed, or a task without which the bot is
    /// of no use died.
    Failed,
    /// The configuration cannot work.
    BadConfiguration,
    /// Slack or AWS refuse our credentials; the state is missing, damaged, served by another process, or belongs to
    /// another account or region.
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::BadConfiguration => 2,
            Exit::Refused => 3,
        })
    }
}
