//! `sluice run`: one command from a terminal, for when Slack is down.
//!
//! The command takes the usual way: parser, gates, acceptance, engine, audit. Slack is not called, and its token is not
//! needed. This process is a replica of its own. It drives the operation until it ends, waits for people or is stuck, and
//! leaves its updates undelivered: the next replica with Slack posts them.

mod command;
mod messages;
#[cfg(test)]
mod tests;

use std::pin::{Pin, pin};
use std::sync::Arc;

use sluice_commands::installation::Invocation;
use sluice_commands::operation::{Driven, Status};
use sluice_commands::ports::Update;
use sluice_model::{Answer, Card, OperationId, Span, Text, Tone};
use tokio::sync::{mpsc, oneshot};

use super::console::{print, stopped, warn};
use super::exit::Exit;
use super::setup::both;
use super::signals::{exit_by_deadline, stop_requested};
use crate::backend::Backend;
use crate::config::{Base, Problem, Sources};
use crate::notify::{CliEvent, CliOutput};
use crate::render::plain;
use crate::slack::{CommandHandler, Unavailable};
use crate::tasks::{Kind, Tasks};
use crate::wiring::Account;
use command::CliCommand;

pub(super) async fn run(sources: Sources, line: &[String], who: &str) -> Result<Exit, Vec<Problem>> {
    let command = CliCommand::new(line, who, &sources.env).map_err(|problem| vec![problem]);
    let (command, (base, account)) = both(command, both(Base::load(sources), Account::load().await))?;
    let backend = account.with_state(&base);
    exit_by_deadline();
    Ok(execute(command.parsed_with(&base.names), &backend, stop_requested()).await)
}

/// Runs the command until its operation rests or `stop` is done.
async fn execute(command: CliCommand, backend: &dyn Backend, stop: impl Future<Output = ()>) -> Exit {
    let (output, mut events) = CliOutput::new();
    let tasks = Tasks::new();
    let handler = match backend.preflight().await {
        Ok(target) => backend.assemble_for_cli(target, output, tasks.clone()),
        Err(error) => Err(error),
    };
    let handler = match handler {
        Ok(handler) => handler,
        Err(error) => return stopped("run", &error),
    };
    let exit = answer_and_follow(command, handler, &tasks, &mut events, pin!(stop)).await;
    if !tasks.shut_down().await {
        warn(messages::SLOW_SHUTDOWN);
    }
    exit
}

async fn answer_and_follow(
    command: CliCommand,
    handler: Arc<dyn CommandHandler>,
    tasks: &Tasks,
    events: &mut mpsc::UnboundedReceiver<CliEvent>,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Exit {
    let expects_failure = command.expects_failure();
    if command.needs_role() {
        // Not checked even if there is a token: this command behaves the same whether Slack is up or down.
        warn(&messages::unchecked_actor(command.invocation.actor.id.as_str()));
    }
    let answer = tokio::select! {
        answer = handle(handler, command.invocation, tasks) => answer,
        () = stop.as_mut() => {
            warn(messages::STOPPED_EARLY);
            return Exit::Failed;
        }
    };
    let Some(answer) = answer else {
        warn(messages::STATE_UNREACHABLE);
        return Exit::Failed;
    };
    print(&plain::page(&answer.card));
    if answer.card.tone == Tone::Bad {
        return Exit::Failed;
    }
    // The engine reports the start of an operation before the handler answers.
    let Ok(CliEvent::Started(operation)) = events.try_recv() else { return Exit::Done };
    tokio::select! {
        exit = follow(&operation, events, expects_failure) => exit,
        () = stop => {
            warn(messages::RELEASED);
            Exit::Failed
        }
    }
}

/// Handles the command in a task of its own, as a delivery from Slack: it completes even after `stop`.
async fn handle(handler: Arc<dyn CommandHandler>, invocation: Invocation, tasks: &Tasks) -> Option<Answer> {
    let (sender, answer) = oneshot::channel::<Result<Answer, Unavailable>>();
    tasks.spawn(Kind::Delivery, async move {
        let _ = sender.send(handler.handle(invocation).await);
    });
    answer.await.ok()?.ok()
}

/// Prints each new headline of the operation until this process stops driving it.
async fn follow(
    operation: &OperationId,
    events: &mut mpsc::UnboundedReceiver<CliEvent>,
    expects_failure: bool,
) -> Exit {
    let mut last: Option<Box<Update>> = None;
    while let Some(event) = events.recv().await {
        match event {
            CliEvent::Updated(news) if news.operation == *operation => {
                let is_new = last.as_ref().is_none_or(|last| last.card.title != news.card.title);
                if is_new && !news.is_last() {
                    print(&format!("{}\n", plain::headline(&with_names(&news))));
                }
                last = Some(news);
            }
            // The operation waits for another one: the sweep drives it again.
            CliEvent::Driven(driven, Driven::Later) if driven == *operation => {}
            CliEvent::Driven(driven, outcome) if driven == *operation => {
                return conclude(last.as_deref(), outcome, expects_failure);
            }
            _ => {}
        }
    }
    Exit::Failed
}

/// The card of an update, with the names of people where they are known.
fn with_names(news: &Update) -> Card {
    let span = |span| match span {
        Span::User(id) => match news.names.get(&id) {
            Some(name) => Span::Plain(format!("@{name}")),
            None => Span::User(id),
        },
        other => other,
    };
    news.card.clone().map_texts(|text| Text(text.0.into_iter().map(span).collect()))
}

/// Prints the final message; the exit status says how the operation ended.
fn conclude(last: Option<&Update>, driven: Driven, expects_failure: bool) -> Exit {
    let Some(news) = last else {
        print(messages::DRIVEN_ELSEWHERE);
        return Exit::Done;
    };
    if matches!(driven, Driven::NotOurs | Driven::Released) {
        warn(messages::TAKEN_OVER);
        return Exit::Failed;
    }
    print(&plain::page(&with_names(news)));
    match news.status {
        Status::Succeeded | Status::Waiting => Exit::Done,
        Status::Failed if expects_failure => Exit::Done,
        Status::Failed | Status::Stuck | Status::Running | Status::Unwinding => Exit::Failed,
    }
}
