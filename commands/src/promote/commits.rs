//! The commits between what a stage runs and what it would run, for who has to approve: what they say yes to.
//!
//! They are read along the first parents, newest first, up to [`MOST`]. A history that cannot be read delays and fails
//! nothing: the card then shows the two ends alone.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::build_op::change_text;
use crate::operation::{Context, Effect, EngineError, Progress, Step};
use crate::records::Change;
use sluice_model::{CommitId, Target, Text};

/// So many commits are shown. Each is a call, one after the other: a second or less, before anybody is asked.
const MOST: usize = 10;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commits {
    /// The newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<Change>,
    /// Whether the stage's own commit was reached. If not, there are more, or it is on another line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_whole: bool,
}

impl Commits {
    /// How many there are, in words; nothing where they are not listed.
    pub fn size(&self) -> Option<String> {
        self.words()?;
        let more = if self.is_whole { "" } else { " or more" };
        Some(format!("{} commits{more}", self.list.len()))
    }

    /// As the card lists them; nothing where the two ends say it all, or where no line leads from one to the other.
    pub fn words(&self) -> Option<Text> {
        if self.list.len() < 2 || !self.is_whole && self.list.len() < MOST {
            return None;
        }
        let text = self.list.iter().fold(Text::default(), |text, change| {
            let line = change_text(change);
            if text.is_empty() { line } else { text.then("\n").join(line) }
        });
        Some(if self.is_whole { text } else { text.then("\nand more before, or on another line of history") })
    }
}

/// Reads them.
pub(super) struct LookAtCommits {
    pub(super) target: Target,
    pub(super) repository: String,
    /// The commit that would run.
    pub(super) newest: Change,
    /// The commit that runs.
    pub(super) runs: CommitId,
}

#[async_trait]
impl Step for LookAtCommits {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
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
            match cx.world.repositories.commit(target, repository, &id).await {
                Ok(Some(commit)) => {
                    next = commit.parent.clone();
                    found.list.push(Change::new(commit.id, &commit.author, &commit.subject));
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(operation = %cx.operation, %error, "the commits of a promotion could not be read");
                    return Progress::done(Commits::default());
                }
            }
        }
        // What is not shown is not kept: each KB of a journal's row costs two write units.
        Progress::done(found.words().map(|_| found).unwrap_or_default())
    }
}
