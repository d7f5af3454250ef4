//! The input of a decision about a pipeline: the pipeline as one query returns it and the access of people,
//! read side by side. No decision uses less, so a granted or revoked role counts from then on.

use futures::future::{join, try_join};

use crate::operation::world::World;
use crate::ports::StoreError;
use crate::records::PipelineState;
use crate::rules::{Access, Grants, Membership, Roles, Subjects};
use sluice_model::PipelineName;

/// A pipeline and its roles.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The pipeline.
    pub state: PipelineState,
    /// The roles and the source of each.
    pub roles: Roles,
    /// The access of each person.
    pub access: Access,
}

impl Snapshot {
    /// Reads both with two requests at once, then the members of the groups that have a role or approve on a
    /// stage.
    pub async fn read(world: &World, name: &PipelineName) -> Result<Self, StoreError> {
        Self::read_about(world, name, Subjects::default()).await
    }

    /// Reads the same, also for a decision about these people.
    pub async fn read_about(
        world: &World,
        name: &PipelineName,
        subjects: Subjects,
    ) -> Result<Self, StoreError> {
        let Subjects { groups, people } = subjects;
        let key = world.keys.grants();
        let state = PipelineState::read(&*world.store, &world.keys, name);
        let read = try_join(state, world.store.get(&key));
        let (read, deactivated) = join(read, world.deactivated(people)).await;
        let (state, everywhere) = read?;
        let roles = Roles {
            pinned: world.pinned.get(),
            everywhere: Grants::of(everywhere.as_ref())?,
            here: state.grants.clone(),
            membership: Membership::default(),
        };
        let named = Subjects { groups, ..Subjects::default() };
        let named = state.policies.values().fold(named, |all, policy| all.naming(&policy.approvers));
        let roles = world.resolve_groups(roles, named.groups, deactivated).await;
        Ok(Self { access: roles.access(), state, roles })
    }
}
