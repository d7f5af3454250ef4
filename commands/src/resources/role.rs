//! The roles of functions and of a stage's API, and their policies. A role's name is a hash of all its rights, so it is created
//! once and never edited: no deploy changes the rights of a version that already runs.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::application::Sluice;
use crate::operation::effects::{ATTACH_POLICY, CREATE_ROLE, Mutation, PUT_ROLE_POLICY_NAME, ROLE_POLICY};
use crate::operation::{Context, Effect, EngineError, Node, Observed, Progress, Step, StepId};
use crate::ports::{self, RoleSpec};
use crate::resources::api;
use crate::resources::describe::{Change, Line};
use crate::resources::function::{self, Diff};
use crate::resources::messages::{self, foreign};
use crate::resources::own::ours;
use crate::resources::plan::Deployable;
use crate::resources::resource::{Duty, Part, Preparation, Prepared, Resource, ToPrepare};
use crate::resources::rights::ImmutableRole;
use sluice_model::{PipelineName, Target, Text};
use sluice_template::rights::{AccessLevel, Right};

pub(crate) struct Role;

/// Names the role of the API in the ids of its steps. A logical id has no hyphen.
const API_ROLE: &str = "api-gateway";

impl Resource for Role {
    fn name(&self) -> &'static str {
        "role of a function or an API"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[&CREATE_ROLE, &ROLE_POLICY, &ATTACH_POLICY]
    }
    fn exempt(&self, duty: Duty) -> Option<&'static str> {
        (duty == Duty::Drift)
            .then_some("its name is a hash of its rights; a policy that differs is never overwritten")
    }

    fn prepare(&self, to: ToPrepare) -> Result<Prepared, EngineError> {
        let of = to.of;
        let logical = match to.part {
            Part::Function(logical) => logical,
            Part::Shared => return self.of_apis(of, to.plan),
            Part::Layer(..) | Part::Api(_) => return Ok(Prepared::default()),
        };
        let (look, planned) = (function::looked(of.op, logical)?, to.planned(logical)?);
        let is_needed = match look.diff(&planned) {
            Diff::Create => true,
            // Roles are immutable, and a version is published only after its role has its policy.
            Diff::Configure(latest) => {
                latest.role != planned.config.role && !look.roles.contains(&planned.config.role)
            }
            Diff::Reuse(_) | Diff::Publish(_) => false,
        };
        let nodes = is_needed.then(|| {
            role_nodes(of.target, of.pipeline, logical, messages::create_role(logical), &planned.role)
        });
        Ok(Prepared { nodes: nodes.unwrap_or_default(), ..Prepared::default() })
    }

    /// The additional rights, the broadest first.
    fn describe(&self, change: &Change) -> Vec<Line> {
        let mut rights: BTreeMap<&Right, Vec<&str>> = BTreeMap::new();
        for (name, added) in &change.added_rights {
            for right in added {
                rights.entry(right).or_default().push(name);
            }
        }
        let line = |(right, names): (&Right, Vec<&str>)| {
            Line::of(&names, right.words.clone(), right.access == AccessLevel::Wild)
        };
        rights.into_iter().map(line).collect()
    }
}

impl Role {
    /// The role with which the APIs call their functions. A deployment names it, so it exists if one does.
    fn of_apis(&self, of: &Preparation, plan: &Deployable) -> Result<Prepared, EngineError> {
        let exists = api::all_looked(of.op).iter().any(|look| look.has_role(&plan.api_role));
        if plan.application.apis.is_empty() || exists {
            return Ok(Prepared::default());
        }
        let title = messages::CREATE_API_ROLE.into();
        let nodes = role_nodes(of.target, of.pipeline, API_ROLE, title, &plan.api_role);
        Ok(Prepared { nodes, ..Prepared::default() })
    }
}

/// Creates a role with its boundary.
struct CreateRole {
    target: Target,
    pipeline: PipelineName,
    role: ImmutableRole,
}

impl CreateRole {
    fn is_ours(&self, role: &ports::Role) -> bool {
        role.path == self.role.path
            && role.boundary.as_deref() == Some(&self.role.boundary)
            && role.tags.get(ports::TAG_PIPELINE).map(String::as_str) == Some(self.pipeline.as_str())
    }
}

#[async_trait]
impl Step<Sluice> for CreateRole {
    fn effect(&self) -> Effect {
        Effect::Mutate(&CREATE_ROLE)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let spec = RoleSpec {
            name: self.role.name.clone(),
            path: self.role.path.clone(),
            description: role_description(&self.pipeline),
            trust: self.role.trust.clone(),
            boundary: self.role.boundary.clone(),
            tags: self.role.tags(&self.pipeline),
        };
        Progress::done(cx.world.ports.identity.create_role(&self.target, &spec).await?.arn)
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        match cx.world.ports.identity.role(&self.target, &self.role.name).await? {
            None => Ok(Observed::Absent),
            Some(role) if self.is_ours(&role) => ours(role.arn),
            Some(_) => Ok(foreign(messages::role(&self.role.name))),
        }
    }
}

/// Gives a role its policy, once. An existing policy is never overwritten, no matter who wrote it, because a running version
/// may use it.
struct PutRolePolicy {
    target: Target,
    role: ImmutableRole,
}

impl PutRolePolicy {
    async fn found(&self, cx: &Context) -> Result<Observed, EngineError> {
        let Self { target, role } = self;
        let found = cx.world.ports.identity.role_policy(target, &role.name, PUT_ROLE_POLICY_NAME).await?;
        match found {
            None => Ok(Observed::Absent),
            Some(document) if same_json(&document, &role.policy) => ours(()),
            Some(_) => Ok(foreign(messages::other_policy(&role.name))),
        }
    }
}

/// Attaches AWS's managed policies to a role.
struct AttachPolicies {
    target: Target,
    role: ImmutableRole,
}

#[async_trait]
impl Step<Sluice> for AttachPolicies {
    fn effect(&self) -> Effect {
        Effect::Mutate(&ATTACH_POLICY)
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        for policy in &self.role.managed {
            cx.world.ports.identity.attach_role_policy(&self.target, &self.role.name, policy).await?;
        }
        Progress::done(())
    }
    async fn observe(&self, _: &Context) -> Result<Observed, EngineError> {
        Ok(Observed::Absent)
    }
}

#[async_trait]
impl Step<Sluice> for PutRolePolicy {
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
        let identity = &cx.world.ports.identity;
        identity.put_role_policy(target, &role.name, PUT_ROLE_POLICY_NAME, &role.policy).await?;
        Progress::done(())
    }
    async fn observe(&self, cx: &Context) -> Result<Observed, EngineError> {
        self.found(cx).await
    }
}

/// Whether two documents are equal as JSON. IAM may return a policy in another notation.
pub(crate) fn same_json(left: &str, right: &str) -> bool {
    let read = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    read(left).is_some() && read(left) == read(right)
}

/// The description that the console shows.
pub(crate) fn role_description(pipeline: &PipelineName) -> String {
    format!("Made by Sluice for pipeline {pipeline}; never edited")
}

/// The steps that create a role and give it its policies. `subject` distinguishes them from those of other roles.
pub(crate) fn role_nodes(
    target: &Target,
    pipeline: &PipelineName,
    subject: &str,
    title: Text,
    role: &ImmutableRole,
) -> Vec<Node> {
    let create = StepId::of("role", subject);
    let of = || (target.clone(), role.clone());
    let ((at, made), (target, role)) = (of(), of());
    let step = CreateRole { target: at, pipeline: pipeline.clone(), role: made };
    let mut nodes = vec![Node::new(create.clone(), title, step)];
    let attach =
        (!role.managed.is_empty()).then(|| AttachPolicies { target: target.clone(), role: role.clone() });
    let attached = attach.map(|attach| Node::new(StepId::of("role-managed", subject), "", attach));
    nodes.extend(attached.map(|node| node.after([create.clone()])));
    let put = Node::new(StepId::of("role-policy", subject), "", PutRolePolicy { target, role });
    nodes.push(put.after([create]));
    nodes
}
