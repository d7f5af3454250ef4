//! From an authenticated [`Invocation`] to an [`Answer`]: parse, authorise, then either read, or accept in one
//! transaction. The answer is complete before any work starts. The engine does the work.
//!
//! A delivery counts once: a repeated delivery gets the same answer and has no other effect. Only the author of a command
//! sees what is wrong with it.

mod access_requests;
mod audit_export;
mod cancel;
mod check;
mod clicks;
mod drift;
mod history;
mod invocation;
mod plan;
mod reads;
mod refusals;
mod requests;
mod roles;
mod runtimes;
#[cfg(test)]
mod tests;
mod tidy;

pub use access_requests::{ASK_BUTTON, DECLINE_BUTTON, GRANT_BUTTON};
pub use audit_export::AuditExport;
pub use drift::GO_BUTTON;
pub use invocation::*;
pub use plan::LOWER_BUTTON;

use std::sync::Arc;

use ulid::Ulid;

use crate::operation::{Accepted, Engine, EngineError, SignalKind, Snapshot, accept, answered, marked};
use crate::ports::{StoreError, Write};
use sluice_grammar::{Action, BuildCommand, Command, DeployCommand, Names, PromoteCommand, RepoCommand};
use sluice_model::{Answer, Button, Card, ChannelId, OperationId, PipelineName, Refusal, Span, Text, Tone};

/// How often an acceptance is retried because the pipeline changed meanwhile.
const TRIES: usize = 8;

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
    engine: Arc<Engine>,
    names: Names,
    looks: Arc<drift::DriftCache>,
    shares: refusals::RefusalQuota,
}

/// What stands in the way of an answer that somebody wanted.
pub(crate) enum Stop {
    /// It is told to them.
    Say(Box<Card>),
    /// A refusal, which the history may record, with a button for a next step.
    Refused(Box<Refusal>, Option<Box<Button>>),
    /// The engine or one of its ports failed.
    EngineError(EngineError),
}

/// Additional writes and texts, in the transaction that accepts a command.
#[derive(Default)]
pub(crate) struct Extras {
    /// Additional writes.
    writes: Vec<Write>,
    /// The card that replaces the clicked message.
    replaces: Option<Card>,
    /// The digest of the state that the author saw before confirming.
    seen: Option<String>,
}

impl Extras {
    fn about(seen: Option<&str>) -> Self {
        Self { seen: seen.map(str::to_owned), ..Self::default() }
    }
}

impl Stop {
    pub(crate) fn send_signal(card: Card) -> Self {
        Stop::Say(Box::new(card))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(Box::new(refusal), None)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::EngineError(error.into())
    }
}

impl From<EngineError> for Stop {
    fn from(trouble: EngineError) -> Self {
        match trouble {
            EngineError::Refused(refusal) => refusal.into(),
            other => Stop::EngineError(other),
        }
    }
}

/// A refusal as a card: the problem, the next step, and the code.
pub(crate) fn refused(refusal: &Refusal) -> Card {
    let card = Card::new(Tone::Bad, marked(&refusal.problem));
    let card = if refusal.hint.is_empty() { card } else { card.hint(marked(&refusal.hint)) };
    card.foot(Text::plain("code ").code(refusal.code.clone()))
}

impl Service {
    /// A service over that engine, with this installation's names of the commands.
    pub fn new(engine: Arc<Engine>, names: Names) -> Self {
        Self { engine, names, looks: Arc::default(), shares: Default::default() }
    }

    /// Answers a delivery.
    pub async fn handle(&self, invocation: Invocation) -> Result<Answer, NoAnswer> {
        if !invocation.actor.terminal {
            self.engine.world().directory.seen(&invocation.actor.id);
        }
        let stop = match &invocation.said {
            Input::Slash { command, text } => match sluice_grammar::parse(command, text, &self.names) {
                // Boxed: without it, every delivery's future would be as large as that of the largest command.
                Ok(command) => Box::pin(self.command(&invocation, command)).await,
                Err(wrong) => match Box::pin(self.with_stages(command, wrong)).await {
                    Ok(wrong) => return Ok(Answer::private(wrong.card(&self.names))),
                    Err(stop) => Err(stop),
                },
            },
            Input::Click { action_id, value } => Box::pin(self.click(&invocation, action_id, value)).await,
        };
        match stop {
            Ok(answer) => Ok(self.named(answer)),
            Err(Stop::Say(card)) => Ok(self.named(Answer::private(*card))),
            Err(Stop::Refused(refusal, offer)) => {
                let card = offer.into_iter().fold(refused(&refusal), |card, offer| card.button(*offer));
                let answer = self.named(Answer::private(card));
                Box::pin(self.record_refusal(&invocation, &refusal, &answer)).await;
                Ok(answer)
            }
            Err(Stop::EngineError(EngineError::Unconfirmed)) => {
                tracing::error!("it is unknown whether a delivery was recorded");
                Err(NoAnswer::Unconfirmed)
            }
            Err(Stop::EngineError(trouble @ EngineError::Store(_)))
                if !trouble.is_of_what_is_recorded() && !trouble.needs_access() =>
            {
                tracing::error!(error = %trouble, "a delivery could not be answered");
                Err(NoAnswer::Unreachable)
            }
            Err(Stop::EngineError(trouble)) => {
                tracing::error!(error = %trouble, "a delivery could not be answered");
                Ok(Answer::private(refused(&trouble.refusal())))
            }
        }
    }

    /// Replaces the commands in an answer by this installation's names.
    fn named(&self, answer: Answer) -> Answer {
        if self.names == Names::default() {
            return answer;
        }
        let replaces = answer.replaces.map(|card| Box::new(rename(*card, &self.names)));
        Answer { card: rename(answer.card, &self.names), replaces, ..answer }
    }

    async fn command(&self, invocation: &Invocation, command: Command) -> Result<Answer, Stop> {
        if let Some(what) = command.not_yet() {
            let card = Card::new(Tone::Bad, Text::default().code(what).then(" is not available yet."));
            return Err(Stop::send_signal(
                card.hint(marked("See the available commands with `/pipeline help`."))
                    .foot(Text::plain("code ").code("not-available")),
            ));
        }
        match command.form().action {
            Action::Read => self.read(invocation, command).await,
            Action::Approve(_) | Action::End(_) => self.signal(invocation, command).await,
            Action::Start(_) => match plan::change_of(&command) {
                Some(change) if change.name.is_none() => self.change_roles(invocation, &command).await,
                _ => self.operate(invocation, command, None).await,
            },
        }
    }

    /// Approves, rejects or cancels an operation.
    async fn signal(&self, invocation: &Invocation, command: Command) -> Result<Answer, Stop> {
        match command {
            Command::Promote(PromoteCommand::Approve { name, stage, release, reason }) => {
                self.decide(invocation, &name, (&stage, release), SignalKind::Approve, reason).await
            }
            Command::Promote(PromoteCommand::Reject { name, stage, release, reason }) => {
                self.decide(invocation, &name, (&stage, release), SignalKind::Reject, reason).await
            }
            Command::Build(BuildCommand::Cancel { name, build }) => {
                self.cancel_build(invocation, &name, build).await
            }
            Command::Deploy(DeployCommand::Cancel { name }) => self.cancel_deploy(invocation, &name).await,
            Command::Promote(PromoteCommand::Cancel { name, stage, release, reason }) => {
                self.cancel_promotion(invocation, &name, (&stage, release), reason).await
            }
            other => Err(EngineError::Corrupt(format!("no signal for {other}")).into()),
        }
    }

    /// Accepts a command that becomes an operation. `seen` is the digest of the state that its author saw.
    async fn operate(
        &self,
        invocation: &Invocation,
        command: Command,
        seen: Option<&str>,
    ) -> Result<Answer, Stop> {
        let Some(name) = command.pipeline() else {
            return Err(EngineError::Corrupt(format!("no operation for {command}")).into());
        };
        for _ in 0..TRIES {
            match self.try_operate(invocation, &command, &name, Extras::about(seen)).await {
                Ok(Accepted::Yes(answer) | Accepted::Before(answer)) => return Ok(answer),
                Ok(Accepted::Again) => {}
                Err(stop) => return self.or_answered(invocation, stop).await,
            }
        }
        Err(Refusal::new(
            "busy",
            format!("Too many changes of `{name}` arrived at the same time, so nothing was done."),
            "Run the command again.",
        )
        .into())
    }

    /// A new id. Ids sort by time.
    fn new_id(&self) -> Result<OperationId, EngineError> {
        let now = u64::try_from(self.engine.world().clock.now().as_millisecond()).unwrap_or(0);
        let id = Ulid::from_parts(now, Ulid::new().random());
        OperationId::new(id.to_string()).map_err(|error| EngineError::Corrupt(error.to_string()))
    }

    /// The answer to a command that is already running: the requester, and a link to its message. The message in
    /// `asked_in` is preferred if there is one.
    async fn already(
        &self,
        line: &str,
        open: &OperationId,
        asked_in: Option<&ChannelId>,
    ) -> Result<Card, Stop> {
        let mut card = Card::new(Tone::Neutral, Text::default().code(line).then(" is already running."));
        let hint = match self.load(open).await {
            Ok(Some(loaded)) => {
                let spec = loaded.head.spec;
                let asked = Text::plain("Requested by ").join(spec.actor.attribution());
                card = card.text(asked.then(" ").time(spec.accepted).then("."));
                let channels = spec.channels();
                let here = channels.iter().find(|channel| Some(*channel) == asked_in);
                let channel = here.unwrap_or(&spec.home);
                let follow = match self.engine.world().notifier.link(open, channel).await {
                    Some(url) => {
                        Text::plain("Follow ").link(url, "its message").then(" in ").channel(channel)
                    }
                    None => Text::plain("Follow it in ").channel(channel),
                };
                follow.then(". Nothing new was started.")
            }
            _ => Text::plain("Its message in the channel shows its state. Nothing new was started."),
        };
        Ok(card.hint(hint).foot(Text::plain("code ").code("already-running")))
    }

    /// Tries once on the current state of the pipeline, with `extras` in the same transaction.
    async fn try_operate(
        &self,
        invocation: &Invocation,
        command: &Command,
        name: &PipelineName,
        extras: Extras,
    ) -> Result<Accepted, Stop> {
        let world = self.engine.world();
        let snapshot = Snapshot::read(world, name).await?;
        let id = self.new_id()?;
        let asking = |stop: Stop| match snapshot.state.pipeline.as_ref().map(|pipeline| &pipeline.name) {
            // A missing pipeline, whose name may be a typo, has no roles to request. Creating one needs a role for all
            // pipelines.
            None if !matches!(command, Command::Repo(RepoCommand::Create { .. })) => stop,
            name => stop.asking(name, &command.to_string()),
        };
        let granted = snapshot.access.permit(command.permission(), &invocation.actor.id);
        let granted = granted.map_err(|refusal| asking(refusal.into()))?;
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
            snapshot.state.tickets.iter().find(|ticket| ticket.fingerprint == request.fingerprint)
        {
            // A repeated delivery gets its old answer. The same command in a new delivery shows the open operation.
            if let Some((answer, _)) = answered(&self.engine, &invocation.delivery).await? {
                return Ok(Accepted::Before(answer));
            }
            if !world.settings.notifies {
                // At a terminal: this process continues the operation if no other does.
                world.runner.run(open.operation.clone());
            }
            let (line, id) = (request.fingerprint.clone(), open.operation.clone());
            return Err(Stop::send_signal(self.already(&line, &id, invocation.channel.as_ref()).await?));
        }
        request.writes.extend(extras.writes);
        request.answer = request.answer.replacing(extras.replaces);
        Ok(accept(&self.engine, id, &clicks::delivery_of(invocation), &snapshot, request, &granted).await?)
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
