//! Clicks on buttons.
//!
//! A decision, by button or by command, sends a signal to the waiting operation, bound to its id and the revision at which it waits.
//! A decision that is late, repeated, on one's own request or without the role is refused. A command that a message offers as the
//! next step runs as if the person who clicks had typed it, unless the pipeline has moved on since.

use crate::installation::{Extras, Invocation, Reject};
use crate::operation::{Signal, SignalKind};
use crate::service::Service;
use sluice_grammar::{BuildCommand, Command, DeployCommand, Names, PromoteCommand, StageCommand, parse_line};
use sluice_model::{Answer, Click, Confirmed, NextStep, Wait, invalid_button};

impl Service {
    /// Handles a click on a button.
    pub(crate) async fn click(
        &self,
        invocation: &Invocation,
        action: &str,
        value: &str,
    ) -> Result<Answer, Reject> {
        let signal = |kind| Signal { kind, reason: None };
        let click = Click::decode(action, value)?;
        match click {
            Click::Approve(wait) => self.decide_wait(invocation, &wait, SignalKind::Approve).await,
            Click::Reject(wait) => self.decide_wait(invocation, &wait, SignalKind::Reject).await,
            Click::Cancel(id) => self.app.cancel_operation(invocation, &id, signal(SignalKind::Cancel)).await,
            Click::Retry(Wait { operation, wait }) => {
                self.app.retry_or_resolve(invocation, &operation, &wait, signal(SignalKind::Retry)).await
            }
            Click::Resolve(Wait { operation, wait }) => {
                self.app.retry_or_resolve(invocation, &operation, &wait, signal(SignalKind::Resolve)).await
            }
            Click::AskAccess { role, pipeline, wanted } => {
                self.ask(invocation, role, pipeline.as_ref(), &wanted).await
            }
            Click::GrantAccess(request) => self.answer_request(invocation, &request, true).await,
            Click::DeclineAccess(request) => self.answer_request(invocation, &request, false).await,
            Click::AcceptDrift(confirmed) => {
                let is_meant = |command: &Command| command.accepts_drift() == Some(true);
                self.confirmed(invocation, &confirmed, is_meant).await
            }
            Click::LowerPolicy(confirmed) => {
                let is_meant = |command: &Command| {
                    matches!(command, Command::Stage(StageCommand::Set { confirm: true, .. }))
                };
                self.confirmed(invocation, &confirmed, is_meant).await
            }
            Click::RemoveStage(confirmed) => {
                let is_meant = |command: &Command| {
                    matches!(command, Command::Stage(StageCommand::Remove { now: true, .. }))
                };
                self.confirmed(invocation, &confirmed, is_meant).await
            }
            Click::Build(ref next)
            | Click::BuildAgain(ref next)
            | Click::BuildLog(ref next)
            | Click::Deploy(ref next)
            | Click::Promote(ref next)
            | Click::RollBack(ref next) => {
                self.next_step(invocation, next, |command| offers(&click, command)).await
            }
            Click::Older { after, line } => self.app.older(invocation, after, &line).await,
        }
    }

    /// Runs a command that a message offered, if it still is the next step.
    async fn next_step(
        &self,
        invocation: &Invocation,
        next: &NextStep,
        is_meant: impl Fn(&Command) -> bool,
    ) -> Result<Answer, Reject> {
        let parsed = parse_line(&next.line, &Names::default()).ok().filter(is_meant);
        let command = parsed.ok_or_else(invalid_button)?;
        match &next.while_it {
            None => self.command(invocation, command).await,
            // Judged by the state with which it is accepted.
            holds => {
                self.operate(invocation, command, Extras { holds: holds.clone(), ..Extras::default() }).await
            }
        }
    }

    async fn decide_wait(
        &self,
        invocation: &Invocation,
        Wait { operation, wait }: &Wait,
        kind: SignalKind,
    ) -> Result<Answer, Reject> {
        let loaded = self.app.load(operation).await?.map(|loaded| (loaded.head, loaded.op));
        self.app.send_decision(invocation, loaded, Some(wait), Signal { kind, reason: None }).await
    }

    /// Runs the confirmed command, for the state that its author saw.
    async fn confirmed(
        &self,
        invocation: &Invocation,
        Confirmed { seen, line }: &Confirmed,
        is_meant: impl Fn(&Command) -> bool,
    ) -> Result<Answer, Reject> {
        match parse_line(line, &Names::default()) {
            Ok(command) if is_meant(&command) => {
                self.operate(invocation, command, Extras::about(Some(seen))).await
            }
            _ => Err(invalid_button().into()),
        }
    }
}

/// Whether a button of this kind offers such a command: a button that was made for another one is not valid.
fn offers(click: &Click, command: &Command) -> bool {
    matches!(
        (click, command),
        (Click::Build(_), Command::Build(BuildCommand::Build { .. }))
            | (Click::BuildAgain(_), Command::Build(BuildCommand::Retry { .. }))
            | (Click::BuildLog(_), Command::Build(BuildCommand::Log { .. }))
            | (Click::Deploy(_), Command::Deploy(DeployCommand::Deploy { .. }))
            | (Click::Promote(_), Command::Promote(PromoteCommand::Promote { .. }))
            | (Click::RollBack(_), Command::Rollback(_))
    )
}
