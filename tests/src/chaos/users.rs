//! A user with a pipeline: builds, deploys, promotes with another user's approval, rolls back, adds stages, cancels (by command
//! and by button), and retries or resolves stuck operations. A user without an answer, or with *Try again*, repeats the
//! command, as people do.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::{Message, Reply, Repository, State, World};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep, timeout};

use super::channel::Channel;
use super::run_log::{Acknowledged, RunLog, count};
use super::stack;

/// How long a user watches a message.
const ATTENTION: Duration = Duration::from_secs(90);
/// How long a user repeats a command that has no answer.
const REPEATING: Duration = Duration::from_secs(60);
/// How long a user retries a stuck operation before marking it as resolved.
const RETRIES: Duration = Duration::from_secs(20);

/// A user's decisions about an operation.
struct Decisions {
    /// Approve a promotion, or reject it.
    approves: bool,
    /// Cancel after this time.
    cancels: Option<Duration>,
    /// Cancel with the button, or with a command.
    by_button: bool,
}

/// A user with a pipeline.
pub(crate) struct User<'a> {
    world: &'a World,
    channel: &'a Channel,
    log: &'a RunLog,
    rng: StdRng,
    name: String,
    repository: Repository,
    commits: u32,
    stages: u32,
    /// Its application has a CloudFormation stack, which commits change.
    has_stack: bool,
}

impl<'a> User<'a> {
    /// Creates the pipeline, before the faults begin, and deploys once.
    pub(crate) async fn create(
        world: &'a World,
        channel: &'a Channel,
        log: &'a RunLog,
        seed: u64,
        number: usize,
    ) -> Self {
        let name = format!("chaos-{number}");
        let rng = StdRng::seed_from_u64(seed.wrapping_mul(1000).wrapping_add(number as u64));
        let created =
            world.submit(world.ann(), &format!("/repo create {name} from sam")).await.succeeds().await;
        let repository = Repository::clone_from_message(&created);
        // Every second one.
        let has_stack = number % 2 == 1;
        let mut user = Self { world, channel, log, rng, name, repository, commits: 0, stages: 0, has_stack };
        user.submit(&format!("/stage add {} prod", user.name)).await;
        user.build().await;
        user.submit(&format!("/deploy {}", user.name)).await;
        user
    }

    /// Works until the time is up.
    pub(crate) async fn work(&mut self, until: Instant) {
        while Instant::now() < until {
            let name = self.name.clone();
            let working = async {
                match self.rng.random_range(0..100) {
                    0..32 => self.build().await,
                    32..55 => self.submit(&format!("/deploy {name}")).await,
                    55..77 => self.submit(&format!("/promote {name} prod")).await,
                    77..88 => self.submit(&format!("/rollback {name} prod")).await,
                    // An operation that was left alone earlier, if it still runs.
                    88..92 => self.submit(&format!("/build cancel {name}")).await,
                    92..95 => self.submit(&format!("/deploy cancel {name}")).await,
                    95..98 => self.submit(&format!("/promote cancel {name} prod")).await,
                    _ => {
                        self.stages += 1;
                        let line = format!("/stage add {name} extra-{}", self.stages);
                        self.submit(&line).await;
                    }
                }
                sleep(Duration::from_millis(self.rng.random_range(0..1500))).await;
            };
            // An operation in progress when the time is up is checked at the end, like all others.
            let _ = timeout(until.saturating_duration_since(Instant::now()), working).await;
        }
    }

    async fn build(&mut self) {
        self.commits += 1;
        let subject = format!("Commit {}", self.commits);
        self.repository.set_greeting(&subject);
        if self.has_stack {
            stack::write_application(&self.repository, &mut self.rng);
        }
        self.repository.push(&subject);
        self.submit(&format!("/build {}", self.name)).await;
    }

    /// Types a command, repeats it until there is an answer, and mostly watches until the operation ends.
    async fn submit(&mut self, line: &str) {
        let before = self.channel.seen();
        let reply = self.world.command(self.world.ann(), line).await;
        let trigger = reply.trigger_id.clone();
        let Some(reply) = self.repeat(reply).await else { return };
        if !reply.text().starts_with('⏳') {
            count(&self.log.refusals);
            return;
        }
        self.log.acknowledged.borrow_mut().push(Acknowledged { line: line.to_owned(), trigger });
        if self.rng.random_bool(0.2) {
            return;
        }
        let decisions = Decisions {
            approves: self.rng.random_bool(0.85),
            cancels: (self.rng.random_bool(0.15) && !line.starts_with("/rollback"))
                .then(|| Duration::from_millis(self.rng.random_range(0..4000))),
            by_button: self.rng.random_bool(0.6),
        };
        let _ = timeout(ATTENTION, self.watch(line, &before, &decisions)).await;
    }

    /// Sends the same delivery until it is accepted; `None` if it never is.
    async fn repeat(&self, first: Reply) -> Option<Reply> {
        let began = Instant::now();
        let mut reply = first;
        while reply.status != Some(200) || reply.text().contains("Try again") {
            if began.elapsed() > REPEATING {
                return None;
            }
            sleep(Duration::from_millis(500)).await;
            reply = self.world.redeliver(&reply.trigger_id).await;
        }
        Some(reply)
    }

    /// Follows the operation until it ends, and decides or cancels as `decisions` says.
    async fn watch(&self, line: &str, before: &BTreeSet<String>, decisions: &Decisions) {
        let began = Instant::now();
        let mut cancels = decisions.cancels;
        loop {
            self.channel.next_read().await;
            let Some(message) = self.channel.newest(line, before) else { continue };
            let Some(state) = message.state() else { continue };
            if cancels.is_some_and(|after| began.elapsed() >= after)
                && matches!(state, State::Waiting | State::Running)
            {
                cancels = None;
                self.cancel(line, &message, decisions.by_button).await;
                continue;
            }
            match state {
                State::Succeeded | State::Failed => return,
                State::Waiting => self.decide(&message, decisions.approves).await,
                State::Stuck => self.unstick(&message, began.elapsed() > RETRIES).await,
                State::Running => {}
            }
        }
    }

    /// Cancels with the button or the command. It may be too late for both.
    async fn cancel(&self, line: &str, message: &Message, by_button: bool) {
        let verb = line.split(' ').next().unwrap_or_default();
        let reply = match verb {
            "/build" | "/deploy" if !by_button => {
                self.world.command(self.world.cyd(), &format!("{verb} cancel {}", self.name)).await
            }
            "/promote" if !by_button => {
                self.world.command(self.world.cyd(), &format!("/promote cancel {} prod", self.name)).await
            }
            _ => match self.world.try_click(self.world.cyd(), message, "operation.cancel").await {
                Some(reply) => reply,
                None => return,
            },
        };
        if reply.status == Some(200) {
            count(&self.log.cancels);
        }
    }

    /// An admin retries a stuck operation, and later marks it as resolved.
    async fn unstick(&self, message: &Message, is_late: bool) {
        let action = if is_late { "operation.resolve" } else { "operation.retry" };
        if self.world.try_click(self.world.bob(), message, action).await.is_some() {
            count(&self.log.unstuck);
        }
        sleep(Duration::from_secs(2)).await;
    }

    async fn decide(&self, message: &Message, approves: bool) {
        let action = if approves { "promotion.approve" } else { "promotion.reject" };
        // The button may be gone, and the bot may not answer: the next read shows it.
        self.world.try_click(self.world.bob(), message, action).await;
        sleep(Duration::from_secs(2)).await;
    }
}
