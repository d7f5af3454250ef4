//! `/pipeline grant` and `/pipeline revoke` for one pipeline: a person gets or loses a role.
//!
//! The step that records the change reads the roles again, and checks that the requester is still an admin and that an admin
//! remains. It replaces exactly the record that it read. So if two admins revoke each other's role, one of them is refused.

use async_trait::async_trait;

use crate::operation::{Context, EngineError, OperationState, Progress, Snapshot, Summary};
use crate::pipeline::roles::messages;
use crate::rules::{RoleChange, Subjects};
use crate::steps::Change;
use sluice_model::Actor;

/// The operation, by its kind: [`RoleChange::GRANT`] or [`RoleChange::REVOKE`].
#[derive(Clone, Copy)]
pub struct ChangeRole(pub &'static str);

#[async_trait]
impl Change for ChangeRole {
    type Params = RoleChange;

    fn kind(self) -> &'static str {
        self.0
    }
    fn summary(self, change: &RoleChange, op: &OperationState) -> Summary {
        messages::summary(change, op)
    }
    async fn record(self, change: &RoleChange, by: &Actor, cx: &Context) -> Result<Progress, EngineError> {
        let world = &cx.world;
        let Some(name) = &change.name else {
            return Err(EngineError::Corrupt("a change of roles of no pipeline".into()));
        };
        let subjects = Subjects::people([&by.id]);
        let Snapshot { roles, access, .. } = Snapshot::read_about(world, name, subjects).await?;
        access.administer(&by.id).map_err(EngineError::Refused)?;
        let after = roles.changed(change, by, world.clock.now()).map_err(EngineError::Refused)?;
        let write = after.here.put(world.keys.pipeline_grants(name))?;
        Progress::recorded(messages::kept(&after, change), vec![write])
    }
}
