//! `/promote`: a stage comes to run a release that an earlier stage runs.
//!
//! The version set is made before the gate, while nobody waits; the approval is bound to it and to what the stage ran
//! when it was asked. After it only aliases and the API stage move: two calls in a row at the most.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::operation::{
    Content, End, EngineError, Node, Operation, OperationState, PROMOTE, SignalKind, Slot, Snapshot, StepId,
    Summary,
};
use crate::ports::Write;
use crate::promote::approval::{Approval, approvals, approved_at_all, enough, valid};
use crate::promote::changes::LookAtChanges;
use crate::promote::commits::LookAtCommits;
use crate::promote::messages::summary;
use crate::promote::outdated::{node as void_outdated_node, stage_moved};
use crate::records::{AuditSubject, Current, PinnedApi, Release};
use crate::resources::{Move, Preparation, RanBefore};
use crate::rules::{Asked, Attempt, Drift, Parameters, Smoke, Subjects, Want, pass};
use crate::steps::{
    JustMoved, RecordMove, STAGE_REVISION, SmokeTest, TOO_MANY_FUNCTIONS, all_done, application, may_be_wild,
    move_nodes, preparation_contents, preparation_nodes, resolution_nodes, same_parameters, same_smoke,
    touched, unmoved,
};
use sluice_model::{
    Member, Permission, PipelineName, Refusal, ReleaseNumber, StageName, Target, Text, UserId,
};

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The stage that is to run the release.
    pub to: StageName,
    /// The stage that runs it.
    pub from: StageName,
    /// The release.
    pub release: Release,
    /// The artifact bucket.
    pub bucket: String,
    /// What the target ran when it was asked.
    pub before: Option<Before>,
    /// The API as the source stage's record has it.
    pub api: Option<PinnedApi>,
    /// How many approvals it needs.
    pub approvals: usize,
    /// Who is asked to decide: people, some of those in groups among them.
    pub approvers: Vec<UserId>,
    /// The stage's own approvers; if there are none, those of the installation decide.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub named: BTreeSet<Member>,
    /// Whether an approval by who asked counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub self_approval: bool,
    /// Until when it waits for its approvals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whether the stage was rolled back from it, and it is wanted again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Why gates are passed, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
    /// The repository, to list the commits between what runs and what would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// What stood closed when it was asked, and is passed: in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// What the stage has to pass after the move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke: Option<Smoke>,
    /// What of the stage was moved outside Sluice when it was asked, and is gone on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Drift>,
    /// The values of the template's parameters.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
}

impl Params {
    /// What is wanted of the stage, for its gates.
    pub fn want(&self) -> Want<'_> {
        Want::Promote {
            from: &self.from,
            release: self.release.number,
            again: self.again,
            overrides: self.override_reason.is_some(),
        }
    }

    /// What the version set is made of.
    pub(super) fn preparation<'a>(&'a self, op: &'a OperationState, target: &'a Target) -> Preparation<'a> {
        Preparation {
            op,
            target,
            pipeline: &self.name,
            stage: &self.to,
            bucket: &self.bucket,
            artifact: &self.release.artifact,
            api: self.api.as_ref(),
            before: self.before.as_ref().map(|before| before.release),
            outside: self.outside.as_ref(),
            parameters: &self.parameters,
        }
    }

    /// The look at the commits in between, where somebody is asked to approve them.
    pub(super) fn commits(&self, target: &Target) -> Option<Node> {
        let (before, repository) = (self.before.as_ref()?, self.repository.clone()?);
        let (target, runs) = (target.clone(), before.commit.id.clone());
        let step = LookAtCommits { target, repository, newest: self.release.commit.clone(), runs };
        (self.approvals > 0).then(|| Node::new(StepId::new(COMMITS), "", step))
    }

    /// The look at what changes, where somebody is asked to approve it. It is the last one before they are, so that its end
    /// goes with the row that is written then: that one has room, and those before cost two units more for each KB.
    pub(super) fn changes(&self, op: &OperationState, target: &Target) -> Result<Option<Node>, EngineError> {
        let Some(now) = application(op)? else { return Ok(None) };
        let step = LookAtChanges {
            target: target.clone(),
            pipeline: self.name.clone(),
            stage: self.to.clone(),
            bucket: self.bucket.clone(),
            before: self.before.as_ref().map(|before| before.release),
            parameters: self.before.as_ref().map(|before| before.parameters.clone()).unwrap_or_default(),
            from: (self.from.clone(), self.release.number),
            now,
        };
        Ok((self.approvals > 0).then(|| Node::new(StepId::new(CHANGES), "", step)))
    }

    /// The request, as far as it decides who may approve it.
    pub fn asked<'a>(&'a self, requester: &'a UserId) -> Asked<'a> {
        Asked { requester, approvers: &self.named, self_approval: self.self_approval }
    }
}

/// What a stage ran when a promotion was asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Before {
    /// The release.
    pub release: ReleaseNumber,
    /// Its commit.
    pub commit: crate::records::Change,
    /// The values that the template's parameters had there.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
}

/// Its kind.
pub const KIND: &str = PROMOTE;
/// The step that waits for people.
pub const APPROVAL: &str = "approval";
/// The step that looks at the commits in between.
pub(super) const COMMITS: &str = "commits";
/// The step that looks at what changes.
pub(super) const CHANGES: &str = "changes";

/// The operation.
pub struct Promote;

impl Operation for Promote {
    type Params = Params;

    fn kind(&self) -> &'static str {
        KIND
    }
    fn noun(&self) -> &'static str {
        "promotion"
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
        let artifact = &params.release.artifact;
        let prepared = preparation_nodes(&params.preparation(op, target))?;
        let ready = prepared.set.filter(|_| all_done(op, &prepared.nodes));
        let mut nodes: Vec<Node> = params.commits(target).into_iter().chain(prepared.nodes).collect();
        let Some(ready) = ready else { return Ok(nodes) };
        let mut before: Vec<StepId> = nodes.iter().map(|node| node.id.clone()).collect();
        if let Some(node) = params.changes(op, target)? {
            before.push(node.id.clone());
            nodes.push(node);
        }
        let moved = JustMoved {
            target,
            pipeline: &params.name,
            stage: &params.to,
            release: params.release.number,
            artifact,
            set: &ready.set,
            before: params.before.as_ref().map(|before| before.release),
        };
        let smoke = params.smoke.as_ref().map(|smoke| moved.tested(smoke));
        if smoke.as_ref().is_some_and(SmokeTest::is_vain) {
            nodes.extend(smoke.map(|smoke| smoke.node(&before)));
            return Ok(nodes);
        }
        if params.approvals > 0 {
            let by = match (params.self_approval, params.approvals) {
                (true, _) => "",
                (false, 1) => " by somebody else",
                (false, _) => " by others",
            };
            let title = Text::plain(format!("{}{by}", approvals(params.approvals)));
            let node = Node::new(
                StepId::new(APPROVAL),
                title,
                Approval {
                    params: Params::clone(params),
                    requester: op.spec.actor.id.clone(),
                    seen: op.output(&StepId::new(STAGE_REVISION))?,
                },
            );
            nodes.push(node.after(before.clone()));
            before.push(StepId::new(APPROVAL));
        }
        // All that comes before is done, but for the approval: a thousand needs of each of hundreds of moves would be a million.
        let approved: Vec<StepId> = before.iter().filter(|id| id.0 == APPROVAL).cloned().collect();
        let release = params.before.as_ref().map(|before| before.release);
        let ran = RanBefore { pipeline: params.name.clone(), stage: params.to.clone(), release };
        let to = Move { target, before: &ran, set: &ready.set, seen: &ready.seen, is_rollback: false };
        let moves = move_nodes(&to, &approved);
        let mut after: Vec<StepId> = moves.iter().map(|node| node.id.clone()).chain(before).collect();
        nodes.extend(moves);
        if let Some(node) = smoke.map(|smoke| smoke.node(&after)) {
            after.push(node.id.clone());
            nodes.push(node);
        }
        let current = Current {
            release: params.release.number,
            build: params.release.build,
            digest: artifact.digest.clone(),
            commit: params.release.commit.clone(),
            since: op.spec.accepted,
            by: op.spec.actor.clone(),
            api: ready.set.api.clone(),
            parameters: ready.set.parameters.clone(),
        };
        let record = RecordMove {
            pipeline: params.name.clone(),
            stage: params.to.clone(),
            current,
            rollback: false,
            set: Some(ready.set),
            release: None,
        };
        let node = Node::new(StepId::new("record"), "", record).after(after);
        nodes.push(node.holding(Slot::Stage(params.to.clone())).point_of_no_return());
        nodes.extend(void_outdated_node(op, &params.name, &params.to)?);
        Ok(nodes)
    }

    fn contents(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        target: &Target,
    ) -> Result<Vec<Arc<dyn Content>>, EngineError> {
        preparation_contents(&params.preparation(op, target))
    }

    fn resolution(
        &self,
        params: &Arc<Params>,
        op: &OperationState,
        _: &Target,
    ) -> Result<Vec<Node>, EngineError> {
        Ok(resolution_nodes(op, &params.name, &params.to))
    }

    fn permission(&self, params: &Params) -> Permission {
        match params.override_reason {
            None => Permission::Operators,
            Some(_) => Permission::AdminsOrOncall,
        }
    }

    fn subjects(&self, params: &Params, op: &OperationState) -> Subjects {
        let approved = approved_at_all(op).chain([&op.spec.actor.id]);
        Subjects::people(approved).naming(&params.named)
    }

    fn gate(
        &self,
        params: &Params,
        op: &OperationState,
        slot: &Slot,
        snapshot: &Snapshot,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let state = &snapshot.state;
        let Params { name, to, before, .. } = params;
        if *slot != Slot::Stage(to.clone()) {
            return Ok(());
        }
        let now = state.stages.get(to).and_then(|stage| stage.current.as_ref());
        if now.map(|now| now.release) == before.as_ref().map(|before| before.release) {
            // It may have gone somewhere and come back.
            unmoved(op, name, to, state)?;
            pass(state, &Attempt { pipeline: name, stage: to, want: params.want(), at })?;
            same_smoke(params.smoke.as_ref(), &state.policy(to), to)?;
            same_parameters(&params.parameters, &state.policy(to), to)?;
            may_be_wild(op, &state.policy(to), to)?;
            return enough(params, state).and_then(|()| valid(params, op, &snapshot.access));
        }
        Err(stage_moved(name, to, state))
    }

    fn on_end(
        &self,
        params: &Params,
        op: &OperationState,
        succeeded: bool,
        cx: &End<'_>,
    ) -> Result<Vec<Write>, EngineError> {
        let touched = touched(op, cx.target, &params.name, &params.to);
        Ok(touched.into_iter().filter(|_| !succeeded).collect())
    }

    fn audit_subject(&self, params: &Params, op: &OperationState) -> AuditSubject {
        AuditSubject {
            stage: Some(params.to.clone()),
            build: Some(params.release.build),
            commit: Some(params.release.commit.clone()),
            before: params.before.as_ref().map(|before| before.release),
            after: Some(params.release.number),
            approvers: op
                .signals
                .iter()
                .filter(|signal| signal.kind == SignalKind::Approve)
                .map(|signal| signal.actor.clone())
                .collect(),
            reason: params.override_reason.clone(),
            ..AuditSubject::default()
        }
    }

    fn summary(&self, params: &Params, op: &OperationState) -> Summary {
        summary(params, op)
    }
}
