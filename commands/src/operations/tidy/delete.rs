//! The steps that delete. Each looks for what it deletes by name, so that doing it twice is doing it once.

use async_trait::async_trait;

use super::Params;
use crate::domain::{Tidied, View, to_item};
use crate::ids::Target;
use crate::operation::effects::{
    DELETE_ROLE, DELETE_ROLE_POLICY, DELETE_VERSION, LOG_RETENTION, PUT_ROLE_POLICY_NAME,
};
use crate::operation::{Context, Effect, Observed, Progress, Step, Trouble};
use crate::operations::steps::ours;
use crate::ports::{Precondition, Write};

/// Deletes one published version.
pub(super) struct DeleteVersion {
    target: Target,
    function: String,
    version: String,
}

impl DeleteVersion {
    pub(super) fn new(target: &Target, function: &str, version: &str) -> Self {
        Self { target: target.clone(), function: function.to_owned(), version: version.to_owned() }
    }
}

#[async_trait]
impl Step for DeleteVersion {
    fn effect(&self) -> Effect {
        Effect::Mutate(&DELETE_VERSION)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        cx.world.functions.delete_version(&self.target, &self.function, &self.version).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let found = cx.world.functions.version(&self.target, &self.function, &self.version).await?;
        if found.is_none() { ours(()) } else { Ok(Observed::Absent) }
    }
}

/// Deletes the policy of a role, without which the role can be deleted.
pub(super) struct DeleteRolePolicy {
    target: Target,
    role: String,
}

impl DeleteRolePolicy {
    pub(super) fn new(target: &Target, role: &str) -> Self {
        Self { target: target.clone(), role: role.to_owned() }
    }
}

#[async_trait]
impl Step for DeleteRolePolicy {
    fn effect(&self) -> Effect {
        Effect::Mutate(&DELETE_ROLE_POLICY)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        cx.world.identity.delete_role_policy(&self.target, &self.role, PUT_ROLE_POLICY_NAME).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let found = cx.world.identity.role_policy(&self.target, &self.role, PUT_ROLE_POLICY_NAME).await?;
        if found.is_none() { ours(()) } else { Ok(Observed::Absent) }
    }
}

/// Deletes a role.
pub(super) struct DeleteRole {
    target: Target,
    role: String,
}

impl DeleteRole {
    pub(super) fn new(target: &Target, role: &str) -> Self {
        Self { target: target.clone(), role: role.to_owned() }
    }
}

#[async_trait]
impl Step for DeleteRole {
    fn effect(&self) -> Effect {
        Effect::Mutate(&DELETE_ROLE)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        cx.world.identity.delete_role(&self.target, &self.role).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        let found = cx.world.identity.role(&self.target, &self.role).await?;
        if found.is_none() { ours(()) } else { Ok(Observed::Absent) }
    }
}

/// Has the events of a log group expire that nobody gave an end.
pub(super) struct LimitLogs {
    target: Target,
    group: String,
    days: u32,
}

impl LimitLogs {
    pub(super) fn new(target: &Target, group: &str, days: u32) -> Self {
        Self { target: target.clone(), group: group.to_owned(), days }
    }
}

#[async_trait]
impl Step for LimitLogs {
    fn effect(&self) -> Effect {
        Effect::Mutate(&LOG_RETENTION)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        cx.world.logs.set_retention(&self.target, &self.group, self.days).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, Trouble> {
        match cx.world.logs.retention(&self.target, &self.group).await? {
            Some(0) => Ok(Observed::Absent),
            // Limited, by us or by somebody meanwhile, or gone.
            _ => ours(()),
        }
    }
}

/// Records that the pipeline is tidy, so that Sluice looks again only after more releases.
pub(super) struct Record(pub(super) Params);

#[async_trait]
impl Step for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, Trouble> {
        let (world, name) = (&cx.world, &self.0.name);
        let view = View::read(&*world.store, &world.keys, name).await?;
        let tidied = Tidied { at: world.clock.now(), releases: view.counters.releases };
        let item = to_item(world.keys.tidied(name), Default::default(), &tidied)?;
        Progress::recorded((), vec![Write::Put { item, when: Precondition::Any }])
    }
}
