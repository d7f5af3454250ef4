//! The exit statuses of the process, which scripts and service managers read (DESIGN 10).

use std::process::ExitCode;

/// How a subcommand ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Status 0.
    Done,
    /// Status 1: `check` found something missing, `template check` a refusal, the command of `run` was refused or failed, or a vital task died.
    Failed,
    /// Status 2: the configuration cannot work.
    BadConfiguration,
    /// Status 3: Slack or AWS refuse our credentials; or the state is missing, damaged, served by another process, or
    /// belongs to another account or region.
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
