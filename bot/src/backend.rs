//! What the bot asks of the cloud behind it, whatever it is: a trait so that starting, refusing to start and waiting
//! for an outage to end can be tested without one. [`crate::wiring`] has the real one.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_model::{Target, UserId};

use crate::ingress::Handles;
use crate::notify::Replies;
use crate::slack::WebApi;
use crate::tasks::Tasks;
use crate::terminal::Screen;

/// Takes what `sluice init` says while it works, line by line.
pub(crate) type Tell<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Why something is not in order, by what may be done about it. The words are for people: no internals, no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// It will not pass by itself: somebody has to change something.
    Refused(String),
    /// It may pass: not reachable, throttled.
    Passing(String),
}

impl Obstacle {
    /// What it says.
    pub(crate) fn words(&self) -> &str {
        match self {
            Obstacle::Refused(words) | Obstacle::Passing(words) => words,
        }
    }
}

/// A line of `sluice check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) name: &'static str,
    /// How it is.
    pub(crate) mark: Mark,
    /// The same in words, with what to do.
    pub(crate) words: String,
}

/// How something is that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// In order.
    Good,
    /// It works, and will not for long, or not well.
    Warning,
    /// Missing or wrong.
    Missing,
}

impl Finding {
    pub(crate) fn new(name: &'static str, outcome: Result<String, String>) -> Self {
        match outcome {
            Ok(words) => Self::good(name, words),
            Err(words) => Self::missing(name, words),
        }
    }

    pub(crate) fn good(name: &'static str, words: String) -> Self {
        Self { name, mark: Mark::Good, words }
    }

    pub(crate) fn warning(name: &'static str, words: String) -> Self {
        Self { name, mark: Mark::Warning, words }
    }

    pub(crate) fn missing(name: &'static str, words: String) -> Self {
        Self { name, mark: Mark::Missing, words }
    }
}

/// What the service is made of beside the cloud.
pub(crate) struct Parts {
    /// The way to Slack.
    pub(crate) slack: Arc<dyn WebApi>,
    /// The ways to answer people directly.
    pub(crate) replies: Arc<Replies>,
    /// Where its tasks run.
    pub(crate) tasks: Tasks,
    /// Whether it only accepts.
    pub(crate) accept_only: bool,
}

/// The cloud: AWS and the state.
#[async_trait]
pub(crate) trait Backend: Send + Sync + 'static {
    /// Who we are there, if the state is there, is ours, and was made for that account and region. For a state that is a
    /// file: from then on this process serves it.
    async fn inspect(&self) -> Result<Target, Obstacle>;
    /// A quick look whether the state answers.
    async fn ping(&self) -> Result<(), Obstacle>;
    /// Puts the service together and starts driving, unless told not to.
    fn assemble(&self, target: Target, parts: Parts) -> Result<Arc<dyn Handles>, Obstacle>;
    /// Puts the service together for one command from a terminal: it drives what begins with that, and tells the screen
    /// alone.
    fn seat(&self, target: Target, screen: Screen, tasks: Tasks) -> Result<Arc<dyn Handles>, Obstacle>;
    /// Makes what is missing, and these people admins, by the person who is logged in; tells what was done, line by line.
    async fn init(&self, admins: &[UserId], login: &str, notify: Tell<'_>) -> Result<(), Obstacle>;
    /// Leaves the state as it is to be found: called when nothing is under way any more.
    async fn close(&self) {}
    /// Looks at everything that `init` makes and `serve` needs.
    async fn examine(&self) -> Vec<Finding>;
    /// Asks the account what its first hour would find: services, quotas, probes of the state, the audit records and the
    /// bucket.
    async fn examine_account(&self) -> Vec<Finding>;
}
