//! `/pipeline who`: who has which role, and why.

use futures::future::try_join;

use crate::installation::{Installation, Reject, newest};
use crate::operation::Snapshot;
use crate::pipeline::roles::messages;
use crate::records::{ACCESS_REQUEST, AuditRecord, from_item};
use crate::rules::Roles;
use sluice_grammar::{Command, PipelineCommand};
use sluice_model::{Answer, PipelineName};

/// How many changes are shown, and how many records are read for them. Some of these records are role requests.
const CHANGES: usize = 5;
const RECORDS: u32 = 25;

impl Installation {
    /// `/pipeline who`: the roles for all pipelines, with the last changes.
    pub(crate) async fn who(&self) -> Result<Answer, Reject> {
        let world = self.engine.world();
        let changes = world.store.audit_records(newest(world.keys.installation_audit_partition(), RECORDS));
        let (roles, changes) = try_join(Roles::read(world, None), changes).await?;
        let changes = changes.items.iter().filter_map(|item| from_item::<AuditRecord>(item).ok());
        let changes = changes.filter(|record| record.kind != ACCESS_REQUEST).take(CHANGES);
        Ok(Answer::private(messages::list(&roles, changes)))
    }

    /// `/pipeline who NAME`: also the roles for that pipeline.
    pub(crate) async fn who_of(&self, name: &PipelineName) -> Result<Answer, Reject> {
        let command = Command::Pipeline(PipelineCommand::Who { name: Some(name.clone()) });
        let Snapshot { state, roles, .. } = self.snapshot(name, &command).await?;
        Ok(Answer::private(messages::list_of(name, &roles, &state)))
    }
}
