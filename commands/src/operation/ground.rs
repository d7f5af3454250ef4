//! What a decision about a pipeline stands on: the pipeline as one query sees it, and who may do what with it, read side
//! by side. Decisions are never made on less: a role that was granted or taken away counts from then on.

use futures::future::try_join;

use crate::domain::{Access, Grants, Roles, View};
use crate::ids::PipelineName;
use crate::operation::world::World;
use crate::ports::StoreError;

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
    /// Reads both: two requests at once.
    pub async fn read(world: &World, name: &PipelineName) -> Result<Self, StoreError> {
        let key = world.keys.grants();
        let view = View::read(&*world.store, &world.keys, name);
        let (view, everywhere) = try_join(view, world.store.get(&key)).await?;
        let everywhere = Grants::of(everywhere.as_ref())?;
        let roles = Roles { pinned: world.pinned.clone(), everywhere, here: view.grants.clone() };
        Ok(Self { access: roles.access(), view, roles })
    }
}
