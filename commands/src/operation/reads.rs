//! Reading what a decision depends on: a pipeline and its roles, side by side. Nothing is cached, because a
//! revoked role must count at once.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join, try_join};
use futures::{StreamExt as _, stream};

use crate::application::World;
use crate::ports::StoreError;
use crate::records::PipelineState;
use crate::rules::{Grants, Membership, Roles, Snapshot};
use sluice_model::{GroupId, PipelineName, Subjects, UserId};

/// How many groups or people are looked up side by side.
const LOOK_UPS: usize = 16;

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
        let (read, deactivated) = join(read, deactivated(world, people)).await;
        let (state, everywhere) = read?;
        let roles = Roles {
            pinned: world.ports.pinned.get(),
            everywhere: Grants::of(everywhere.as_ref())?,
            here: state.grants.clone(),
            membership: Membership::default(),
        };
        let named = Subjects { groups, ..Subjects::default() };
        let named = state.policies.values().fold(named, |all, policy| all.naming(&policy.approvers));
        let roles = resolve_groups(world, roles, named.groups, deactivated).await;
        Ok(Self { access: roles.access(), state, roles })
    }
}

impl Roles {
    /// The current roles, for one pipeline or, without a name, for the installation: one request.
    pub async fn read(world: &World, name: Option<&PipelineName>) -> Result<Self, StoreError> {
        Self::read_about(world, name, Subjects::default()).await
    }

    /// The same, for a decision that is also about these people and groups.
    pub async fn read_about(
        world: &World,
        name: Option<&PipelineName>,
        subjects: Subjects,
    ) -> Result<Self, StoreError> {
        // The people are known in advance, so their look-up runs beside the request.
        let Subjects { groups, people } = subjects;
        let (roles, deactivated) = join(granted(world, name), deactivated(world, people)).await;
        Ok(resolve_groups(world, roles?, groups, deactivated).await)
    }
}

/// The roles as they are recorded.
async fn granted(world: &World, name: Option<&PipelineName>) -> Result<Roles, StoreError> {
    let (all, one) = (world.keys.grants(), name.map(|name| world.keys.pipeline_grants(name)));
    let keys: Vec<_> = one.into_iter().chain([all.clone()]).collect();
    let (everywhere, here): (Vec<_>, Vec<_>) =
        world.store.get_many(&keys).await?.into_iter().partition(|item| item.key == all);
    Ok(Roles {
        pinned: world.ports.pinned.get(),
        everywhere: Grants::of(everywhere.first())?,
        here: Grants::of(here.first())?,
        membership: Membership::default(),
    })
}

/// The roles, with the members of their groups and of these groups.
async fn resolve_groups(
    world: &World,
    roles: Roles,
    groups: BTreeSet<GroupId>,
    deactivated: BTreeSet<UserId>,
) -> Roles {
    let groups: BTreeSet<_> = roles.subjects().groups.into_iter().chain(groups).collect();
    let looks = groups.into_iter().map(async |group| {
        let members = world.ports.directory.members(&group).await;
        (group, members)
    });
    let groups: BTreeMap<_, _> = stream::iter(looks).buffer_unordered(LOOK_UPS).collect().await;
    Roles { membership: Membership { groups, deactivated }, ..roles }
}

/// The people among these who are known to be deactivated.
async fn deactivated(world: &World, people: BTreeSet<UserId>) -> BTreeSet<UserId> {
    let looks = people.into_iter().map(async |user| {
        let is_gone = world.ports.directory.is_deactivated(&user).await == Some(true);
        is_gone.then_some(user)
    });
    let found = stream::iter(looks).buffer_unordered(LOOK_UPS);
    found.filter_map(std::future::ready).collect().await
}
