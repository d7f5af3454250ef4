//! The steps to an API as the template defines it, and to a deployment of that definition.

use super::body::Body;
use super::identity::{CREATE, DEPLOY, Identity};
use super::look::{ApiLook, described, frozen};
use super::steps::{AwaitDeployment, CreateApi, CreateDeployment, ImportDefinition};
use crate::operation::{EngineError, Node};
use crate::ports::{Api, Deployment, DeploymentState};
use crate::records::{PinnedApi, Served, prepare_slot};
use crate::resources::messages;
use crate::resources::resource::{Preparation, ToPrepare};
use sluice_template::AppApi;

/// The step that creates the API, unless it exists, and the API once it does.
pub(super) fn created(
    of: &Preparation,
    identity: &Identity,
    app: &AppApi,
    look: &ApiLook,
) -> Result<(Option<Node>, Option<Api>), EngineError> {
    if let Some(api) = &look.api {
        return Ok((None, Some(api.clone())));
    }
    let create = identity.step(CREATE);
    let step = CreateApi { identity: identity.clone(), endpoint: app.endpoint.clone() };
    let node = Node::new(create.clone(), messages::create_api(&identity.logical, identity.kind), step);
    Ok((Some(node.holding(prepare_slot(of.stage))), of.op.output::<Api>(&create)?))
}

/// Plans the steps.
pub(super) struct Definition<'a> {
    pub(super) to: &'a ToPrepare<'a>,
    pub(super) identity: &'a Identity,
    pub(super) app: &'a AppApi,
    pub(super) look: &'a ApiLook,
    pub(super) nodes: Vec<Node>,
}

impl Definition<'_> {
    /// The deployment with the definition and the variables that select the release's versions, once it can be served and they
    /// are known. Adds the steps that lead to it.
    pub(super) fn frozen(&mut self) -> Result<Option<PinnedApi>, EngineError> {
        let ToPrepare { of, plan, needs, set, .. } = *self.to;
        let Identity { logical, kind, .. } = self.identity;
        let slot = || prepare_slot(of.stage);
        let (create, api) = created(of, self.identity, self.app, self.look)?;
        let mut before: Vec<_> = create.iter().map(|node| node.id.clone()).collect();
        self.nodes.extend(create);
        let versions = set.map(|set| &set.versions);
        let body = Body::of(self.identity, self.app, plan, versions)?;
        let (Some(api), Some(body)) = (api, body) else { return Ok(None) };
        let description = described(&body.digest(), &plan.api_role.name);
        let deployment = match frozen(&self.look.deployments, &description) {
            Some(frozen) => self.deployed(&api, frozen, false),
            None => {
                before.extend(needs.iter().cloned());
                let (import, freeze) = (self.identity.step("import"), self.identity.step(DEPLOY));
                let (identity, id) = (self.identity.clone(), api.id.clone());
                let step = ImportDefinition {
                    identity: identity.clone(),
                    api: id.clone(),
                    body: body.text.clone(),
                    endpoint: self.app.endpoint.clone(),
                };
                let node =
                    Node::new(import.clone(), messages::import_api(logical, *kind), step).after(before);
                self.nodes.push(node.holding(slot()));
                let step = CreateDeployment { identity, api: id, description };
                let node = Node::new(freeze.clone(), messages::deploy_api(logical, *kind), step);
                self.nodes.push(node.after([import]).holding(slot()));
                let made = of.op.output::<Deployment>(&freeze)?;
                made.and_then(|made| self.deployed(&api, &made, true))
            }
        };
        let (Some(deployment), Some(versions)) = (deployment, versions) else { return Ok(None) };
        let mut variables = body.variables(plan, versions)?;
        variables.extend(self.app.variables.clone());
        let served = Served { deployment, variables };
        let (stage, settings) = (self.app.stage.clone(), self.app.settings.clone());
        Ok(Some(PinnedApi { api: api.id, kind: *kind, endpoint: api.endpoint, stage, served, settings }))
    }

    /// The deployment's id, once it can be served. Until then a step waits for that.
    fn deployed(&mut self, api: &Api, deployment: &Deployment, is_new: bool) -> Option<String> {
        if deployment.state == DeploymentState::Deployed {
            return Some(deployment.id.clone());
        }
        let id = self.identity.step("deployed");
        let (api, deployment) = (api.id.clone(), deployment.id.clone());
        let step = AwaitDeployment { identity: self.identity.clone(), api, deployment: deployment.clone() };
        let after = is_new.then(|| self.identity.step(DEPLOY));
        self.nodes.push(Node::new(id.clone(), "", step).after(after));
        self.to.of.op.is_done(&id).then_some(deployment)
    }
}
