//! From a command and what is known of its pipeline to the draft of an operation, or to the reason why not.
//!
//! Nothing is written here: a draft is made of one view of the pipeline, and accepting it checks that the view still holds.
//! What a command leaves open is resolved in it, so that equal work has an equal fingerprint however it was typed.

mod build;
mod deploy;
mod pipeline;
mod promote;
mod roles;
mod rollback;
mod stage;

pub(crate) use roles::change_of;
pub use stage::LOWER_BUTTON;

use serde::Serialize;
use serde_json::Value;

use crate::domain::{Release, from_item};
use crate::operation::{EngineError, OperationRequest, Snapshot, marked};
use crate::ports::{Guard, Guards, Write};
use crate::service::{Invocation, Service, Stop};
use sluice_grammar::{
    BuildCommand, Command, DeployCommand, PipelineCommand, PromoteCommand, RepoCommand, RollbackCommand,
    StageCommand,
};
use sluice_model::{Answer, Card, OperationId, Permission, PipelineName, Refusal, ReleaseNumber, Text, Tone};

/// A command with all that it left open filled in, as its kind of operation takes it.
struct Resolved {
    kind: &'static str,
    params: Value,
    command: Command,
    counters: Guards,
    writes: Vec<Write>,
    answer: Text,
    /// What is worth to be known of it at once, in words.
    note: Option<String>,
    /// Who may ask for exactly this, where the words of the command alone do not say.
    permission: Option<Permission>,
}

impl Resolved {
    fn new(kind: &'static str, params: impl Serialize, command: Command, answer: Text) -> Result<Self, Stop> {
        let params = serde_json::to_value(params).map_err(|error| EngineError::Corrupt(error.to_string()))?;
        let (counters, writes) = (Guards::new(), vec![]);
        Ok(Self { kind, params, command, counters, writes, answer, note: None, permission: None })
    }

    /// Takes the next number of a counter with it.
    fn counting(mut self, counter: &str, number: u32) -> Self {
        self.counters.insert(counter.to_owned(), Guard::Number(number.into()));
        self
    }

    /// With something worth to be known at once.
    fn noting(self, note: Option<String>) -> Self {
        Self { note, ..self }
    }

    /// Only for those.
    fn only_for(self, permission: Permission) -> Self {
        Self { permission: Some(permission), ..self }
    }

    /// Brings a record into being with it.
    fn writing(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }
}

/// A pipeline lives in a channel, and a terminal is none.
fn homeless(name: &PipelineName) -> Refusal {
    Refusal::new(
        "no-channel",
        format!("`{name}` needs a home channel, where everything about it is told; a terminal has none."),
        format!("Type `/repo create {name}` in the channel that is to be its home."),
    )
}

impl Service {
    /// The draft of a command, from its pipeline as it was seen.
    pub(crate) async fn request(
        &self,
        invocation: &Invocation,
        command: &Command,
        snapshot: &Snapshot,
        id: &OperationId,
        seen: Option<&str>,
    ) -> Result<(OperationRequest, Option<Permission>), Stop> {
        let state = &snapshot.state;
        let Some(name) = command.pipeline() else {
            return Err(EngineError::Corrupt(format!("no draft for {command}")).into());
        };
        // A pipeline that is being created is at home where it was asked for.
        let home = match &state.pipeline {
            Some(pipeline) => &pipeline.home,
            None if matches!(command, Command::Repo(RepoCommand::Create { .. })) => {
                invocation.channel.as_ref().ok_or_else(|| homeless(&name))?
            }
            None => return Err(Stop::send_signal(self.unknown_pipeline(&name, command).await?)),
        };
        let mut resolved = match command {
            Command::Repo(RepoCommand::Create { .. }) => pipeline::repo_create(state, &name, command)?,
            Command::Stage(StageCommand::Add { stage, after, .. }) => {
                pipeline::stage_add(state, &name, stage, after.as_ref(), command)?
            }
            Command::Build(BuildCommand::Build { reference, .. }) => {
                self.build(invocation, state, &name, reference.as_deref(), id).await?
            }
            Command::Deploy(DeployCommand::Deploy { build, stage, .. }) => {
                self.deploy(state, &name, *build, stage.as_ref()).await?
            }
            Command::Stage(StageCommand::Set { stage, settings, confirm, .. }) => {
                let setting = stage::Setting { state, name: &name, command, seen };
                self.set(setting, stage, settings, *confirm).await?
            }
            Command::Stage(StageCommand::Lock { .. }) => self.lock(invocation, snapshot, command)?,
            Command::Stage(StageCommand::Unlock { stage, .. }) => {
                self.unlock(invocation, snapshot, &name, stage.as_ref(), command)?
            }
            Command::Promote(PromoteCommand::Promote {
                to, from, release, again, override_reason, ..
            }) => {
                let override_reason = override_reason.as_deref();
                let overriding = promote::Overrides { again: *again, override_reason };
                self.promote(snapshot, &name, to, from.as_ref(), *release, overriding).await?
            }
            Command::Rollback(RollbackCommand::Rollback { stage, release, reason, .. }) => {
                self.rollback(invocation, snapshot, &name, stage, *release, reason.clone()).await?
            }
            Command::Pipeline(PipelineCommand::Tidy { now, .. }) => {
                pipeline::tidy(state, &name, *now, command)?
            }
            Command::Pipeline(PipelineCommand::Grant { .. })
            | Command::Pipeline(PipelineCommand::Revoke { .. }) => {
                self.role_change(invocation, snapshot, command)?
            }
            other => return Err(EngineError::Corrupt(format!("no draft for {other}")).into()),
        };
        // The last question, after all that needs no AWS: what is really there.
        if let Some(outside) = self.ask_first(&name, state, command, &resolved.params, seen).await? {
            let outside = serde_json::to_value(outside);
            resolved.params["outside"] = outside.map_err(|error| EngineError::Corrupt(error.to_string()))?;
        }
        let hint = match invocation.channel.as_ref() == Some(home) {
            true => Text::plain("Follow it in its message in the channel."),
            false => Text::plain("Follow it in ").channel(home).then("."),
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

    /// A release that may come to run on a stage again or further on.
    async fn release(&self, name: &PipelineName, number: ReleaseNumber) -> Result<Release, Stop> {
        let world = self.engine.world();
        let found = world.store.get(&world.keys.release(name, number)).await?;
        let found: Option<Release> = found.map(|item| from_item(&item)).transpose()?;
        found.filter(|release| release.succeeded).ok_or_else(|| {
            Refusal::new(
                "no-such-release",
                format!("Pipeline `{name}` has no release `{number}` that succeeded."),
                format!("See what ran where: `/pipeline history {name}`."),
            )
            .into()
        })
    }
}
