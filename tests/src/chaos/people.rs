//! A person with a pipeline: builds, deploys, promotes with somebody's approval, goes back, adds stages, thinks better of
//! it (by command and by button), and gets on what is stuck. Who is told to try again, or is not answered, does what Slack's users do: the same once more.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::{Message, Reply, Repository, State, World};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep, timeout};

use super::book::{Book, Promise};
use super::chat::Chat;

/// How long somebody looks at a message before they do something else.
const ATTENTION: Duration = Duration::from_secs(90);
/// How long somebody insists on an answer.
const STUBBORN: Duration = Duration::from_secs(60);

/// For so long what is stuck is tried again before it is declared resolved.
const RETRIES: Duration = Duration::from_secs(20);

/// What somebody will do about the operation that they look at.
struct Mood {
    /// Whether a promotion is approved or rejected.
    approves: bool,
    /// After how long they want it stopped.
    cancels: Option<Duration>,
    /// Whether they stop it by the button.
    by_button: bool,
}

/// Somebody with a pipeline.
pub(crate) struct Person<'a> {
    world: &'a World,
    chat: &'a Chat,
    book: &'a Book,
    rng: StdRng,
    name: String,
    repository: Repository,
    commits: u32,
    stages: u32,
}

impl<'a> Person<'a> {
    /// Makes the pipeline, before the weather turns, and deploys once.
    pub(crate) async fn settle(
        world: &'a World,
        chat: &'a Chat,
        book: &'a Book,
        seed: u64,
        number: usize,
    ) -> Self {
        let name = format!("chaos-{number}");
        let rng = StdRng::seed_from_u64(seed.wrapping_mul(1000).wrapping_add(number as u64));
        let created = world.asks(world.ann(), &format!("/repo create {name}")).await.succeeds().await;
        let repository = Repository::clone_as_told(&created);
        let mut person = Self { world, chat, book, rng, name, repository, commits: 0, stages: 0 };
        person.order(&format!("/stage add {} prod", person.name)).await;
        person.build().await;
        person.order(&format!("/deploy {}", person.name)).await;
        person
    }

    /// Works until the time is up.
    pub(crate) async fn live(&mut self, until: Instant) {
        while Instant::now() < until {
            let name = self.name.clone();
            let working = async {
                match self.rng.random_range(0..100) {
                    0..32 => self.build().await,
                    32..55 => self.order(&format!("/deploy {name}")).await,
                    55..77 => self.order(&format!("/promote {name} prod")).await,
                    77..88 => self.order(&format!("/rollback {name} prod")).await,
                    // To what somebody left alone a while ago, if it runs still.
                    88..92 => self.order(&format!("/build cancel {name}")).await,
                    92..95 => self.order(&format!("/deploy cancel {name}")).await,
                    95..98 => self.order(&format!("/promote cancel {name} prod")).await,
                    _ => {
                        self.stages += 1;
                        let line = format!("/stage add {name} extra-{}", self.stages);
                        self.order(&line).await;
                    }
                }
                sleep(Duration::from_millis(self.rng.random_range(0..1500))).await;
            };
            // What is begun is let go when the time is up: it is judged in the end, like everything else.
            let _ = timeout(until.saturating_duration_since(Instant::now()), working).await;
        }
    }

    async fn build(&mut self) {
        self.commits += 1;
        let words = format!("Commit {}", self.commits);
        self.repository.greet(&words);
        self.repository.push(&words);
        self.order(&format!("/build {}", self.name)).await;
    }

    /// Types a line, insists on an answer, and mostly looks on until it is over.
    async fn order(&mut self, line: &str) {
        let before = self.chat.seen();
        let reply = self.world.types(self.world.ann(), line).await;
        let trigger = reply.trigger_id.clone();
        let Some(reply) = self.insist(reply).await else { return };
        if !reply.words().starts_with('⏳') {
            self.book.refusals.set(self.book.refusals.get() + 1);
            return;
        }
        self.book.promises.borrow_mut().push(Promise { line: line.to_owned(), trigger });
        if self.rng.random_bool(0.2) {
            return;
        }
        let mood = Mood {
            approves: self.rng.random_bool(0.85),
            cancels: (self.rng.random_bool(0.15) && !line.starts_with("/rollback"))
                .then(|| Duration::from_millis(self.rng.random_range(0..4000))),
            by_button: self.rng.random_bool(0.6),
        };
        let _ = timeout(ATTENTION, self.look_on(line, &before, &mood)).await;
    }

    /// The same delivery until it is taken; `None` if that does not come about.
    async fn insist(&self, first: Reply) -> Option<Reply> {
        let begun = Instant::now();
        let mut reply = first;
        while reply.status != Some(200) || reply.words().contains("Try again") {
            if begun.elapsed() > STUBBORN {
                return None;
            }
            sleep(Duration::from_millis(500)).await;
            reply = self.world.redeliver(&reply.trigger_id).await;
        }
        Some(reply)
    }

    /// Looks at the newest message until it says an end; decides when it asks, and thinks better of it as the mood is.
    async fn look_on(&self, line: &str, before: &BTreeSet<String>, mood: &Mood) {
        let begun = Instant::now();
        let mut cancels = mood.cancels;
        loop {
            self.chat.glance().await;
            let Some(message) = self.chat.newest(line, before) else { continue };
            let Some(state) = message.state() else { continue };
            if cancels.is_some_and(|after| begun.elapsed() >= after)
                && matches!(state, State::Waiting | State::Running)
            {
                cancels = None;
                self.cancel(line, &message, mood.by_button).await;
                continue;
            }
            match state {
                State::Succeeded | State::Failed => return,
                State::Waiting => self.decide(&message, mood.approves).await,
                State::Stuck => self.get_on(&message, begun.elapsed() > RETRIES).await,
                State::Running => {}
            }
        }
    }

    /// By the button, or by the command that does the same; it may be too late for both.
    async fn cancel(&self, line: &str, message: &Message, by_button: bool) {
        let verb = line.split(' ').next().unwrap_or_default();
        let reply = match verb {
            "/build" | "/deploy" if !by_button => {
                self.world.types(self.world.cyd(), &format!("{verb} cancel {}", self.name)).await
            }
            "/promote" if !by_button => {
                self.world.types(self.world.cyd(), &format!("/promote cancel {} prod", self.name)).await
            }
            _ => match self.world.tries_click(self.world.cyd(), message, "operation.cancel").await {
                Some(reply) => reply,
                None => return,
            },
        };
        if reply.status == Some(200) {
            self.book.cancels.set(self.book.cancels.get() + 1);
        }
    }

    /// An admin gets on what is stuck: again, and after a while by declaring it resolved.
    async fn get_on(&self, message: &Message, is_late: bool) {
        let action = if is_late { "operation.resolve" } else { "operation.retry" };
        if self.world.tries_click(self.world.bob(), message, action).await.is_some() {
            self.book.unstuck.set(self.book.unstuck.get() + 1);
        }
        sleep(Duration::from_secs(2)).await;
    }

    async fn decide(&self, message: &Message, approves: bool) {
        let action = if approves { "promotion.approve" } else { "promotion.reject" };
        // The button may be gone, and a bot may not answer: the next look shows it.
        self.world.tries_click(self.world.bob(), message, action).await;
        sleep(Duration::from_secs(2)).await;
    }
}
