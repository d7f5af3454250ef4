//! Turns a command and its pipeline's state into a plan for an operation, or into a refusal.
//!
//! Planning writes nothing. A plan is based on one snapshot of the pipeline, and acceptance checks that the snapshot is still
//! current. A plan fills in everything that the command left out, so equal work has an equal fingerprint however it was
//! typed.

use crate::installation::{Invocation, Reject};
use crate::operation::{EngineError, OperationRequest, Snapshot, marked};
use crate::promote;
use crate::service::Service;
use sluice_grammar::{
    BuildCommand, Command, DeployCommand, PipelineCommand, PromoteCommand, RepoCommand, RollbackCommand,
};
use sluice_model::{Answer, Card, OperationId, Permission, PipelineName, Refusal, Text, Tone};

/// A pipeline lives in a channel, and a terminal is none.
fn homeless(name: &PipelineName) -> Refusal {
    Refusal::new(
        "no-channel",
        format!("`{name}` needs a home channel, where everything about it is told; a terminal has none."),
        format!("Run `/repo create {name}` in the channel that will be its home."),
    )
}

impl Service {
    /// The operation that a command requests, and the permission it needs beyond the command's.
    pub(crate) async fn request(
        &self,
        invocation: &Invocation,
        command: &Command,
        snapshot: &Snapshot,
        id: &OperationId,
        seen: Option<&str>,
    ) -> Result<(OperationRequest, Option<Permission>), Reject> {
        let state = &snapshot.state;
        let Some(name) = command.pipeline() else {
            return Err(EngineError::Corrupt(format!("no draft for {command}")).into());
        };
        // The channel of the command becomes the home of a new pipeline.
        let home = match &state.pipeline {
            Some(pipeline) => &pipeline.home,
            None if matches!(command, Command::Repo(RepoCommand::Create { .. })) => {
                invocation.channel.as_ref().ok_or_else(|| homeless(&name))?
            }
            None => return Err(Reject::say(self.app.unknown_pipeline(&name, command).await?)),
        };
        let mut resolved = match command {
            Command::Repo(RepoCommand::Create { .. }) => crate::repo::planned(state, &name, command)?,
            Command::Stage(_) => self.app.plan_stage(invocation, snapshot, (&name, command), seen).await?,
            Command::Build(BuildCommand::Build { reference, .. }) => {
                self.app.build(invocation, state, &name, reference.as_deref(), id).await?
            }
            Command::Deploy(DeployCommand::Deploy { build, stage, .. }) => {
                self.app.deploy(state, &name, *build, stage.as_ref()).await?
            }
            Command::Promote(PromoteCommand::Promote {
                to, from, release, again, override_reason, ..
            }) => {
                let override_reason = override_reason.as_deref();
                let overriding = promote::Overrides { again: *again, override_reason };
                self.app.promote(snapshot, &name, to, from.as_ref(), *release, overriding).await?
            }
            Command::Rollback(RollbackCommand::Rollback { stage, release, reason, .. }) => {
                self.app.rollback(invocation, snapshot, &name, stage, *release, reason.clone()).await?
            }
            Command::Pipeline(PipelineCommand::Tidy { now, .. }) => {
                crate::pipeline::tidy::command::tidy(state, &name, *now, command)?
            }
            Command::Pipeline(PipelineCommand::Grant { .. })
            | Command::Pipeline(PipelineCommand::Revoke { .. }) => {
                self.app.role_change(invocation, snapshot, command)?
            }
            other => return Err(EngineError::Corrupt(format!("no draft for {other}")).into()),
        };
        // Last, because it needs AWS: compare the stage with its record.
        if let Some(outside) = self.app.ask_first(&name, state, command, &resolved.params, seen).await? {
            let outside = serde_json::to_value(outside);
            resolved.params["outside"] = outside.map_err(|error| EngineError::Corrupt(error.to_string()))?;
        }
        let hint = match invocation.channel.as_ref() == Some(home) {
            true => Text::plain("Its message in the channel shows the progress."),
            false => Text::plain("Its message in ").channel(home).then(" shows the progress."),
        };
        let card = Card::new(Tone::Running, resolved.answer).hint(hint);
        let card = resolved.note.iter().fold(card, |card, note| card.text(marked(note)));
        let request = OperationRequest {
            kind: resolved.kind,
            params: resolved.params,
            home: home.clone(),
            command: command.to_string(),
            fingerprint: resolved.command.to_string(),
            counters: resolved.counters,
            writes: resolved.writes,
            answer: Answer::private(card),
            pipeline: name,
        };
        Ok((request, resolved.permission))
    }
}
