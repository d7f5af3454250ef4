//! Reads that several commands need. No command loads all pipelines to read one.

use std::collections::BTreeSet;

use futures::future::try_join_all;

use crate::installation::{Installation, Invocation, Reject, messages};
use crate::operation::{EngineError, Snapshot};
use crate::ports::{Order, Query};
use crate::records::{PipelineState, Release, from_item};
use crate::rules::{Roles, Subjects};
use sluice_grammar::{Command, PipelineCommand};
use sluice_model::{PipelineName, ReleaseNumber};

pub(crate) const SIDE_BY_SIDE: usize = 8;

pub(crate) fn newest(partition: String, limit: u32) -> Query {
    Query { partition, prefix: String::new(), order: Order::Descending, limit: Some(limit), after: None }
}

impl Installation {
    pub(crate) async fn pipelines(&self, limit: u32) -> Result<Vec<PipelineName>, Reject> {
        let world = self.engine.world();
        let query = Query { order: Order::Ascending, ..newest(world.keys.catalog_partition(), limit) };
        let page = world.store.query(query).await?;
        let names = page.items.iter().map(|item| PipelineName::new(item.key.sort.clone()));
        names.collect::<Result<_, _>>().map_err(|error| EngineError::Corrupt(error.to_string()).into())
    }

    pub(crate) async fn state(&self, name: &PipelineName) -> Result<PipelineState, Reject> {
        let world = self.engine.world();
        let state = PipelineState::read(&*world.store, &world.keys, name).await?;
        if state.pipeline.is_none() {
            let command = Command::Pipeline(PipelineCommand::Status { name: Some(name.clone()) });
            return Err(Reject::answer(self.unknown_pipeline(name, &command).await?));
        }
        Ok(state)
    }

    /// The same, with the roles.
    pub(crate) async fn snapshot(&self, name: &PipelineName, command: &Command) -> Result<Snapshot, Reject> {
        let snapshot = Snapshot::read(self.engine.world(), name).await?;
        if snapshot.state.pipeline.is_none() {
            return Err(Reject::answer(self.unknown_pipeline(name, command).await?));
        }
        Ok(snapshot)
    }

    pub(crate) async fn states(
        &self,
        names: &[PipelineName],
    ) -> Result<Vec<(PipelineName, PipelineState)>, Reject> {
        let world = self.engine.world();
        let mut states = vec![];
        for some in names.chunks(SIDE_BY_SIDE) {
            let reads = some.iter().map(|name| PipelineState::read(&*world.store, &world.keys, name));
            states.extend(some.iter().cloned().zip(try_join_all(reads).await?));
        }
        Ok(states)
    }

    /// Logs may contain information that not everyone in the workspace should see. Outside the home channel, only people with
    /// a role for the pipeline and approvers of its stages can read them.
    pub(crate) async fn may_read_logs(
        &self,
        invocation: &Invocation,
        state: &PipelineState,
        name: &PipelineName,
    ) -> Result<(), Reject> {
        if invocation.channel.as_ref() == Some(&state.pipeline(name)?.home) {
            return Ok(());
        }
        let named: BTreeSet<_> =
            state.policies.values().flat_map(|policy| policy.approvers.iter().cloned()).collect();
        let subjects = Subjects::people([&invocation.actor.id]).naming(&named);
        let roles = Roles::read_about(self.engine.world(), Some(name), subjects).await?;
        roles.access().read_logs(&invocation.actor.id, &named)?;
        Ok(())
    }

    /// A release that succeeded, and can run on a stage.
    pub(crate) async fn release(
        &self,
        name: &PipelineName,
        number: ReleaseNumber,
    ) -> Result<Release, Reject> {
        let world = self.engine.world();
        let found = world.store.get(&world.keys.release(name, number)).await?;
        let found: Option<Release> = found.map(|item| from_item(&item)).transpose()?;
        found
            .filter(|release| release.succeeded)
            .ok_or_else(|| messages::no_such_release(name, number).into())
    }
}
