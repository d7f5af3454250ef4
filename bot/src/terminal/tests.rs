use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use sluice_commands::ports::Notifier as _;
use sluice_commands::testing::samples;
use sluice_grammar::Names;
use sluice_model::{Card, Target, UserId};

use super::*;
use crate::backend::{Finding, Obstacle, Parts};

/// A cloud whose service answers so, and whose engine has that to show.
struct Outside {
    answer: Mutex<Option<Result<Card, Delayed>>>,
    shown: Mutex<Vec<Event>>,
    obstacle: Option<Obstacle>,
}

struct Desk(Result<Card, Delayed>, Mutex<Vec<Event>>, Screen);

#[async_trait]
impl Handles for Desk {
    async fn handle(&self, _: Invocation) -> Result<Answer, Delayed> {
        for event in self.1.lock().unwrap().drain(..) {
            match event {
                Event::Begun(id) => self.2.begun(&id),
                Event::Told(news) => self.2.notify(*news),
                Event::Carried(id, driven) => self.2.carried(&id, driven),
            }
        }
        self.0.clone().map(Answer::private)
    }
}

#[async_trait]
impl Backend for Outside {
    async fn inspect(&self) -> Result<Target, Obstacle> {
        let target = Target { account: "123456789012".into(), region: "eu-central-1".into() };
        self.obstacle.clone().map_or(Ok(target), Err)
    }
    async fn ping(&self) -> Result<(), Obstacle> {
        Ok(())
    }
    fn assemble(&self, _: Target, _: Parts) -> Result<Arc<dyn Handles>, Obstacle> {
        unreachable!("a terminal serves nobody")
    }
    fn seat(&self, _: Target, screen: Screen, _: Tasks) -> Result<Arc<dyn Handles>, Obstacle> {
        let answer = self.answer.lock().unwrap().take().expect("asked once");
        let shown = std::mem::take(&mut *self.shown.lock().unwrap());
        Ok(Arc::new(Desk(answer, Mutex::new(shown), screen)))
    }
    async fn init(&self, _: &[UserId], _: &str, _: crate::backend::Tell<'_>) -> Result<(), Obstacle> {
        Ok(())
    }
    async fn examine(&self) -> Vec<Finding> {
        vec![]
    }
    async fn examine_account(&self) -> Vec<Finding> {
        vec![]
    }
}

async fn exit(line: &str, answer: Result<Card, Delayed>, shown: Vec<Event>) -> Exit {
    let outside = Outside { answer: Mutex::new(Some(answer)), shown: Mutex::new(shown), obstacle: None };
    let order = Order::read(&[line.to_owned()], "U024BE7LH", &BTreeMap::new()).unwrap();
    run(order.called(&Names::default()), &outside, std::future::pending()).await
}

fn good() -> Result<Card, Delayed> {
    Ok(Card::new(Tone::Running, "Going back"))
}

/// News of an operation that stands so.
fn news(status: Status) -> Update {
    Update { status, ..samples::parked() }
}

/// Carried to its end, with news of that status before it.
fn carried(status: Status, driven: Driven) -> Vec<Event> {
    let id = news(status).operation;
    vec![
        Event::Begun(id.clone()),
        Event::Told(Box::new(news(Status::Running))),
        Event::Carried(id.clone(), Driven::Later),
        Event::Told(Box::new(news(status))),
        Event::Carried(id, driven),
    ]
}

#[tokio::test]
async fn the_exit_status_says_how_it_ended() {
    const BACK: &str = "/rollback orders prod";
    for (status, driven, wanted) in [
        (Status::Succeeded, Driven::Ended, Exit::Done),
        (Status::Waiting, Driven::Waiting, Exit::Done),
        (Status::Failed, Driven::Ended, Exit::Failed),
        (Status::Stuck, Driven::Stuck, Exit::Failed),
        // The lease was lost: how it ends is not known here.
        (Status::Running, Driven::NotOurs, Exit::Failed),
    ] {
        assert_eq!(exit(BACK, good(), carried(status, driven)).await, wanted, "{status:?} {driven:?}");
    }
    let cancelled = carried(Status::Failed, Driven::Ended);
    assert_eq!(exit("/promote cancel orders prod", good(), cancelled).await, Exit::Done, "as asked");
    // What was said is heard by another replica.
    let id = news(Status::Running).operation;
    let elsewhere = vec![Event::Begun(id.clone()), Event::Carried(id, Driven::NotOurs)];
    assert_eq!(exit("/promote approve orders prod", good(), elsewhere).await, Exit::Done);
}

#[tokio::test]
async fn an_answer_alone_is_the_end_and_a_refusal_is_a_failure() {
    assert_eq!(exit("/repo list", Ok(Card::new(Tone::Neutral, "None")), vec![]).await, Exit::Done);
    assert_eq!(exit("/repo create", Ok(Card::new(Tone::Bad, "No")), vec![]).await, Exit::Failed);
    assert_eq!(exit("/repo list", Err(Delayed::Unreachable), vec![]).await, Exit::Failed);
}

#[tokio::test]
async fn a_state_that_is_not_to_be_had_is_no_answer() {
    for (obstacle, wanted) in [
        (Obstacle::Refused("the file is served by another process".into()), Exit::Refused),
        (Obstacle::Passing("DynamoDB cannot be reached".into()), Exit::Failed),
    ] {
        let outside = Outside { answer: Mutex::default(), shown: Mutex::default(), obstacle: Some(obstacle) };
        let order = Order::read(&["/repo list".to_owned()], "U024BE7LH", &BTreeMap::new()).unwrap();
        assert_eq!(run(order, &outside, std::future::pending()).await, wanted);
    }
}

#[tokio::test]
async fn whoever_is_told_to_stop_lets_go() {
    let id = news(Status::Running).operation;
    let outside = Outside {
        answer: Mutex::new(Some(good())),
        shown: Mutex::new(vec![Event::Begun(id), Event::Told(Box::new(news(Status::Running)))]),
        obstacle: None,
    };
    let order = Order::read(&["/build orders".to_owned()], "U024BE7LH", &BTreeMap::new()).unwrap();
    let stop = tokio::time::sleep(std::time::Duration::from_millis(50));
    assert_eq!(run(order, &outside, stop).await, Exit::Failed);
}

#[test]
fn people_are_named_where_their_names_are_known() {
    let (ann, ben): (UserId, UserId) = ("U0ANN0001".parse().unwrap(), "U0BEN0002".parse().unwrap());
    let card =
        Card::new(Tone::Good, "Done").foot(Text::plain("Asked by ").user(&ann).then(", for ").user(&ben));
    let news = Update { card, names: [(ann, "ann".to_owned())].into(), ..news(Status::Succeeded) };
    assert_eq!(plain::page(&named(&news)), "✅ Done\n  Asked by @ann, for @U0BEN0002\n");
}
