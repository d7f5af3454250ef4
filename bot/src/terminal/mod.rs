//! `sluice run`: one command from a terminal, for when Slack is down.
//!
//! The way is that of every command: parser, gates, acceptance, engine, audit. Slack is not called, and its token is not
//! needed. An operation is carried on here, by a replica of its own, until it ends, waits for people or is stuck; what the
//! channel has to be told of it is left due, and told by the next replica that has Slack.

mod order;
mod screen;
#[cfg(test)]
mod tests;

use std::pin::{Pin, pin};
use std::sync::Arc;

use sluice_commands::operation::{Driven, Status};
use sluice_commands::ports::Update;
use sluice_commands::service::Invocation;
use sluice_model::{Answer, Card, OperationId, Span, Text, Tone};
use tokio::sync::{mpsc, oneshot};

use crate::backend::Backend;
use crate::exit::Exit;
use crate::ingress::{Delayed, Handles};
use crate::render::plain;
use crate::tasks::{Kind, Tasks};
pub(crate) use order::{Order, login, user};
pub(crate) use screen::{Event, Screen};

/// Runs it, until it is over or `stop` is done.
pub(crate) async fn run(order: Order, backend: &dyn Backend, stop: impl Future<Output = ()>) -> Exit {
    let (screen, mut events) = Screen::new();
    let tasks = Tasks::new();
    let seated = match backend.inspect().await {
        Ok(target) => backend.seat(target, screen, tasks.clone()),
        Err(obstacle) => Err(obstacle),
    };
    let service = match seated {
        Ok(service) => service,
        Err(obstacle) => return crate::stopped("run", &obstacle),
    };
    let stop = pin!(stop);
    let exit = attend(order, service, &tasks, &mut events, stop).await;
    if !tasks.shut_down().await {
        crate::warn("Something did not end in time; a replica that serves goes on with it after a while.\n");
    }
    exit
}

async fn attend(
    order: Order,
    service: Arc<dyn Handles>,
    tasks: &Tasks,
    events: &mut mpsc::UnboundedReceiver<Event>,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Exit {
    let ends_well = order.asks_for_an_end();
    if order.changes() {
        // Not asked even where there is a token: this is the way for when Slack is gone, and it is to be the same way always.
        let who = &order.invocation.actor.id;
        crate::warn(&format!(
            "Slack is not asked from here: nobody checked that {who} is still active in it.\n"
        ));
    }
    let answer = tokio::select! {
        answer = ask(service, order.invocation, tasks) => answer,
        () = stop.as_mut() => {
            crate::warn("Stopped before there was an answer; `/pipeline status` says whether it began.\n");
            return Exit::Failed;
        }
    };
    let Some(answer) = answer else {
        crate::warn(
            "The state cannot be reached, or is throttled. Nothing was recorded: try again in a minute.\n",
        );
        return Exit::Failed;
    };
    crate::say(&plain::page(&answer.card));
    if answer.card.tone == Tone::Bad {
        return Exit::Failed;
    }
    // Whatever is to be carried was named before the answer was given.
    let Ok(Event::Begun(operation)) = events.try_recv() else { return Exit::Done };
    tokio::select! {
        exit = follow(&operation, events, ends_well) => exit,
        () = stop => {
            crate::warn("Letting go of it: it stays due, and a replica that serves goes on with it. So does the same line typed again.\n");
            Exit::Failed
        }
    }
}

/// Asks as a delivery does: it is finished even if nobody waits for it any more.
async fn ask(service: Arc<dyn Handles>, invocation: Invocation, tasks: &Tasks) -> Option<Answer> {
    let (sender, answer) = oneshot::channel::<Result<Answer, Delayed>>();
    tasks.spawn(Kind::Delivery, async move {
        let _ = sender.send(service.handle(invocation).await);
    });
    answer.await.ok()?.ok()
}

/// Prints how the operation goes on, to where carrying it ends.
async fn follow(
    operation: &OperationId,
    events: &mut mpsc::UnboundedReceiver<Event>,
    ends_well: bool,
) -> Exit {
    let mut last: Option<Box<Update>> = None;
    while let Some(event) = events.recv().await {
        match event {
            Event::Told(news) if news.operation == *operation => {
                let is_new = last.as_ref().is_none_or(|last| last.card.title != news.card.title);
                if is_new && !news.is_last() {
                    crate::say(&format!("{}\n", plain::headline(&named(&news))));
                }
                last = Some(news);
            }
            // What is in the way may pass: the sweep finds it again.
            Event::Carried(carried, Driven::Later) if carried == *operation => {}
            Event::Carried(carried, driven) if carried == *operation => {
                return verdict(last.as_deref(), driven, ends_well);
            }
            _ => {}
        }
    }
    Exit::Failed
}

/// Its message, with the names of people where they are known: an id says little to a reader.
fn named(news: &Update) -> Card {
    let span = |span| match span {
        Span::User(id) => match news.names.get(&id) {
            Some(name) => Span::Plain(format!("@{name}")),
            None => Span::User(id),
        },
        other => other,
    };
    news.card.clone().map_texts(|text| Text(text.0.into_iter().map(span).collect()))
}

/// What it came to, printed, and as an exit status.
fn verdict(last: Option<&Update>, driven: Driven, ends_well: bool) -> Exit {
    let Some(news) = last else {
        crate::say("Another replica carries it on, and the channel shows how.\n");
        return Exit::Done;
    };
    if matches!(driven, Driven::NotOurs | Driven::Released) {
        crate::warn("Another replica carries it on: `/pipeline status` shows how it stands.\n");
        return Exit::Failed;
    }
    crate::say(&plain::page(&named(news)));
    match news.status {
        Status::Succeeded | Status::Waiting => Exit::Done,
        Status::Failed if ends_well => Exit::Done,
        Status::Failed | Status::Stuck | Status::Running | Status::Unwinding => Exit::Failed,
    }
}
