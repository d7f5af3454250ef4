//! A role and its policy. Its name is made of everything that it may do, so it is made once and never edited: no deploy
//! changes what a version that runs already may do.

use async_trait::async_trait;

use crate::operation::effects::{CREATE_ROLE, PUT_ROLE_POLICY_NAME, ROLE_POLICY};
use crate::operation::{Context, Effect, EngineError, Node, Observed, Progress, Step, StepId};
use crate::operations::names;
use crate::operations::rights::ImmutableRole;
use crate::operations::steps::{foreign, ours};
use crate::ports::{Role, RoleSpec};
use sluice_model::{PipelineName, Target};

/// Makes a role with its boundary; its name says what it will be allowed.
pub(crate) struct CreateRole {
    pub(crate) target: Target,
    pub(crate) pipeline: PipelineName,
    pub(crate) role: ImmutableRole,
}

impl CreateRole {
    fn is_ours(&self, role: &Role) -> bool {
        role.path == names::IAM_PATH
            && role.boundary.as_deref() == Some(&self.role.boundary)
            && role.tags.get(crate::ports::TAG_PIPELINE).map(String::as_str) == Some(self.pipeline.as_str())
    }
}

#[async_trait]
impl Step for CreateRole {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_ROLE)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let spec = RoleSpec {
            name: self.role.name.clone(),
            path: names::IAM_PATH.to_owned(),
            description: role_description(&self.pipeline),
            trust: self.role.trust.clone(),
            boundary: self.role.boundary.clone(),
            tags: self.role.tags(&self.pipeline),
        };
        Progress::done(cx.world.identity.create_role(&self.target, &spec).await?.arn)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match cx.world.identity.role(&self.target, &self.role.name).await? {
            None => Ok(Observed::Absent),
            Some(role) if self.is_ours(&role) => ours(role.arn),
            Some(_) => Ok(foreign(format!("The role `{}`", self.role.name))),
        }
    }
}

/// Gives a role its policy: once, since its name is made of it. A policy that is there is never written over, no matter who
/// wrote it: a version that people reach may run with it.
pub(crate) struct PutRolePolicy {
    pub(crate) target: Target,
    pub(crate) role: ImmutableRole,
}

impl PutRolePolicy {
    async fn found(&self, cx: &Context) -> Result<Observed, EngineError> {
        let Self { target, role } = self;
        let found = cx.world.identity.role_policy(target, &role.name, PUT_ROLE_POLICY_NAME).await?;
        match found {
            None => Ok(Observed::Absent),
            Some(document) if same_json(&document, &role.policy) => ours(()),
            Some(_) => Ok(foreign(format!("Another policy of the role `{}`", role.name))),
        }
    }
}

#[async_trait]
impl Step for PutRolePolicy {
    fn effect(&self) -> Effect {
        Effect::Mutate(&ROLE_POLICY)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        match self.found(cx).await? {
            Observed::Ours(_) => return Progress::done(()),
            Observed::Foreign(refusal) => return Err(EngineError::Refused(refusal)),
            Observed::Absent => {}
        }
        let Self { target, role } = self;
        let identity = &cx.world.identity;
        identity.put_role_policy(target, &role.name, PUT_ROLE_POLICY_NAME, &role.policy).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        self.found(cx).await
    }
}

/// Whether two documents say the same: IAM gives back what was put, maybe written otherwise.
pub(crate) fn same_json(left: &str, right: &str) -> bool {
    let read = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    read(left).is_some() && read(left) == read(right)
}

/// What a role says of itself in the console.
pub(crate) fn role_description(pipeline: &PipelineName) -> String {
    format!("Made by Sluice for pipeline {pipeline}; never edited")
}

/// The two steps of a role: its making and its policy. `subject` tells them from those of other roles.
pub(crate) fn role_nodes(
    target: &Target,
    pipeline: &PipelineName,
    subject: &str,
    role: &ImmutableRole,
    after: &[StepId],
) -> [Node; 2] {
    let create = StepId::of("role", subject);
    let title = sluice_model::Text::plain("make the role of ").code(subject);
    [
        Node::new(
            create.clone(),
            title,
            CreateRole { target: target.clone(), pipeline: pipeline.clone(), role: role.clone() },
        )
        .after(after.iter().cloned()),
        Node::new(
            StepId::of("role-policy", subject),
            "",
            PutRolePolicy { target: target.clone(), role: role.clone() },
        )
        .after([create]),
    ]
}
