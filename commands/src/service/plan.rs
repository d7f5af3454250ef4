//! Turns a command and its pipeline's state into a plan for an operation, or into a refusal.
//!
//! Planning writes nothing. A plan is based on one snapshot of the pipeline, and acceptance checks that the snapshot is still
//! current. A plan fills in everything that the command left out, so equal work has an equal fingerprint however it was
//! typed.

use crate::installation::{Invocation, Planning, Reject};
use crate::operation::{EngineError, OperationRequest, Snapshot};
use crate::service::{Service, messages};
use sluice_grammar::{Command, RepoCommand};
use sluice_model::{Answer, OperationId, Permission};

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
            return Err(EngineError::Corrupt(format!("no plan for {command}")).into());
        };
        // The channel of the command becomes the home of a new pipeline.
        let home = match &state.pipeline {
            Some(pipeline) => &pipeline.home,
            None if matches!(command, Command::Repo(RepoCommand::Create { .. })) => {
                invocation.channel.as_ref().ok_or_else(|| messages::needs_channel(&name))?
            }
            None => return Err(Reject::answer(self.app.unknown_pipeline(&name, command).await?)),
        };
        let of = Planning { invocation, command, name: &name, snapshot, id, seen };
        let mut plan = match command {
            Command::Repo(repo) => self.app.plan_repo(of, repo)?,
            Command::Build(build) => self.app.plan_build(of, build).await?,
            Command::Deploy(deploy) => self.app.plan_deploy(of, deploy).await?,
            Command::Stage(stage) => self.app.plan_stage(of, stage).await?,
            Command::Promote(promote) => self.app.plan_promote(of, promote).await?,
            Command::Rollback(rollback) => self.app.plan_rollback(of, rollback).await?,
            Command::Pipeline(pipeline) => self.app.plan_pipeline(of, pipeline)?,
        };
        // Last, because it needs AWS: compare the stage with its record.
        if let Some(outside) = self.app.confirm_drift(&name, state, command, &plan.params, seen).await? {
            let outside = serde_json::to_value(outside);
            plan.params["outside"] = outside.map_err(|error| EngineError::Corrupt(error.to_string()))?;
        }
        let elsewhere = Some(home).filter(|home| invocation.channel.as_ref() != Some(home));
        let card = messages::accepted(plan.answer, plan.note.as_deref(), elsewhere);
        let request = OperationRequest {
            kind: plan.kind,
            params: plan.params,
            home: home.clone(),
            command: command.to_string(),
            fingerprint: plan.command.to_string(),
            counters: plan.counters,
            writes: plan.writes,
            answer: Answer::private(card),
            pipeline: name,
        };
        Ok((request, plan.permission))
    }
}
