//! The roles of functions and of a stage's API, and their policies. A role's name is a hash of all its rights, so it is created
//! once and never edited: no deploy changes the rights of a version that already runs.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::application::Sluice;
use crate::operation::effects::{CREATE_ROLE, Mutation, PUT_ROLE_POLICY_NAME, ROLE_POLICY};
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
use sluice_model::{PipelineName, Target};
use sluice_template::rights::{AccessLevel, Right};

pub(crate) struct Role;

/// Names the role of the API in the ids of its steps. A logical id has no hyphen.
const API_ROLE: &str = "api-gateway";

impl Resource for Role {
    fn name(&self) -> &'static str {
        "role of a function or an API"
    }
    fn effects(&self) -> &'static [&'static Mutation] {
        &[&CREATE_ROLE, &ROLE_POLICY]
    }
    fn exempt(&self, duty: Duty) -> Option<&'static str> {
        (duty == Duty::Drift)
            .then_some("its name is a hash of its rights; a policy that differs is never overwritten")
    }

    fn prepare(&self, ToPrepare { of, plan, part, .. }: ToPrepare) -> Result<Prepared, EngineError> {
        let Part::Function(logical) = part else { return self.of_api(of, plan) };
        let (look, planned) = (function::looked(of.op, logical)?, plan.planned(logical)?);
        let is_needed = match look.diff(planned) {
            Diff::Create => true,
            // Roles are immutable, and a version is published only after its role has its policy.
            Diff::Configure(latest) => {
                latest.role != planned.config.role && !look.roles.contains(&planned.config.role)
            }
            Diff::Reuse(_) | Diff::Publish(_) => false,
        };
        let nodes = is_needed.then(|| role_nodes(of.target, of.pipeline, logical, &planned.role));
        Ok(Prepared { nodes: nodes.into_iter().flatten().collect(), ..Prepared::default() })
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
    /// The role with which the API calls its functions. A deployment names it, so it exists if one does.
    fn of_api(&self, of: &Preparation, plan: &Deployable) -> Result<Prepared, EngineError> {
        let Some(look) = api::looked(of.op)?.filter(|_| plan.has_api()) else {
            return Ok(Prepared::default());
        };
        if look.has_role(&plan.api_role) {
            return Ok(Prepared::default());
        }
        let [create, policy] = role_nodes(of.target, of.pipeline, API_ROLE, &plan.api_role);
        let create = Node { title: messages::CREATE_API_ROLE.into(), ..create };
        Ok(Prepared { nodes: vec![create, policy], ..Prepared::default() })
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

/// The steps that create a role and put its policy. `subject` distinguishes them from those of other roles.
pub(crate) fn role_nodes(
    target: &Target,
    pipeline: &PipelineName,
    subject: &str,
    role: &ImmutableRole,
) -> [Node; 2] {
    let create = StepId::of("role", subject);
    [
        Node::new(
            create.clone(),
            messages::create_role(subject),
            CreateRole { target: target.clone(), pipeline: pipeline.clone(), role: role.clone() },
        ),
        Node::new(
            StepId::of("role-policy", subject),
            "",
            PutRolePolicy { target: target.clone(), role: role.clone() },
        )
        .after([create]),
    ]
}
