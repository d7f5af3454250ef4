//! What a decision about a pipeline stands on: the pipeline as one query sees it, and who may do what with it, read side
//! by side. Decisions are never made on less: a role that was granted or taken away counts from then on.

use futures::future::{join, try_join};

use crate::domain::{Access, Concern, Grants, Membership, Roles, View};
use crate::operation::world::World;
use crate::ports::StoreError;
use sluice_model::PipelineName;

/// A pipeline and its roles.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// The pipeline.
    pub view: View,
    /// The roles, and where each is from.
    pub roles: Roles,
    /// Who may do what.
    pub access: Access,
}

impl Ground {
    /// Reads both: two requests at once, then who is in the groups that have a role or approve on a stage.
    pub async fn read(world: &World, name: &PipelineName) -> Result<Self, StoreError> {
        Self::read_about(world, name, Concern::default()).await
    }

    /// The same, for a decision about these people, too.
    pub async fn read_about(
        world: &World,
        name: &PipelineName,
        concern: Concern,
    ) -> Result<Self, StoreError> {
        let Concern { groups, people } = concern;
        let key = world.keys.grants();
        let view = View::read(&*world.store, &world.keys, name);
        let read = try_join(view, world.store.get(&key));
        let (read, deactivated) = join(read, world.deactivated(people)).await;
        let (view, everywhere) = read?;
        let roles = Roles {
            pinned: world.pinned.get(),
            everywhere: Grants::of(everywhere.as_ref())?,
            here: view.grants.clone(),
            membership: Membership::default(),
        };
        let named = Concern { groups, ..Concern::default() };
        let named = view.policies.values().fold(named, |all, policy| all.naming(&policy.approvers));
        let roles = world.acquaint(roles, named.groups, deactivated).await;
        Ok(Self { access: roles.access(), view, roles })
    }
}
