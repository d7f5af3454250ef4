use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;
use sluice_commands::ports::Notifier as _;
use sluice_commands::testing::samples;
use sluice_grammar::Names;
use sluice_model::{Card, Target, UserId};

use super::*;
use crate::backend::{Parts, Progress};
use crate::startup::{CheckResult, StartupError};

/// A backend whose handler gives this answer, and whose engine then reports these events.
struct Scripted {
    answer: Mutex<Option<Result<Card, Unavailable>>>,
    events: Mutex<Vec<CliEvent>>,
    error: Option<StartupError>,
}

struct Handler(Result<Card, Unavailable>, Mutex<Vec<CliEvent>>, CliOutput);

#[async_trait]
impl CommandHandler for Handler {
    async fn handle(&self, _: Invocation) -> Result<Answer, Unavailable> {
        for event in self.1.lock().drain(..) {
            match event {
                CliEvent::Updated(news) => self.2.notify(*news),
                other => self.2.send(other),
            }
        }
        self.0.clone().map(Answer::private)
    }
}

#[async_trait]
impl Backend for Scripted {
    async fn preflight(&self) -> Result<Target, StartupError> {
        let target = Target { account: "123456789012".into(), region: "eu-central-1".into() };
        self.error.clone().map_or(Ok(target), Err)
    }
    async fn ping(&self) -> Result<(), StartupError> {
        Ok(())
    }
    fn assemble(&self, _: Target, _: Parts) -> Result<Arc<dyn CommandHandler>, StartupError> {
        unreachable!("`sluice run` does not serve")
    }
    fn assemble_for_cli(
        &self,
        _: Target,
        output: CliOutput,
        _: Tasks,
    ) -> Result<Arc<dyn CommandHandler>, StartupError> {
        let answer = self.answer.lock().take().expect("assembled once");
        let events = std::mem::take(&mut *self.events.lock());
        Ok(Arc::new(Handler(answer, Mutex::new(events), output)))
    }
    async fn init(&self, _: &[UserId], _: &str, _: Progress<'_>) -> Result<(), StartupError> {
        Ok(())
    }
    async fn check(&self) -> Vec<CheckResult> {
        vec![]
    }
    async fn check_account(&self) -> Vec<CheckResult> {
        vec![]
    }
}

fn command(line: &str) -> CliCommand {
    CliCommand::new(&[line.to_owned()], "U024BE7LH", &BTreeMap::new()).unwrap().parsed_with(&Names::default())
}

async fn exit(line: &str, answer: Result<Card, Unavailable>, events: Vec<CliEvent>) -> Exit {
    let backend = Scripted { answer: Mutex::new(Some(answer)), events: Mutex::new(events), error: None };
    execute(command(line), &backend, std::future::pending()).await
}

fn accepted() -> Result<Card, Unavailable> {
    Ok(Card::new(Tone::Running, "Rolling back"))
}

fn news(status: Status) -> Update {
    Update { status, ..samples::parked() }
}

/// The events of an operation whose last update has that status.
fn driven(status: Status, outcome: Driven) -> Vec<CliEvent> {
    let id = news(status).operation;
    vec![
        CliEvent::Started(id.clone()),
        CliEvent::Updated(Box::new(news(Status::Running))),
        CliEvent::Driven(id.clone(), Driven::Later),
        CliEvent::Updated(Box::new(news(status))),
        CliEvent::Driven(id, outcome),
    ]
}

#[tokio::test]
async fn the_exit_status_says_how_the_operation_ended() {
    const ROLLBACK: &str = "/rollback orders prod";
    for (status, outcome, expected) in [
        (Status::Succeeded, Driven::Ended, Exit::Done),
        (Status::Waiting, Driven::Waiting, Exit::Done),
        (Status::Failed, Driven::Ended, Exit::Failed),
        (Status::Stuck, Driven::Stuck, Exit::Failed),
        // The lease was lost: this process does not know how it ends.
        (Status::Running, Driven::NotOurs, Exit::Failed),
    ] {
        let ended = exit(ROLLBACK, accepted(), driven(status, outcome)).await;
        assert_eq!(ended, expected, "{status:?} {outcome:?}");
    }
    let cancelled = driven(Status::Failed, Driven::Ended);
    assert_eq!(exit("/promote cancel orders prod", accepted(), cancelled).await, Exit::Done);
    // Another replica reads the signal.
    let id = news(Status::Running).operation;
    let elsewhere = vec![CliEvent::Started(id.clone()), CliEvent::Driven(id, Driven::NotOurs)];
    assert_eq!(exit("/promote approve orders prod", accepted(), elsewhere).await, Exit::Done);
}

#[tokio::test]
async fn an_answer_without_an_operation_succeeds_unless_it_is_a_refusal() {
    assert_eq!(exit("/repo list", Ok(Card::new(Tone::Neutral, "None")), vec![]).await, Exit::Done);
    assert_eq!(exit("/repo create", Ok(Card::new(Tone::Bad, "No")), vec![]).await, Exit::Failed);
    assert_eq!(exit("/repo list", Err(Unavailable::Unreachable), vec![]).await, Exit::Failed);
}

#[tokio::test]
async fn an_error_of_the_state_ends_it_before_an_answer() {
    for (error, expected) in [
        (StartupError::Permanent("the file is served by another process".into()), Exit::Refused),
        (StartupError::Temporary("DynamoDB cannot be reached".into()), Exit::Failed),
    ] {
        let backend = Scripted { answer: Mutex::default(), events: Mutex::default(), error: Some(error) };
        assert_eq!(execute(command("/repo list"), &backend, std::future::pending()).await, expected);
    }
}

#[tokio::test]
async fn stopping_releases_the_operation() {
    let id = news(Status::Running).operation;
    let backend = Scripted {
        answer: Mutex::new(Some(accepted())),
        events: Mutex::new(vec![CliEvent::Started(id), CliEvent::Updated(Box::new(news(Status::Running)))]),
        error: None,
    };
    let stop = tokio::time::sleep(std::time::Duration::from_millis(50));
    assert_eq!(execute(command("/build orders"), &backend, stop).await, Exit::Failed);
}

#[test]
fn known_names_replace_user_ids() {
    let (ann, ben): (UserId, UserId) = ("U0ANN0001".parse().unwrap(), "U0BEN0002".parse().unwrap());
    let card =
        Card::new(Tone::Good, "Done").foot(Text::plain("Asked by ").user(&ann).then(", for ").user(&ben));
    let news = Update { card, names: [(ann, "ann".to_owned())].into(), ..news(Status::Succeeded) };
    assert_eq!(plain::page(&with_names(&news)), "✅ Done\n  Asked by @ann, for @U0BEN0002\n");
}
