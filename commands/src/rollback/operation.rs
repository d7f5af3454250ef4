//! `/rollback`: a stage goes back to a release that ran there. No build, no approval, no new version: the API stage
//! moves first, then all aliases side by side.
//!
//! It is bound to the release that ran when it was asked: if the stage moved by its turn, it is void.

use std::sync::Arc;

use async_trait::async_trait;
use futures::TryFutureExt as _;
use futures::future::try_join;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::operation::{
    Context, Effect, End, EngineError, Node, Operation, OperationState, Preempt, Progress, SignalKind, Slot,
    Snapshot, Step, StepId, Summary, VOID, load, marked, preempt,
};
use crate::ports::Write;
use crate::records::{AuditSubject, Change, Current, PinnedApi, PipelineState, Release, VersionSet};
use crate::resources::{Move, RanBefore, Seen, Surveyed, Watch, look_now};
use crate::rules::{Attempt, Drift, Want, pass};
use crate::steps::change_text;
use crate::steps::{RecordMove, drift_note, gone_on, move_nodes, moved_url, resolution_nodes, touched};
use crate::{promote, resources};
use sluice_model::{Actor, Permission, PipelineName, Refusal, ReleaseNumber, StageName, Target, Text};

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The stage.
    pub stage: StageName,
    /// What it ran when it was asked.
    pub before: ReleaseNumber,
    /// The commit of that.
    pub before_commit: Change,
    /// Where it goes.
    pub release: Release,
    /// What that release is on this stage.
    pub set: VersionSet,
    /// Why.
    pub reason: Option<String>,
    /// Whether a promotion to that stage was open when it was asked, which has to give way.
    pub goes_first: bool,
    /// What stood closed when it was asked, and did not hold a way back: in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// What of the stage was moved outside Sluice when it was asked, and is gone on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Drift>,
    /// Whether it goes to a release that is no way back: a newer one, or one that was rolled back. That is an override.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overrides: bool,
}

/// The operation.
pub struct Rollback;

impl Operation for Rollback {
    type Params = Params;

    fn kind(&self) -> &'static str {
        crate::operation::ROLLBACK
    }
    fn is_urgent(&self) -> bool {
        true
    }

    fn nodes(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        let slot = Slot::Stage(params.stage.clone());
        let look = StepId::new("look");
        let watch = Watch {
            pipeline: params.name.clone(),
            stage: params.stage.clone(),
            before: Some(params.before),
            mark: None,
            accepted: params.outside.clone(),
            line: drift_note(op),
        };
        let step = LookAtStage { params: Params::clone(params), watch };
        let mut nodes = vec![];
        let mut first = vec![];
        if params.goes_first {
            first.push(StepId::new("way"));
            let by = op.spec.actor.clone();
            nodes.push(Node::new(
                StepId::new("way"),
                "",
                PreemptOthers { params: Params::clone(params), by },
            ));
        }
        let node = Node::new(look.clone(), "Check stage", step);
        nodes.push(node.after(first).holding(slot.clone()));
        let Some(seen) = op.output::<Seen>(&look)? else { return Ok(nodes) };
        let before = RanBefore {
            pipeline: params.name.clone(),
            stage: params.stage.clone(),
            release: Some(params.before),
        };
        let to = Move { target, before: &before, set: &params.set, seen: &seen, is_rollback: true };
        let moves = move_nodes(&to, std::slice::from_ref(&look));
        let last: Vec<StepId> = moves.iter().map(|node| node.id.clone()).chain([look]).collect();
        nodes.extend(moves);
        let current = Current {
            release: params.release.number,
            build: params.release.build,
            digest: params.release.artifact.digest.clone(),
            commit: params.release.commit.clone(),
            since: op.spec.accepted,
            by: op.spec.actor.clone(),
            api: params.set.api.clone(),
            parameters: params.set.parameters.clone(),
        };
        let others = promote::void_outdated_node(op, &params.name, &params.stage)?;
        let record = RecordMove {
            pipeline: params.name.clone(),
            stage: params.stage.clone(),
            current,
            rollback: true,
            set: None,
            release: None,
        };
        let node = Node::new(StepId::new("record"), "", record).after(last).holding(slot);
        nodes.push(node.point_of_no_return());
        nodes.extend(others);
        Ok(nodes)
    }

    fn resolution(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        _: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        Ok(resolution_nodes(op, &params.name, &params.stage))
    }

    fn permission(&self, params: &Params) -> Permission {
        match params.overrides {
            false => Permission::OperatorsOrOncall,
            true => Permission::AdminsOrOncall,
        }
    }

    fn gate(
        &self,
        params: &Params,
        _op: &OperationState,
        _: &Slot,
        snapshot: &Snapshot,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let state = &snapshot.state;
        let Params { name, stage, before, .. } = params;
        pass(state, &Attempt { pipeline: name, stage, want: Want::Rollback, at })?;
        let now = state.stages.get(stage).and_then(|stage| stage.current.as_ref());
        match now {
            Some(now) if now.release == *before => Ok(()),
            now => {
                let moved = now.map_or("it runs nothing".to_owned(), |now| {
                    format!("<@{}> already brought it to `{}`", now.by.id, now.release)
                });
                Err(Refusal::new(
                    VOID,
                    format!("Stage `{stage}` does not run `{before}` any more: {moved}."),
                    format!("Look at `/pipeline status {name}`, and roll back again if you still want it."),
                ))
            }
        }
    }

    fn on_end(
        &self,
        params: &Params,
        op: &OperationState,
        succeeded: bool,
        cx: &End<'_>,
    ) -> Result<Vec<Write>, EngineError> {
        let touched = touched(op, cx.target, &params.name, &params.stage);
        Ok(touched.into_iter().filter(|_| !succeeded).collect())
    }

    fn audit_subject(&self, params: &Params, _op: &OperationState) -> AuditSubject {
        AuditSubject {
            stage: Some(params.stage.clone()),
            build: Some(params.release.build),
            commit: Some(params.release.commit.clone()),
            before: Some(params.before),
            after: Some(params.release.number),
            versions: params.set.versions.clone(),
            reason: params.reason.clone(),
            ..AuditSubject::default()
        }
    }

    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        let Params { name, stage, before, release, .. } = params;
        let number = release.number.to_string();
        let title = Text::plain("Rollback of ")
            .code(name.as_str())
            .then(" on ")
            .code(stage.as_str())
            .then(" from ")
            .code(before.to_string())
            .then(" to ")
            .code(number.clone());
        let from =
            Text::default().code(before.to_string()).then(" ").join(change_text(&params.before_commit));
        let to = Text::default().code(number.clone()).then(" ").join(change_text(&release.commit));
        let doing = Text::plain("Rolling back ").code(stage.as_str()).then(" of ").code(name.as_str());
        let doing = doing.then(" to ").code(number.clone());
        let done = Text::default().code(name.as_str()).then(" ").code(number.clone()).then(" is live on ");
        let done = done.code(stage.as_str()).then(" again");
        let mut summary = Summary::new(title).headlines(doing, done).field("From", from).field("To", to);
        if let Some(reason) = &params.reason {
            let label = if params.overrides { "Override" } else { "Reason" };
            summary = summary.field(label, Text::plain(reason.clone()));
        }
        if !params.passed.is_empty() {
            summary = summary.field("Passed", marked(&params.passed.join(" ")));
        }
        if let Some(outside) = &params.outside {
            summary = summary.field("Moved outside Sluice", gone_on(outside, stage, op));
        }
        if let Some(url) = moved_url(op) {
            summary = summary.field("URL", Text::default().link(url.clone(), url));
        }
        summary.broadcast = true;
        if op.ended.is_some_and(|(_, succeeded)| succeeded) {
            summary.hint =
                Some(Text::plain("Fix it, push, then run ").code(format!("/build {name}")).then("."));
        }
        summary
    }
}

/// Has the promotions to that stage stop: one that waits is void, one that runs takes back what it did.
struct PreemptOthers {
    params: Params,
    by: Actor,
}

#[async_trait]
impl Step for PreemptOthers {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let world = &cx.world;
        let state = PipelineState::read(&*world.store, &world.keys, &self.params.name).await?;
        for ticket in state.tickets.iter().filter(|ticket| ticket.kind == promote::KIND) {
            let open = match load(&*world.store, &world.keys, &ticket.operation).await {
                Ok(Some(open)) => open,
                Ok(None) => continue,
                // What cannot be read holds back no rollback: its owner parks it, and its slot is passed.
                Err(error) if error.is_corrupt() => {
                    tracing::warn!(operation = %ticket.operation, %error, "a promotion is passed over");
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Ok(theirs) = open.op.params::<promote::Params>() else {
                tracing::warn!(operation = %ticket.operation, "a promotion of another version is passed over");
                continue;
            };
            if theirs.to == self.params.stage {
                let about = promote::Promote.audit_subject(&theirs, &open.op);
                let (kind, rule, by) = (SignalKind::Preempt, "rollback", &self.by);
                let preemption = Preempt { kind, reason: None, rule, by, about };
                preempt(world, &open.head, preemption).await?;
            }
        }
        Progress::done(())
    }
}

struct LookAtStage {
    params: Params,
    watch: Watch,
}

#[async_trait]
impl Step for LookAtStage {
    fn effect(&self) -> Effect {
        Effect::Look
    }
    async fn run(&self, cx: &Context) -> Result<Progress, EngineError> {
        let Self { params, watch } = self;
        let set = &params.set;
        let stage = Surveyed {
            stage: params.stage.clone(),
            functions: set.versions.keys().cloned().collect(),
            api: set.api.clone(),
        };
        let look = look_now(&cx.world, stage).map_err(EngineError::from);
        let (seen, recorded) = try_join(look, watch.recorded(cx)).await?;
        if let Some(recorded) = recorded {
            // An API that the rollback does not move is not judged.
            let moves = |api: &PinnedApi| recorded.api().is_none_or(|now| now.api == api.api);
            let is_api_seen = seen.is_api_seen && set.api.as_ref().is_some_and(moves);
            let drift = resources::drift(&recorded, &Seen { is_api_seen, ..seen.clone() });
            if let Some(progress) = watch.judge(cx, drift).await? {
                return Ok(progress);
            }
        }
        Progress::done(seen)
    }
}
