//! The deletion of a role, in two steps: a role can be deleted only without policies.

use async_trait::async_trait;

use crate::application::Sluice;
use crate::operation::effects::{DELETE_ROLE, DELETE_ROLE_POLICY, PUT_ROLE_POLICY_NAME};
use crate::operation::{Context, Effect, EngineError, Observed, Progress, Step};
use crate::resources::ours;
use sluice_model::Target;

/// Deletes a role or its policies, by name: running it twice has the effect of running it once.
pub(crate) struct DeleteRole {
    pub(crate) target: Target,
    pub(crate) role: String,
    pub(crate) part: RolePart,
}

/// What of the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RolePart {
    /// Its policies: AWS's own are detached, and its inline policy goes last.
    Policies,
    /// The role, without policies.
    Itself,
}

#[async_trait]
impl Step<Sluice> for DeleteRole {
    fn effect(&self) -> Effect {
        Effect::Mutate(match self.part {
            RolePart::Policies => &DELETE_ROLE_POLICY,
            RolePart::Itself => &DELETE_ROLE,
        })
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let (Self { target, role, .. }, identity) = (self, &cx.world.ports.identity);
        match self.part {
            RolePart::Policies => {
                identity.detach_role_policies(target, role).await?;
                identity.delete_role_policy(target, role, PUT_ROLE_POLICY_NAME).await?;
            }
            RolePart::Itself => identity.delete_role(target, role).await?,
        }
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        let (Self { target, role, .. }, identity) = (self, &cx.world.ports.identity);
        let is_gone = match self.part {
            RolePart::Policies => identity.role_policy(target, role, PUT_ROLE_POLICY_NAME).await?.is_none(),
            RolePart::Itself => identity.role(target, role).await?.is_none(),
        };
        if is_gone { ours(()) } else { Ok(Observed::Absent) }
    }
}
