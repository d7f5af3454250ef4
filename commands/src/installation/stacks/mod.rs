//! What somebody else did to the stacks of a pipeline's stages: one call for each. Only `/pipeline status` shows it, and nothing has to
//! be confirmed: a deploy or promotion begins with the template that is live, and its changes are shown before they happen.
//!
//! This is apart from the comparison of functions and APIs, which promotions wait for.

mod messages;

use std::collections::BTreeMap;

use futures::future::{BoxFuture, join};
use futures::{FutureExt as _, StreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::installation::drift_cache::{PATIENCE, SeenStacks, StackReport};
use crate::installation::{Installation, Reject, SIDE_BY_SIDE};
use crate::operation::EngineError;
use crate::records::{Current, PipelineState, Stage, VersionSet, from_item};
use crate::resources::stack::{StackDrift, StackOfStage};
use crate::resources::{mark, mover};
use crate::steps::have_values_changed;
use sluice_model::PipelineName;

pub(crate) use self::messages::stack_changed;

impl Installation {
    /// What somebody else did to the stacks of the stages, at most one minute old. It never waits longer than an answer can.
    pub(crate) async fn stack_report(
        &self,
        name: &PipelineName,
        state: &PipelineState,
    ) -> Result<StackReport, Reject> {
        let world = self.engine.world();
        let stages: Vec<&Stage> = state.stages.values().filter(|stage| is_compared(state, stage)).collect();
        let marks: BTreeMap<_, _> =
            stages.iter().map(|stage| (stage.name.clone(), mark(&stage.name, state))).collect();
        let at = world.clock.now();
        let known = self.drift.with(name, |entry| entry.stacks.clone());
        if let Some(known) = known.filter(|known| known.holds(&marks, at)) {
            return Ok(known.report);
        }
        let deadline = Instant::now() + PATIENCE;
        let mut looks: Vec<BoxFuture<'_, _>> = vec![];
        for stage in stages {
            let look = async move { (stage.name.clone(), self.changed_stack(name, stage, deadline).await) };
            looks.push(look.boxed());
        }
        let found: Vec<_> = stream::iter(looks).buffer_unordered(SIDE_BY_SIDE).collect().await;
        let found = found.into_iter().map(|(stage, found)| Ok::<_, EngineError>((stage, found?)));
        let mut report: StackReport = found.collect::<Result<_, _>>()?;
        if report.values().any(|found| matches!(found, Ok(Some(_)))) {
            // An operation of Sluice may have changed a stack meanwhile.
            let after = PipelineState::read(&*world.store, &world.keys, name).await?;
            report.retain(|stage, found| {
                let is_same =
                    Some(&mark(stage, &after)) == marks.get(stage) && mover(&after, stage).is_none();
                is_same || !matches!(found, Ok(Some(_)))
            });
        }
        let seen = SeenStacks { at, marks, report: report.clone() };
        self.drift.with(name, |entry| entry.stacks = Some(seen));
        Ok(report)
    }

    /// Whether a release that runs already can be deployed to its stage again: a value of Systems Manager is another one, or the stack
    /// differs from how Sluice left it. If CloudFormation does not answer, it does not differ.
    pub(crate) async fn has_changed_outside(
        &self,
        name: &PipelineName,
        stage: &Stage,
        current: &Current,
    ) -> Result<bool, Reject> {
        let world = self.engine.world();
        let stack = async {
            match has_stack(stage) {
                true => self.changed_stack(name, stage, Instant::now() + PATIENCE).await,
                false => Ok(Ok(None)),
            }
        };
        let values = have_values_changed(world, &world.target, &current.system);
        let (values, stack) = join(values, stack).await;
        Ok(values || matches!(stack?, Ok(Some(_))))
    }

    async fn changed_stack(
        &self,
        name: &PipelineName,
        stage: &Stage,
        deadline: Instant,
    ) -> Result<Result<Option<StackDrift>, String>, EngineError> {
        let world = self.engine.world();
        let of =
            StackOfStage { target: world.target.clone(), pipeline: name.clone(), stage: stage.name.clone() };
        let look = of.changed_outside(world, planned(stage).unwrap_or_default());
        let found = match timeout_at(deadline, look).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Ok(Err(error.brief())),
            Err(_) => return Ok(Err(messages::NO_ANSWER.into())),
        };
        match found {
            Some(StackDrift::Gone) if !self.wants_stack(name, stage).await? => Ok(Ok(None)),
            found => Ok(Ok(found)),
        }
    }

    /// Whether the running release has a resource in the stack.
    async fn wants_stack(&self, name: &PipelineName, stage: &Stage) -> Result<bool, EngineError> {
        let world = self.engine.world();
        let Some(current) = &stage.current else { return Ok(false) };
        let found = world.store.get(&world.keys.version_set(name, current.release, &stage.name)).await?;
        let set: Option<VersionSet> = found.as_ref().map(from_item).transpose()?;
        Ok(set.and_then(|set| set.stack).is_some_and(|stack| !stack.wanted.is_empty()))
    }
}

fn has_stack(stage: &Stage) -> bool {
    stage.removed_by.is_none() && stage.current.as_ref().is_some_and(|current| current.has_stack)
}

/// Whether the stack of a stage is looked at: not while an operation of Sluice may change it.
fn is_compared(state: &PipelineState, stage: &Stage) -> bool {
    has_stack(stage) && mover(state, &stage.name).is_none()
}

/// When the operation was accepted that planned the stack's passes last: the one that moved the stage to its release. A rollback plans
/// the triggers only, so for one it is the newest release that ran.
fn planned(stage: &Stage) -> Option<Timestamp> {
    let current = stage.current.as_ref()?;
    match stage.runs.last() {
        Some(newest) if newest.release != current.release => Some(newest.at),
        _ => Some(current.since),
    }
}
