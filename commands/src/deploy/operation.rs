//! `/deploy`: a green build becomes a release and runs on the first stage.
//!
//! The longest chain of calls is four for a function whose configuration is unchanged: read and look (side by side),
//! publish the code, see the version ready, move the alias.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::operation::{
    Content, DEPLOY, End, EngineError, Node, Operation, OperationState, Slot, Snapshot, StepId, Summary,
    marked,
};
use crate::ports::{Precondition, Write};
use crate::records::{Artifact, AuditSubject, Change, Current, PinnedApi, Release, to_item};
use crate::resources::{Move, Preparation, RanBefore};
use crate::rules::{Attempt, Drift, Parameters, Smoke, Want, pass};
use crate::steps::change_text;
use crate::steps::{
    JustMoved, Preparing, RecordMove, SmokeTest, TOO_MANY_FUNCTIONS, all_done, gone_on, may_be_wild,
    move_nodes, moved_url, of_parameters, preparation_contents, preparation_nodes, resolution_nodes,
    same_parameters, same_smoke, touched, unmoved,
};
use sluice_model::{BuildNumber, PipelineName, Refusal, ReleaseNumber, StageName, Target, Text};

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The stage: the first one.
    pub stage: StageName,
    /// The build.
    pub build: BuildNumber,
    /// Its commit.
    pub commit: Change,
    /// What it left.
    pub artifact: Artifact,
    /// The artifact bucket.
    pub bucket: String,
    /// The release to be.
    pub release: ReleaseNumber,
    /// What the stage ran when it was asked.
    pub before: Option<ReleaseNumber>,
    /// The API as the stage's record has it.
    pub api: Option<PinnedApi>,
    /// The stage after it, if something new may come there.
    pub next: Option<StageName>,
    /// Whether there is a stage after it at all, although it may be closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_next: bool,
    /// What the stage has to pass after the move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke: Option<Smoke>,
    /// What of the stage was moved outside Sluice when it was asked, and is gone on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Drift>,
    /// The values of the template's parameters.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// The values with which the stage runs now.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters_before: Parameters,
    /// What is newer than this build, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer: Option<String>,
}

/// The operation.
pub struct Deploy;

fn preparation<'a>(op: &'a OperationState, params: &'a Params, target: &'a Target) -> Preparation<'a> {
    Preparation {
        op,
        target,
        pipeline: &params.name,
        stage: &params.stage,
        bucket: &params.bucket,
        artifact: &params.artifact,
        api: params.api.as_ref(),
        before: params.before,
        outside: params.outside.as_ref(),
        parameters: &params.parameters,
    }
}

fn release(op: &OperationState, params: &Params, succeeded: bool) -> Release {
    Release {
        number: params.release,
        operation: op.id.clone(),
        succeeded,
        build: params.build,
        commit: params.commit.clone(),
        artifact: params.artifact.clone(),
        made: op.spec.accepted,
        actor: op.spec.actor.clone(),
    }
}

impl Operation for Deploy {
    type Params = Params;

    fn kind(&self) -> &'static str {
        DEPLOY
    }
    fn if_too_large(&self) -> &'static str {
        TOO_MANY_FUNCTIONS
    }

    fn nodes(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let Preparing { mut nodes, set } = preparation_nodes(&preparation(op, params, target))?;
        let Some(ready) = set else { return Ok(nodes) };
        let before: Vec<StepId> = nodes.iter().map(|node| node.id.clone()).collect();
        if !all_done(op, &nodes) {
            return Ok(nodes);
        }
        let moved = JustMoved {
            target,
            pipeline: &params.name,
            stage: &params.stage,
            release: params.release,
            artifact: &params.artifact,
            set: &ready.set,
            before: params.before,
        };
        let smoke = params.smoke.as_ref().map(|smoke| moved.tested(smoke));
        if smoke.as_ref().is_some_and(SmokeTest::is_vain) {
            nodes.extend(smoke.map(|smoke| smoke.node(&before)));
            return Ok(nodes);
        }
        // All that comes before is done: a thousand needs of each of hundreds of moves would be a million.
        let ran =
            RanBefore { pipeline: params.name.clone(), stage: params.stage.clone(), release: params.before };
        let to = Move { target, before: &ran, set: &ready.set, seen: &ready.seen, is_rollback: false };
        let moves = move_nodes(&to, &[]);
        let mut after: Vec<StepId> = moves.iter().map(|node| node.id.clone()).chain(before).collect();
        nodes.extend(moves);
        if let Some(node) = smoke.map(|smoke| smoke.node(&after)) {
            after.push(node.id.clone());
            nodes.push(node);
        }
        let current = Current {
            release: params.release,
            build: params.build,
            digest: params.artifact.digest.clone(),
            commit: params.commit.clone(),
            since: op.spec.accepted,
            by: op.spec.actor.clone(),
            api: ready.set.api.clone(),
            parameters: ready.set.parameters.clone(),
        };
        let record = RecordMove {
            pipeline: params.name.clone(),
            stage: params.stage.clone(),
            current,
            rollback: false,
            set: Some(ready.set),
            release: Some(release(op, params, true)),
        };
        let node = Node::new(StepId::new("record"), "", record).after(after);
        nodes.push(node.holding(Slot::Stage(params.stage.clone())).point_of_no_return());
        Ok(nodes)
    }

    fn contents(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Arc<dyn Content>>, EngineError> {
        preparation_contents(&preparation(op, params, target))
    }

    fn resolution(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        _: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        Ok(resolution_nodes(op, &params.name, &params.stage))
    }

    fn gate(
        &self,
        params: &Params,
        op: &OperationState,
        slot: &Slot,
        snapshot: &Snapshot,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let Params { name, stage, smoke, parameters, .. } = params;
        let state = &snapshot.state;
        pass(state, &Attempt { pipeline: name, stage, want: Want::Deploy, at })?;
        if *slot != Slot::Stage(stage.clone()) {
            return Ok(());
        }
        unmoved(op, name, stage, state)?;
        let policy = state.policy(stage);
        same_smoke(smoke.as_ref(), &policy, stage)?;
        same_parameters(parameters, &policy, stage)?;
        may_be_wild(op, &policy, stage)
    }

    fn on_end(
        &self,
        params: &Params,
        op: &OperationState,
        succeeded: bool,
        cx: &End<'_>,
    ) -> Result<Vec<Write>, EngineError> {
        if succeeded {
            return Ok(vec![]);
        }
        // A failed release goes nowhere, but its number is used up and says so.
        let keys = crate::operation::Keys::new(cx.target);
        let key = keys.release(&params.name, params.release);
        let item = to_item(key, Default::default(), &release(op, params, false))?;
        let touched = touched(op, cx.target, &params.name, &params.stage);
        Ok([Write::Put { item, when: Precondition::Any }].into_iter().chain(touched).collect())
    }

    fn audit_subject(&self, params: &Params, _op: &OperationState) -> AuditSubject {
        AuditSubject {
            stage: Some(params.stage.clone()),
            build: Some(params.build),
            commit: Some(params.commit.clone()),
            before: params.before,
            after: Some(params.release),
            ..AuditSubject::default()
        }
    }

    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        let Params { name, stage, build, release, .. } = params;
        let title = Text::plain("Deploy of ")
            .code(name.as_str())
            .then(" build ")
            .code(build.to_string())
            .then(" to ")
            .code(stage.as_str())
            .then(" as ")
            .code(release.to_string());
        let what = || Text::default().code(name.as_str()).then(" ");
        let doing =
            Text::plain("Deploying ").join(what()).code(build.to_string()).then(" to ").code(stage.as_str());
        let done = what().code(release.to_string()).then(" is live on ").code(stage.as_str());
        let mut summary =
            Summary::new(title).headlines(doing, done).field("Commit", change_text(&params.commit));
        summary = summary.field("Build", Text::default().code(build.to_string()));
        if let Some(before) = params.before {
            summary = summary.field("Before", Text::default().code(before.to_string()));
        }
        if let Some(outside) = &params.outside {
            summary = summary.field("Moved outside Sluice", gone_on(outside, stage, op));
        }
        if let Some(newer) = &params.newer {
            summary = summary.field("Newer", marked(newer));
        }
        summary = of_parameters(summary, op, &params.parameters_before, &params.parameters);
        if let Some(url) = moved_url(op) {
            summary = summary.field("URL", Text::default().link(url.clone(), url));
        }
        if op.ended.is_some_and(|(_, succeeded)| succeeded) {
            summary.hint = Some(Text::plain("Next: ").code(match &params.next {
                Some(next) => format!("/promote {name} {next}"),
                None if params.has_next => format!("/pipeline check {name}"),
                None => format!("/stage add {name} prod"),
            }));
        }
        summary
    }
}
