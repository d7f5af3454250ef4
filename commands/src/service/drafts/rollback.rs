//! The draft of a rollback: a stage goes back to a release that ran there, with the versions that it had there. Nobody is
//! asked, and nothing is made anew.

use jiff::{SignedDuration, Timestamp};

use crate::card::Text;
use crate::domain::{Attempt, Current, Stage, VersionSet, View, Want, from_item, pass};
use crate::grammar::Command;
use crate::ids::{PipelineName, ReleaseNumber, StageName};
use crate::operation::{ROLLBACK, Refusal, Trouble};
use crate::operations::tidy::WINDOW;
use crate::operations::{promote, rollback};
use crate::service::drafts::Resolved;
use crate::service::{Actor, Invocation, Service, Stop};

/// How long two people may take to see the same fire.
const SAME_FIRE: SignedDuration = SignedDuration::from_mins(1);

impl Service {
    /// To the newest release before that was not rolled back itself, unless one is named.
    pub(super) async fn rollback(
        &self,
        invocation: &Invocation,
        view: &View,
        name: &PipelineName,
        stage: &StageName,
        release: Option<ReleaseNumber>,
        reason: Option<String>,
    ) -> Result<Resolved, Stop> {
        let world = self.engine.world();
        view.pipeline(name)?;
        let record = view.stage(name, stage)?;
        let Some(current) = &record.current else {
            return Err(Refusal::new(
                "nothing-runs",
                format!("Stage `{stage}` runs nothing yet, so there is nothing to go back from."),
                format!("See `/pipeline status {name}`."),
            )
            .into());
        };
        let number = match release {
            Some(number) if number == current.release && record.mixed.is_none() => {
                return Err(Refusal::new(
                    "already-runs",
                    format!("Stage `{stage}` runs `{number}` already."),
                    ran_here(record, current.release),
                )
                .into());
            }
            Some(number) if !record.has_run(number) => {
                return Err(Refusal::new(
                    "never-ran",
                    format!("Release `{number}` never ran on `{stage}`."),
                    ran_here(record, current.release),
                )
                .into());
            }
            Some(number) => number,
            None if just_rolled_back(current, record, &invocation.actor, world.clock.now()) => {
                return Err(Refusal::new(
                    "just-rolled-back",
                    format!(
                        "`{stage}` was rolled back to `{}` by <@{}> a moment ago.",
                        current.release, current.by.id
                    ),
                    match record.rollback_target() {
                        Some(further) => {
                            format!("If it is to go further back: `/rollback {name} {stage} {further}`.")
                        }
                        None => ran_here(record, current.release),
                    },
                )
                .into());
            }
            None => record.rollback_target().ok_or_else(|| {
                Refusal::new(
                    "nothing-before",
                    format!(
                        "Nothing ran on `{stage}` before `{}` that was not rolled back itself.",
                        current.release
                    ),
                    ran_here(record, current.release),
                )
            })?,
        };
        let attempt = Attempt { pipeline: name, stage, want: Want::Rollback, at: world.clock.now() };
        let passed = pass(view, &attempt)?;
        let release = self.release(name, number).await?;
        let set = world.store.get(&world.keys.version_set(name, number, stage)).await?;
        let set: Option<VersionSet> = set.map(|item| from_item(&item)).transpose()?;
        let set =
            set.ok_or_else(|| Trouble::Corrupt(format!("{name} {number} has no versions on {stage}")))?;
        if set.tidied {
            let line = match view.is_protected(stage) {
                true => format!("/promote {name} {stage} {number}"),
                false => format!("/deploy {name} {}", release.build),
            };
            return Err(Refusal::new(
                "versions-deleted",
                format!("`{number}` is more than {WINDOW} releases back on `{stage}`, so its versions were deleted."),
                format!("Have them made again: `{line}`."),
            )
            .into());
        }
        let params = rollback::Params {
            name: name.clone(),
            stage: stage.clone(),
            before: current.release,
            before_commit: current.commit.clone(),
            release,
            set,
            reason,
            goes_first: view.tickets.iter().any(|ticket| ticket.kind == promote::KIND),
            passed,
            outside: None,
        };
        let answer = Text::plain("Rolling ")
            .code(name.as_str())
            .then(" on ")
            .code(stage.as_str())
            .then(" back to ")
            .code(number.to_string())
            .then(".");
        let command = Command::Rollback {
            name: name.clone(),
            stage: stage.clone(),
            release: Some(number),
            anyway: false,
            reason: None,
        };
        Resolved::new(ROLLBACK, params, command, answer)
    }
}

/// Whether somebody else took the stage back so lately that a rollback typed now may mean the same one: two people who see
/// one fire must not go back two releases.
fn just_rolled_back(current: &Current, stage: &Stage, who: &Actor, at: Timestamp) -> bool {
    let present = stage.runs.iter().position(|run| run.release == current.release);
    let left = stage.runs.iter().skip(present.map_or(0, |at| at + 1)).any(|run| run.rolled_back);
    left && current.by.id != who.id && at.duration_since(current.since) < SAME_FIRE
}

/// The releases that ran on a stage, for who has to name one.
fn ran_here(stage: &Stage, current: ReleaseNumber) -> String {
    let others: Vec<_> = stage
        .runs
        .iter()
        .rev()
        .filter(|run| run.release != current)
        .take(8)
        .map(|run| format!("`{}`{}", run.release, if run.rolled_back { " (rolled back)" } else { "" }))
        .collect();
    match others.as_slice() {
        [] => "No other release ever ran here.".to_owned(),
        others => format!("Name one that ran here: {}.", others.join(", ")),
    }
}
