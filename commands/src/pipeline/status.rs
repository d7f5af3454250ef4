//! `/pipeline status`.

use futures::future::try_join;
use jiff::Timestamp;

use crate::installation::{Installation, Reject};
use crate::pipeline::messages;
use crate::promote;
use crate::records::PipelineState;
use crate::repo::{PIPELINES, no_pipelines};
use crate::rules::{Attempt, Want, pass};
use sluice_model::{Answer, PipelineName, StageName};

impl Installation {
    /// `/pipeline status`.
    pub(crate) async fn status_of_all(&self) -> Result<Answer, Reject> {
        let names = self.pipelines(PIPELINES).await?;
        if names.is_empty() {
            return Ok(Answer::private(no_pipelines()));
        }
        Ok(Answer::private(messages::status_of_all(&self.states(&names).await?)))
    }

    /// `/pipeline status NAME`: one request to the store, and calls to AWS if the last comparison is older than a minute.
    pub(crate) async fn status(&self, name: &PipelineName) -> Result<Answer, Reject> {
        let world = self.engine.world();
        let state = self.state(name).await?;
        let pipeline = state.pipeline(name)?;
        let void = promote::void_outdated(world, &state, None).await?;
        let (drift, stacks) =
            try_join(self.drift_report(name, &state), self.stack_report(name, &state)).await?;
        let now = world.clock.now();
        let locks = state.locks.values().filter(|lock| lock.holds(now));
        let open = state.queue.tickets.iter().filter(|ticket| !void.contains(&ticket.operation));
        let next = next_step(&state, name, now);
        Ok(Answer::private(messages::status((pipeline, &state), locks, open, (&drift, &stacks), next)))
    }
}

/// The next command for the first stage that runs nothing. If a gate of the stage is closed, the command is the check.
fn next_step(state: &PipelineState, name: &PipelineName, at: Timestamp) -> Option<String> {
    let pipeline = state.pipeline.as_ref()?;
    let runs = |stage: &StageName| {
        state.stages.get(stage).is_some_and(|stage| stage.current.is_some() || stage.removed_by.is_some())
    };
    let empty = pipeline.stages.iter().position(|stage| !runs(stage))?;
    Some(match (empty, state.counters.newest_green()) {
        (0, None) => format!("/build {name}"),
        (0, Some(_)) => format!("/deploy {name}"),
        (nth, _) => {
            let stage = pipeline.stages.get(nth)?;
            let (from, source) =
                pipeline.before(stage).and_then(|from| Some((from, state.stages.get(from)?)))?;
            let release = source.current.as_ref()?.release;
            let want = Want::Promote { from, release, again: false, overrides: false };
            let is_open = pass(state, &Attempt { pipeline: name, stage, want, at }).is_ok();
            let word = if is_open && source.mixed.is_none() { "/promote" } else { "/pipeline check" };
            format!("{word} {name} {stage}")
        }
    })
}
