//! The making of a version set: for one release and one stage, an immutable version of every function with that
//! stage's environment and role, and a frozen definition of the API.
//!
//! The looks hold the pipeline slot already, so that what they see is what the mutations meet. What exists with equal
//! code and configuration is reused and costs no call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::{Artifact, Drift, Parameters, PinnedApi, VersionSet};
use crate::operation::{Content, EngineError, Node, OperationState, Slot, StepId};
use crate::operations::names;
use crate::operations::steps::*;
use crate::ports::{Api, Deployment, DeploymentState, FunctionConfig, TAG_PIPELINE};
use sluice_model::{PipelineName, ReleaseNumber, StageName, Target, Text};
use sluice_template::{AppFunction, Application, function_name};

/// What a version set is made of.
pub(crate) struct Preparation<'a> {
    pub(crate) op: &'a OperationState,
    pub(crate) target: &'a Target,
    pub(crate) pipeline: &'a PipelineName,
    pub(crate) stage: &'a StageName,
    pub(crate) bucket: &'a str,
    pub(crate) artifact: &'a Artifact,
    /// The API as the first stage's record has it.
    pub(crate) api: Option<&'a PinnedApi>,
    /// What the stage ran when it was asked.
    pub(crate) before: Option<ReleaseNumber>,
    /// What was moved outside Sluice when it was asked, and is gone on from.
    pub(crate) outside: Option<&'a Drift>,
    /// The stage's values of the template's parameters.
    pub(crate) parameters: &'a Parameters,
}

/// The steps of a version set, and the set itself once they are done.
pub(crate) struct Prepared {
    pub(crate) nodes: Vec<Node>,
    pub(crate) set: Option<ReadySet>,
}

/// A version set that exists, with what its stage looked like before.
pub(crate) struct ReadySet {
    pub(crate) set: VersionSet,
    pub(crate) looks: BTreeMap<String, Arc<FunctionLook>>,
    pub(crate) serves: Option<String>,
}

impl Preparation<'_> {
    fn id(name: &str, subject: &str) -> StepId {
        StepId::of(name, subject)
    }

    /// Everything that can be named so far.
    pub(crate) fn nodes(&self) -> Result<Prepared, EngineError> {
        let mut nodes = self.looks()?;
        let Some(deployable) = application(self.op)? else { return Ok(Prepared { nodes, set: None }) };
        let application = &deployable.application;
        let mut looks = BTreeMap::new();
        for function in application.functions.values() {
            let id = Self::id("look", &function.logical_id);
            let Some(look) = self.op.shared_output::<FunctionLook>(&id)? else {
                return Ok(Prepared { nodes, set: None });
            };
            looks.insert(function.logical_id.clone(), look);
        }
        let Some(api_look) = self.op.shared_output::<ApiLook>(&StepId::new("look-api"))? else {
            return Ok(Prepared { nodes, set: None });
        };
        let mut versions = BTreeMap::new();
        for function in application.functions.values() {
            let planned = deployable.planned(&function.logical_id)?;
            let (more, version) = self.function(function, planned, &looks[&function.logical_id])?;
            nodes.extend(more);
            versions.insert(function.name.clone(), version);
        }
        let (more, api) = self.api(application, &api_look)?;
        nodes.extend(more);
        let known: Option<BTreeMap<String, String>> =
            versions.into_iter().map(|(function, version)| Some((function, version?))).collect();
        let set = match (known, api) {
            (Some(versions), Some(api)) => Some(ReadySet {
                set: VersionSet {
                    versions,
                    api,
                    parameters: self.parameters.clone(),
                    ..VersionSet::default()
                },
                looks: looks
                    .into_iter()
                    .map(|(logical, look)| (function_name(self.pipeline, &logical), look))
                    .collect(),
                serves: api_look.serves.clone(),
            }),
            _ => None,
        };
        Ok(Prepared { nodes, set })
    }

    fn artifact(&self) -> ReadApplication {
        ReadApplication {
            target: self.target.clone(),
            pipeline: self.pipeline.clone(),
            stage: self.stage.clone(),
            bucket: self.bucket.to_owned(),
            artifact: self.artifact.clone(),
            parameters: self.parameters.clone(),
            wild_rights: WildRights::AsSet,
        }
    }

    /// The contents that the steps are named by.
    pub(crate) fn contents(&self) -> Result<Vec<Arc<dyn Content>>, EngineError> {
        self.artifact().contents(self.op)
    }

    /// The looks, all side by side: which functions there are is known from the build's record.
    fn looks(&self) -> Result<Vec<Node>, EngineError> {
        let mut nodes = vec![Node::new(StepId::new("artifact"), "read the artifact", self.artifact())];
        // Before all that is looked at of the stage: should it move after that, the gate sees it.
        let revision = ReadRevision { pipeline: self.pipeline.clone(), stage: self.stage.clone() };
        nodes.push(Node::new(StepId::new(STAGE_REVISION), "", revision).holding(Slot::Pipeline));
        let seen = [StepId::new(STAGE_REVISION)];
        let watch = Watch {
            pipeline: self.pipeline.clone(),
            stage: self.stage.clone(),
            before: self.before,
            mark: self.op.output(&StepId::new(STAGE_REVISION))?,
            accepted: self.outside.cloned(),
            line: drift_note(self.op),
        };
        for (logical, code) in &self.artifact.code {
            let look = LookAtFunction {
                target: self.target.clone(),
                function: function_name(self.pipeline, logical),
                stage: self.stage.clone(),
                code: code.clone(),
                watch: watch.clone(),
            };
            let node = Node::new(Self::id("look", logical), "", look).after(seen.clone());
            nodes.push(node.holding(Slot::Pipeline));
        }
        let known = self.api.map(|api| Api {
            id: api.api.clone(),
            name: names::api(self.pipeline),
            endpoint: api.endpoint.clone(),
            tags: BTreeMap::from([(TAG_PIPELINE.to_owned(), self.pipeline.to_string())]),
        });
        let look = LookAtApi {
            target: self.target.clone(),
            pipeline: self.pipeline.clone(),
            stage: self.stage.clone(),
            known,
            watch,
        };
        let node = Node::new(StepId::new("look-api"), "", look).after(seen);
        nodes.push(node.holding(Slot::Pipeline));
        Ok(nodes)
    }

    /// The steps that lead to a version of a function, and that version once it is known.
    fn function(
        &self,
        function: &AppFunction,
        planned: &PlannedFunction,
        look: &FunctionLook,
    ) -> Result<(Vec<Node>, Option<String>), EngineError> {
        let logical = &function.logical_id;
        let PlannedFunction { role, config, print: want } = planned;
        let reusable = look.reusable(&function.code, want);
        if let Some(published) = reusable.filter(|published| published.ready) {
            return Ok((vec![], Some(published.version.clone())));
        }
        let wanted = Wanted {
            target: self.target.clone(),
            pipeline: self.pipeline.clone(),
            function: function.name.clone(),
            config: Arc::clone(config),
            code: function.code.clone(),
        };
        let title = |verb: &str| Text::plain(format!("{verb} ")).code(logical.clone());
        let slot = |node: Node| node.holding(Slot::Pipeline);
        let mut nodes = vec![];
        let with_role = |nodes: &mut Vec<Node>| {
            nodes.extend(role_nodes(self.target, self.pipeline, logical, role, &[]));
            Self::id("role-policy", logical)
        };
        if let Some(published) = reusable {
            return self.settled(nodes, wanted, published.version.clone(), logical, None);
        }
        // The architecture goes with the code.
        let as_configured = |latest: &Latest| {
            if latest.architecture == config.architecture {
                return want.clone();
            }
            let config = FunctionConfig::clone(config);
            print(&FunctionConfig { architecture: latest.architecture.clone(), ..config })
        };
        let publishing = match &look.latest {
            None => {
                let role = with_role(&mut nodes);
                let id = Self::id("create", logical);
                nodes.push(slot(
                    Node::new(id.clone(), title("create"), CreateFunction(wanted.clone())).after([role]),
                ));
                id
            }
            Some(latest) if latest.print != as_configured(latest) => {
                let mut needs = vec![];
                // Roles are immutable, and a version was published only after its role was whole.
                if latest.role != wanted.config.role && !look.roles.contains(&wanted.config.role) {
                    needs.push(with_role(&mut nodes));
                }
                let configure = Self::id("config", logical);
                let step = UpdateConfig { wanted: wanted.clone(), seen: latest.clone() };
                nodes.push(slot(Node::new(configure.clone(), title("configure"), step).after(needs)));
                let applied = Self::id("configured", logical);
                nodes.push(Node::new(applied.clone(), "", AwaitConfig(wanted.clone())).after([configure]));
                let revision = self.op.output::<String>(&applied)?.unwrap_or_default();
                let seen = Latest { revision, print: as_configured(latest), ..latest.clone() };
                self.publish(&mut nodes, &wanted, seen, logical, Some(applied))
            }
            Some(latest) => self.publish(&mut nodes, &wanted, latest.clone(), logical, None),
        };
        let Some(version) = self.op.output::<String>(&publishing)? else { return Ok((nodes, None)) };
        self.settled(nodes, wanted, version, logical, Some(publishing))
    }

    /// The look at a version that must be callable before an alias points to it.
    fn settled(
        &self,
        mut nodes: Vec<Node>,
        wanted: Wanted,
        version: String,
        logical: &str,
        after: Option<StepId>,
    ) -> Result<(Vec<Node>, Option<String>), EngineError> {
        let settled = Self::id("version", logical);
        let step = AwaitVersion { wanted, version: version.clone() };
        nodes.push(Node::new(settled.clone(), "", step).after(after));
        let ready = self.op.is_done(&settled).then_some(version);
        Ok((nodes, ready))
    }

    /// The step that publishes: new code, or what is there.
    fn publish(
        &self,
        nodes: &mut Vec<Node>,
        wanted: &Wanted,
        seen: Latest,
        logical: &str,
        after: Option<StepId>,
    ) -> StepId {
        let upload = seen.sha256 != wanted.code.sha256 || seen.architecture != wanted.config.architecture;
        let id = Self::id(if upload { "code" } else { "publish" }, logical);
        let title = Text::plain("publish ").code(logical);
        let node = Node::new(id.clone(), title, Publish { wanted: wanted.clone(), seen, upload });
        nodes.push(node.after(after).holding(Slot::Pipeline));
        id
    }

    /// The steps that freeze the API's definition. The outer option: whether it is known yet; the inner one: whether
    /// there is an API at all.
    fn api(
        &self,
        application: &Application,
        look: &ApiLook,
    ) -> Result<(Vec<Node>, Option<Option<PinnedApi>>), EngineError> {
        if application.routes.is_empty() {
            return Ok((vec![], Some(None)));
        }
        let mut nodes = vec![];
        let digest = application.api_digest();
        let create = StepId::new("api");
        let (api, needs) = match &look.api {
            Some(api) => (Some(api.clone()), vec![]),
            None => {
                let step = CreateApi { target: self.target.clone(), pipeline: self.pipeline.clone() };
                nodes.push(Node::new(create.clone(), "make the API", step).holding(Slot::Pipeline));
                (self.op.output::<Api>(&create)?, vec![create])
            }
        };
        let Some(api) = api else { return Ok((nodes, None)) };
        let pinned = |deployment: String| PinnedApi {
            api: api.id.clone(),
            endpoint: api.endpoint.clone(),
            deployment,
        };
        if let Some(frozen) = frozen(&look.deployments, &digest) {
            let known = self.deployed(&mut nodes, &api.id, frozen, None);
            return Ok((nodes, known.map(|id| Some(pinned(id)))));
        }
        let Some(mut before) = self.definition(application, look, &api, &needs, &mut nodes)? else {
            return Ok((nodes, None));
        };
        before.extend(needs);
        let freeze = StepId::new("deployment");
        let step = CreateDeployment { target: self.target.clone(), api: api.id.clone(), digest };
        nodes.push(Node::new(freeze.clone(), "freeze the API", step).after(before).holding(Slot::Pipeline));
        let Some(made) = self.op.output::<Deployment>(&freeze)? else { return Ok((nodes, None)) };
        let known = self.deployed(&mut nodes, &api.id, &made, Some(freeze));
        Ok((nodes, known.map(|id| Some(pinned(id)))))
    }

    /// The id of a deployment once it can be served; until then a step waits for that.
    fn deployed(
        &self,
        nodes: &mut Vec<Node>,
        api: &str,
        deployment: &Deployment,
        after: Option<StepId>,
    ) -> Option<String> {
        let known = Some(deployment.id.clone());
        if deployment.state == DeploymentState::Deployed {
            return known;
        }
        let id = StepId::new("deployed");
        let (api, deployment) = (api.to_owned(), deployment.id.clone());
        let step = AwaitDeployment { target: self.target.clone(), api, deployment };
        nodes.push(Node::new(id.clone(), "", step).after(after));
        known.filter(|_| self.op.is_done(&id))
    }

    /// The steps that make integrations and routes what the template says. `None`: not all can be named yet.
    fn definition(
        &self,
        application: &Application,
        look: &ApiLook,
        api: &Api,
        needs: &[StepId],
        nodes: &mut Vec<Node>,
    ) -> Result<Option<Vec<StepId>>, EngineError> {
        let mut ids = vec![];
        let mut integrations: BTreeMap<&str, Option<String>> = BTreeMap::new();
        let called: BTreeSet<&str> = application.routes.iter().map(|route| route.function.as_str()).collect();
        for logical in called {
            let uri = integration_uri(self.target, &function_name(self.pipeline, logical));
            let found = look.integrations.iter().find(|integration| integration.uri == uri);
            let id = match found {
                Some(integration) => Some(integration.id.clone()),
                None => {
                    let id = Self::id("integration", logical);
                    let step = CreateIntegration { target: self.target.clone(), api: api.id.clone(), uri };
                    let title = Text::plain("integrate ").code(logical);
                    let node = Node::new(id.clone(), title, step).after(needs.iter().cloned());
                    nodes.push(node.holding(Slot::Pipeline));
                    ids.push(id.clone());
                    self.op.output::<String>(&id)?
                }
            };
            integrations.insert(logical, id);
        }
        if integrations.values().any(Option::is_none) {
            return Ok(None);
        }
        let mut change = |key: &str, integration: String, change: RouteChange, title: &str| {
            let id = Self::id("route", key);
            let (target, api, key) = (self.target.clone(), api.id.clone(), key.to_owned());
            let title = Text::plain(format!("{title} ")).code(key.clone());
            let step = ChangeRoute { target, api, key, integration, change };
            nodes.push(
                Node::new(id.clone(), title, step).after(needs.iter().cloned()).holding(Slot::Pipeline),
            );
            ids.push(id);
        };
        for route in &application.routes {
            let integration = integrations[route.function.as_str()].clone().unwrap_or_default();
            match look.routes.iter().find(|found| found.key == route.key) {
                None => change(&route.key, integration, RouteChange::Create, "route"),
                Some(found) if found.integration.as_deref().map(bare) != Some(integration.as_str()) => {
                    change(&route.key, integration, RouteChange::Update(found.id.clone()), "reroute");
                }
                Some(_) => {}
            }
        }
        for found in &look.routes {
            if !application.routes.iter().any(|route| route.key == found.key) {
                change(&found.key, String::new(), RouteChange::Delete(found.id.clone()), "remove route");
            }
        }
        Ok(Some(ids))
    }
}

/// The integration's id in a route's target, which the service writes as `integrations/{id}`.
fn bare(target: &str) -> &str {
    target.strip_prefix("integrations/").unwrap_or(target)
}
