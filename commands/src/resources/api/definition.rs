//! The steps to an API as the template defines it, and to a deployment of that definition.

use super::body::Body;
use super::look::{ApiLook, described, frozen};
use super::steps::{AwaitDeployment, CREATE, CreateApi, CreateDeployment, ImportDefinition};
use crate::operation::{EngineError, Node, StepId};
use crate::ports::{Api, Deployment, DeploymentState};
use crate::records::{PinnedApi, Served, prepare_slot};
use crate::resources::messages;
use crate::resources::resource::ToPrepare;

/// Plans the steps.
pub(super) struct Definition<'a> {
    pub(super) to: &'a ToPrepare<'a>,
    pub(super) look: &'a ApiLook,
    pub(super) nodes: Vec<Node>,
}

impl Definition<'_> {
    /// The deployment with the definition and the variables that select the release's versions, once it can be served and they
    /// are known. Adds the steps that lead to it.
    pub(super) fn frozen(&mut self) -> Result<Option<PinnedApi>, EngineError> {
        let ToPrepare { of, plan, needs, set, .. } = *self.to;
        let slot = || prepare_slot(of.stage);
        let create = StepId::new(CREATE);
        let (api, mut before) = match &self.look.api {
            Some(api) => (Some(api.clone()), vec![]),
            None => {
                let (target, pipeline) = (of.target.clone(), of.pipeline.clone());
                let step = CreateApi { target, pipeline, stage: of.stage.clone() };
                self.nodes.push(Node::new(create.clone(), messages::CREATE_API, step).holding(slot()));
                (of.op.output::<Api>(&create)?, vec![create])
            }
        };
        let versions = set.map(|set| &set.versions);
        let body = Body::of(of.target, (of.pipeline, of.stage), plan, versions)?;
        let (Some(api), Some(body)) = (api, body) else { return Ok(None) };
        let description = described(&body.digest(), &plan.api_role.name);
        let deployment = match frozen(&self.look.deployments, &description) {
            Some(frozen) => self.deployed(&api, frozen, None),
            None => {
                before.extend(needs.iter().cloned());
                let (import, freeze) = (StepId::new("import"), StepId::new("deployment"));
                let (target, id) = (of.target.clone(), api.id.clone());
                let step =
                    ImportDefinition { target: target.clone(), api: id.clone(), body: body.text.clone() };
                let node = Node::new(import.clone(), messages::IMPORT_API, step).after(before);
                self.nodes.push(node.holding(slot()));
                let step = CreateDeployment { target, api: id, description };
                let node = Node::new(freeze.clone(), messages::DEPLOY_API, step).after([import]);
                self.nodes.push(node.holding(slot()));
                let made = of.op.output::<Deployment>(&freeze)?;
                made.and_then(|made| self.deployed(&api, &made, Some(freeze)))
            }
        };
        let (Some(deployment), Some(versions)) = (deployment, versions) else { return Ok(None) };
        let served = Served { deployment, variables: body.variables(plan, versions)? };
        Ok(Some(PinnedApi { api: api.id, endpoint: api.endpoint, served }))
    }

    /// The deployment's id, once it can be served. Until then a step waits for that.
    fn deployed(&mut self, api: &Api, deployment: &Deployment, after: Option<StepId>) -> Option<String> {
        if deployment.state == DeploymentState::Deployed {
            return Some(deployment.id.clone());
        }
        let of = self.to.of;
        let id = StepId::new("deployed");
        let (api, deployment) = (api.id.clone(), deployment.id.clone());
        let step = AwaitDeployment { target: of.target.clone(), api, deployment: deployment.clone() };
        self.nodes.push(Node::new(id.clone(), "", step).after(after));
        of.op.is_done(&id).then_some(deployment)
    }
}
