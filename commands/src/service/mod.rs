//! From an authenticated [`Invocation`] to an [`Answer`]: parse, authorise, then either read, or accept in one
//! transaction. The answer is complete before any work starts. The engine does the work.
//!
//! A delivery counts once: a repeated delivery gets the same answer and has no other effect. Only the author of a command
//! sees what is wrong with it.

mod access_requests;
mod audit_export;
mod clicks;
mod messages;
mod plan;
mod refusals;
#[cfg(test)]
mod tests;
mod tidy;

pub use self::audit_export::AuditExport;
pub use crate::installation::{Input, Invocation};

use std::sync::Arc;

use crate::installation::{Extras, Installation, Reject, TRIES, delivery_of, misdirected, refused};
use crate::operation::{Accepted, Engine, EngineError, Snapshot, accept, answered};
use crate::pipeline::change_of;
use sluice_grammar::{Action, Command, Names, RepoCommand};
use sluice_model::{Answer, Card, PipelineName, Span, Text};

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// The store is unreachable or denies access. Nothing was done.
    Unreachable,
    /// It is unknown whether the delivery was recorded.
    Unconfirmed,
}

/// Answers deliveries.
pub struct Service {
    app: Installation,
    quota: refusals::RefusalQuota,
}

impl Service {
    /// A service over that engine, with this installation's names of the commands.
    pub fn new(engine: Arc<Engine>, names: Names) -> Self {
        Self { app: Installation::new(engine, names), quota: Default::default() }
    }

    /// Answers a delivery.
    pub async fn handle(&self, invocation: Invocation) -> Result<Answer, NoAnswer> {
        if !invocation.actor.terminal {
            self.app.engine.world().ports.directory.seen(&invocation.actor.id);
        }
        let stop = match &invocation.input {
            Input::Slash { command, text } => match sluice_grammar::parse(command, text, &self.app.names) {
                // Boxed: without it, every delivery's future would be as large as that of the largest command.
                Ok(command) => Box::pin(self.command(&invocation, command)).await,
                Err(wrong) => match Box::pin(self.app.with_stages(command, wrong)).await {
                    Ok(wrong) => return Ok(Answer::private(wrong.card(&self.app.names))),
                    Err(stop) => Err(stop),
                },
            },
            Input::Click { action_id, value } => Box::pin(self.click(&invocation, action_id, value)).await,
        };
        match stop {
            Ok(answer) => Ok(self.named(answer)),
            Err(Reject::Answer(card)) => Ok(self.named(Answer::private(*card))),
            Err(Reject::Refused(refusal, offer)) => {
                let card = offer.into_iter().fold(refused(&refusal), |card, offer| card.button(*offer));
                let answer = self.named(Answer::private(card));
                Box::pin(refusals::record(&self.app, &self.quota, &invocation, &refusal, &answer)).await;
                Ok(answer)
            }
            Err(Reject::EngineError(EngineError::Unconfirmed)) => {
                tracing::error!("it is unknown whether a delivery was recorded");
                Err(NoAnswer::Unconfirmed)
            }
            Err(Reject::EngineError(trouble @ EngineError::Store(_)))
                if !trouble.is_of_what_is_recorded() && !trouble.needs_access() =>
            {
                tracing::error!(error = %trouble, "a delivery could not be answered");
                Err(NoAnswer::Unreachable)
            }
            Err(Reject::EngineError(trouble)) => {
                tracing::error!(error = %trouble, "a delivery could not be answered");
                Ok(Answer::private(refused(&trouble.refusal())))
            }
        }
    }

    /// Replaces the commands in an answer by this installation's names.
    fn named(&self, answer: Answer) -> Answer {
        if self.app.names == Names::default() {
            return answer;
        }
        let replaces = answer.replaces.map(|card| Box::new(rename(*card, &self.app.names)));
        Answer { card: rename(answer.card, &self.app.names), replaces, ..answer }
    }

    async fn command(&self, invocation: &Invocation, command: Command) -> Result<Answer, Reject> {
        if let Some(what) = command.not_yet() {
            return Err(Reject::answer(messages::not_available(&what)));
        }
        match command.form().action {
            Action::Read => self.read(invocation, command).await,
            Action::Approve(_) | Action::End(_) => self.signal(invocation, command).await,
            Action::Start(_) => match change_of(&command) {
                Some(change) if change.name.is_none() => self.app.change_roles(invocation, &command).await,
                _ => self.operate(invocation, command, Extras::default()).await,
            },
        }
    }

    /// Answers a command that changes nothing.
    async fn read(&self, invocation: &Invocation, command: Command) -> Result<Answer, Reject> {
        match command {
            Command::Repo(command) => self.app.read_repo(command).await,
            Command::Build(command) => self.app.read_build(invocation, command).await,
            Command::Deploy(command) => self.app.read_deploy(command).await,
            Command::Promote(command) => self.app.read_promotion(command).await,
            Command::Stage(command) => self.app.read_stage(command).await,
            Command::Pipeline(command) => self.app.read_pipeline(invocation, command).await,
            other => Err(misdirected(other)),
        }
    }

    /// Approves, rejects or cancels an operation.
    async fn signal(&self, invocation: &Invocation, command: Command) -> Result<Answer, Reject> {
        match command {
            Command::Build(command) => self.app.signal_build(invocation, command).await,
            Command::Deploy(command) => self.app.signal_deploy(invocation, command).await,
            Command::Promote(command) => self.app.signal_promotion(invocation, command).await,
            other => Err(misdirected(other)),
        }
    }

    /// Accepts a command that becomes an operation.
    async fn operate(
        &self,
        invocation: &Invocation,
        command: Command,
        extras: Extras,
    ) -> Result<Answer, Reject> {
        let Some(name) = command.pipeline() else {
            return Err(EngineError::Corrupt(format!("no operation for {command}")).into());
        };
        for _ in 0..TRIES {
            match self.try_operate(invocation, &command, &name, extras.clone()).await {
                Ok(Accepted::Yes(answer) | Accepted::Before(answer)) => return Ok(answer),
                Ok(Accepted::Again) => {}
                Err(stop) => return self.app.or_earlier_answer(invocation, stop).await,
            }
        }
        Err(messages::busy(&name).into())
    }

    /// Tries once on the current state of the pipeline, with `extras` in the same transaction.
    async fn try_operate(
        &self,
        invocation: &Invocation,
        command: &Command,
        name: &PipelineName,
        extras: Extras,
    ) -> Result<Accepted, Reject> {
        let world = self.app.engine.world();
        let snapshot = Snapshot::read(world, name).await?;
        let id = self.app.new_id()?;
        let asking = |stop: Reject| match snapshot.state.pipeline.as_ref().map(|pipeline| &pipeline.name) {
            // A missing pipeline, whose name may be a typo, has no roles to request. Creating one needs a role for all
            // pipelines.
            None if !matches!(command, Command::Repo(RepoCommand::Create { .. })) => stop,
            name => stop.with_request_button(name, &command.to_string()),
        };
        let granted = snapshot.access.permit(command.permission(), &invocation.actor.id);
        let granted = granted.map_err(|refusal| asking(refusal.into()))?;
        let passed_by =
            extras.holds.as_ref().and_then(|holds| messages::passed_by(name, holds, &snapshot.state));
        if let Some(card) = passed_by {
            return Err(Reject::answer(card));
        }
        let drafted = self.request(invocation, command, &snapshot, &id, extras.seen.as_deref()).await;
        let (mut request, permission) = drafted.map_err(asking)?;
        let granted = match permission {
            Some(permission) => {
                let granted = snapshot.access.permit(permission, &invocation.actor.id);
                granted.map_err(|refusal| asking(refusal.into()))?
            }
            None => granted,
        };
        if let Some(open) =
            snapshot.state.queue.tickets.iter().find(|ticket| ticket.fingerprint == request.fingerprint)
        {
            // A repeated delivery gets its old answer. The same command in a new delivery shows the open operation.
            if let Some((answer, _)) = answered(&self.app.engine, &invocation.delivery).await? {
                return Ok(Accepted::Before(answer));
            }
            if !world.settings.notifies {
                // At a terminal: this process continues the operation if no other does.
                world.runner.run(open.operation.clone());
            }
            let (line, id) = (request.fingerprint.clone(), open.operation.clone());
            return Err(Reject::answer(
                self.app.already_running(&line, &id, invocation.channel.as_ref()).await?,
            ));
        }
        request.writes.extend(extras.writes);
        request.answer = request.answer.replacing(extras.replaces);
        Ok(accept(&self.app.engine, id, &delivery_of(invocation), &snapshot, request, granted.rule()).await?)
    }
}

/// Renames the commands that a card mentions.
fn rename(card: Card, names: &Names) -> Card {
    let span = |span| match span {
        Span::Code(words) if words.starts_with('/') => Span::Code(names.adapt(&words)),
        other => other,
    };
    card.map_texts(|text| Text(text.0.into_iter().map(span).collect()))
}
