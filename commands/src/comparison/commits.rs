//! The commits between the running and the new release, for approvers: read along the first parents, newest first, at most
//! [`MOST`]. If they cannot be read, the card shows only the commits of the two releases.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::application::{Sluice, World};
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::records::Change;
use sluice_model::{CommitId, PortResult, Target};

/// How many commits are shown. Each is a call, one after the other: a second or less, before approvers are notified.
const MOST: usize = 10;

/// The commits that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Commits {
    /// Newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) list: Vec<Change>,
    /// Whether the running commit was reached. If not, there are more, or it is on another branch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_whole: bool,
}

impl Commits {
    /// Whether a card lists them: not if the two ends say it all, or if no line of parents connects them.
    pub(crate) fn are_listed(&self) -> bool {
        self.list.len() >= 2 && (self.is_whole || self.list.len() == MOST)
    }
}

/// Reads the commits.
#[derive(Clone)]
pub(crate) struct LookAtCommits {
    pub(crate) target: Target,
    pub(crate) repository: String,
    /// The commit of the new release.
    pub(crate) newest: Change,
    /// The commit of the running release.
    pub(crate) runs: CommitId,
}

impl LookAtCommits {
    pub(super) async fn found(&self, world: &World) -> PortResult<Commits> {
        let Self { target, repository, newest, runs } = self;
        let mut found = Commits::default();
        let mut next = Some(newest.id.clone());
        while let Some(id) = next.take() {
            if id == *runs {
                found.is_whole = true;
                break;
            }
            if found.list.len() == MOST {
                break;
            }
            let Some(commit) = world.ports.repositories.commit(target, repository, &id).await? else { break };
            next = commit.parent.clone();
            found.list.push(Change::new(commit.id, &commit.author, &commit.subject));
        }
        // Only commits that are shown are kept: each KB of a journal row costs two write units.
        Ok(if found.are_listed() { found } else { Commits::default() })
    }
}

#[async_trait]
impl Step<Sluice> for LookAtCommits {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        Progress::done(self.found(&cx.world).await.unwrap_or_else(|error| {
            tracing::warn!(operation = %cx.operation, %error, "the commits of a promotion could not be read");
            Commits::default()
        }))
    }
}
