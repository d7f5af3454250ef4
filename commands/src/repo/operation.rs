//! `/repo create`: a repository with its first commit, the build project with its role, and the pipeline's
//! record with its first stage.
//!
//! It looks first and creates only what is missing, so the same command completes a failed one. The artifact
//! bucket must exist: `sluice init` creates it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::application::Sluice;
use crate::names;
use crate::operation::{
    Context, Effect, EngineError, Node, Operation, OperationState, Progress, Step, StepId, Summary,
};
use crate::ports::{Precondition, Write};
use crate::records::{AuditSubject, Counters, Pipeline, PipelineState, Stage, to_item};
use crate::repo::look::{Found, Look};
use crate::repo::messages;
use crate::repo::params::{FIRST_STAGE, Params, RepoContext, id};
use crate::repo::repository::{CreateProject, CreateRepository, FirstCommit};
use crate::resources::rights::ImmutableRole;
use crate::resources::role_nodes;
use sluice_model::{StageName, Target};

/// The operation.
pub struct RepoCreate;

impl Operation<Sluice> for RepoCreate {
    type Params = Params;

    fn kind(&self) -> &'static str {
        "repo-create"
    }

    fn nodes(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let name = &params.name;
        let cx = RepoContext { target: target.clone(), name: name.clone() };
        let role = ImmutableRole::of_builds(target, name);
        let mut nodes = vec![Node::new(id("look"), messages::LOOK, Look(cx.clone()))];
        let Some(found) = op.output::<Found>(&id("look"))? else { return Ok(nodes) };
        let mut last = vec![id("look")];
        let mut add = |node: Node| {
            last.push(node.id.clone());
            nodes.push(node);
        };
        if found.clone_url.is_none() {
            add(Node::new(id("repository"), messages::create_repository(name), CreateRepository(cx.clone())));
        }
        if !found.commit {
            let needs = found.clone_url.is_none().then(|| id("repository"));
            add(Node::new(
                id("commit"),
                messages::FIRST_COMMIT,
                FirstCommit { cx: cx.clone(), from: params.from },
            )
            .after(needs));
        }
        if !found.role {
            role_nodes(target, name, "build", messages::CREATE_ROLE.into(), &role)
                .into_iter()
                .for_each(&mut add);
        }
        if !found.project {
            let source = match &found.clone_url {
                Some(url) => Some(url.clone()),
                None => op.output::<String>(&id("repository"))?,
            };
            let mut needs = vec![];
            needs.extend((!found.role).then(|| StepId::of("role-policy", "build")));
            needs.extend(found.clone_url.is_none().then(|| id("repository")));
            let step = CreateProject { cx: cx.clone(), role, source: source.unwrap_or_default() };
            add(Node::new(id("project"), messages::CREATE_PROJECT, step).after(needs));
        }
        let clone_url = match found.clone_url {
            Some(url) => url,
            None => op.output::<String>(&id("repository"))?.unwrap_or_default(),
        };
        let record = Record { cx, op: op.clone(), clone_url };
        nodes.push(Node::new(id("record"), "", record).after(last));
        Ok(nodes)
    }

    fn can_cancel(&self) -> bool {
        false
    }
    fn audit_subject(&self, _: &Params, _: &OperationState) -> AuditSubject {
        AuditSubject::default()
    }

    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        let made = op.output::<String>(&id("repository")).ok().flatten();
        let found = op.output::<Found>(&id("look")).ok().flatten().and_then(|found| found.clone_url);
        messages::summary(op, params.from, made.or(found))
    }
}

/// Writes the pipeline's record, its first stage and its row in the catalog.
struct Record {
    cx: RepoContext,
    op: OperationState,
    clone_url: String,
}

#[async_trait]
impl Step<Sluice> for Record {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let RepoContext { target, name } = &self.cx;
        let keys = &cx.world.keys;
        if PipelineState::read(&*cx.world.store, keys, name).await?.pipeline.is_some() {
            return Err(EngineError::Refused(messages::pipeline_exists(name)));
        }
        let stage = StageName::new(FIRST_STAGE).map_err(|error| EngineError::Corrupt(error.to_string()))?;
        let spec = &self.op.spec;
        let pipeline = Pipeline {
            name: name.clone(),
            home: spec.home.clone(),
            creator: spec.actor.clone(),
            created: cx.world.clock.now(),
            repository: name.to_string(),
            clone_url: self.clone_url.clone(),
            branch: names::BRANCH.to_owned(),
            project: names::project(name),
            bucket: names::bucket(target),
            stages: vec![stage.clone()],
        };
        let counters = Counters { revision: 1, tickets: spec.ticket, ..Counters::default() };
        let catalog = serde_json::json!({ "name": name, "home": spec.home });
        let items = [
            to_item(keys.pipeline(name), counters.guards(), &pipeline)?,
            to_item(keys.stage(name, &stage), Default::default(), &Stage::new(stage.clone()))?,
            to_item(keys.catalog(name), Default::default(), &catalog)?,
        ];
        let writes = items.into_iter().map(|item| Write::Put { item, when: Precondition::Absent }).collect();
        Progress::recorded((), writes)
    }
}
