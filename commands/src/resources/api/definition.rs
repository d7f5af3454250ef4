//! The difference between an API and its definition in the template, as steps.

use std::collections::{BTreeMap, BTreeSet};

use super::look::ApiLook;
use super::stage::integration_uri;
use super::steps::{
    AwaitDeployment, ChangeRoute, CreateApi, CreateDeployment, CreateIntegration, RouteChange, frozen,
};
use crate::operation::{EngineError, Node, StepId};
use crate::ports::{Api, Deployment, DeploymentState};
use crate::records::{PinnedApi, pipeline_slot};
use crate::resources::messages;
use crate::resources::resource::Preparation;
use sluice_template::{Application, function_name};

/// Plans the steps to an API as the template defines it.
pub(super) struct Definition<'a> {
    pub(super) of: &'a Preparation<'a>,
    pub(super) application: &'a Application,
    pub(super) look: &'a ApiLook,
    pub(super) nodes: Vec<Node>,
}

impl Definition<'_> {
    /// The deployment with the definition, once it can be served. Adds the steps that lead to it.
    pub(super) fn frozen(&mut self) -> Result<Option<PinnedApi>, EngineError> {
        let digest = self.application.api_digest();
        let create = StepId::new("api");
        let (api, needs) = match &self.look.api {
            Some(api) => (Some(api.clone()), vec![]),
            None => {
                let (target, pipeline) = (self.of.target.clone(), self.of.pipeline.clone());
                let node = Node::new(create.clone(), messages::CREATE_API, CreateApi { target, pipeline });
                self.nodes.push(node.holding(pipeline_slot()));
                (self.of.op.output::<Api>(&create)?, vec![create])
            }
        };
        let Some(api) = api else { return Ok(None) };
        if let Some(frozen) = frozen(&self.look.deployments, &digest) {
            return Ok(self.served(&api, frozen, None));
        }
        let Some(mut before) = self.changed(&api, &needs)? else { return Ok(None) };
        before.extend(needs);
        let freeze = StepId::new("deployment");
        let step = CreateDeployment { target: self.of.target.clone(), api: api.id.clone(), digest };
        let node = Node::new(freeze.clone(), messages::DEPLOY_API, step).after(before);
        self.nodes.push(node.holding(pipeline_slot()));
        let made = self.of.op.output::<Deployment>(&freeze)?;
        Ok(made.and_then(|made| self.served(&api, &made, Some(freeze))))
    }

    /// The deployment, once it can be served. Until then a step waits for that.
    fn served(&mut self, api: &Api, deployment: &Deployment, after: Option<StepId>) -> Option<PinnedApi> {
        let pinned = PinnedApi {
            api: api.id.clone(),
            endpoint: api.endpoint.clone(),
            deployment: deployment.id.clone(),
        };
        if deployment.state == DeploymentState::Deployed {
            return Some(pinned);
        }
        let id = StepId::new("deployed");
        let (api, deployment) = (api.id.clone(), deployment.id.clone());
        let step = AwaitDeployment { target: self.of.target.clone(), api, deployment };
        self.nodes.push(Node::new(id.clone(), "", step).after(after));
        self.of.op.is_done(&id).then_some(pinned)
    }

    /// Adds the steps that change integrations and routes, and returns their ids. `None` if not all can be named yet.
    fn changed(&mut self, api: &Api, needs: &[StepId]) -> Result<Option<Vec<StepId>>, EngineError> {
        let Self { of, application, look, ref mut nodes } = *self;
        let mut ids = vec![];
        let mut add = |id: StepId, node: Node| {
            ids.push(id);
            nodes.push(node.after(needs.iter().cloned()).holding(pipeline_slot()));
        };
        let mut integrations: BTreeMap<&str, Option<String>> = BTreeMap::new();
        let called: BTreeSet<&str> = application.routes.iter().map(|route| route.function.as_str()).collect();
        for logical in called {
            let uri = integration_uri(of.target, &function_name(of.pipeline, logical));
            let found = look.integrations.iter().find(|integration| integration.uri == uri);
            let id = match found {
                Some(integration) => Some(integration.id.clone()),
                None => {
                    let id = StepId::of("integration", logical);
                    let step = CreateIntegration { target: of.target.clone(), api: api.id.clone(), uri };
                    let title = messages::create_integration(logical);
                    add(id.clone(), Node::new(id.clone(), title, step));
                    of.op.output::<String>(&id)?
                }
            };
            integrations.insert(logical, id);
        }
        if integrations.values().any(Option::is_none) {
            return Ok(None);
        }
        let mut change = |key: &str, integration: String, change: RouteChange, verb: &str| {
            let id = StepId::of("route", key);
            let (target, api, key) = (of.target.clone(), api.id.clone(), key.to_owned());
            let title = messages::change_route(verb, &key);
            let step = ChangeRoute { target, api, key, integration, change };
            add(id.clone(), Node::new(id, title, step));
        };
        for route in &application.routes {
            let integration = integrations[route.function.as_str()].clone().unwrap_or_default();
            match look.routes.iter().find(|found| found.key == route.key) {
                None => change(&route.key, integration, RouteChange::Create, "Create"),
                Some(found) if found.integration.as_deref().map(bare) != Some(integration.as_str()) => {
                    change(&route.key, integration, RouteChange::Update(found.id.clone()), "Update");
                }
                Some(_) => {}
            }
        }
        for found in &look.routes {
            if !application.routes.iter().any(|route| route.key == found.key) {
                change(&found.key, String::new(), RouteChange::Delete(found.id.clone()), "Delete");
            }
        }
        Ok(Some(ids))
    }
}

/// The integration's id in a route's target, which the service writes as `integrations/{id}`.
fn bare(target: &str) -> &str {
    target.strip_prefix("integrations/").unwrap_or(target)
}
