//! Moves a stage to a release: its API, whose routes and versions one call moves together, and beside it the aliases of all
//! functions, for events and direct callers.

use crate::operation::{End, EngineError, Keys, Node, OperationState, StepId};
use crate::ports::{DueChange, Guard, Precondition, Write};
use crate::records::{AuditSubject, Current, Release, TOUCHED, VersionSet, stage_slot};
use crate::resources::stack::PassNodes;
use crate::resources::{self, Around, Move, Part, began_to_move};
use crate::rules::Smoke;
use crate::steps::{RecordMove, SmokeTest, StagedStack};
use jiff::Timestamp;
use sluice_model::{Actor, PipelineName, ReleaseNumber, StageName};

/// The move of a stage to a release.
pub(crate) struct StageMove<'a> {
    pub(crate) to: Move<'a>,
    pub(crate) release: &'a Release,
    /// Whether the operation creates the release.
    pub(crate) is_new: bool,
    /// Whether it is a rollback: the release ran on the stage before, and its version set is recorded.
    pub(crate) is_rollback: bool,
    pub(crate) smoke: Option<&'a Smoke>,
    /// The stage's stack, to be wired to the release.
    pub(crate) stack: Option<&'a StagedStack>,
}

impl StageMove<'_> {
    /// The smoke test, if the release cannot pass it at all. It is then the only step, and the operation fails before anything
    /// moves and before an approval is requested.
    pub(crate) fn impossible_test(&self, after: &[StepId]) -> Option<Node> {
        let test = self.smoke.map(|smoke| SmokeTest::new(&self.to, self.release, smoke));
        test.filter(SmokeTest::cannot_pass).map(|test| test.node(after))
    }

    /// The moves with the settings around them, the smoke test, the end of what the release does not have, and the record. The moves need only `needs`, because everything else in `before` is already
    /// done. With hundreds of moves and a thousand steps before them, the graph would have a million edges otherwise.
    pub(crate) fn nodes(
        &self,
        op: &OperationState,
        before: Vec<StepId>,
        needs: &[StepId],
    ) -> Result<Vec<Node>, EngineError> {
        let Self { to: Move { before: ran, set, .. }, is_rollback, .. } = *self;
        let adjusts = |when| {
            let nodes = resources::all().into_iter().flat_map(move |kind| kind.adjusts(&self.to, when));
            nodes.map(|node| node.holding(stage_slot(&ran.stage)))
        };
        let first: Vec<Node> =
            adjusts(Around::Before).map(|node| node.after(needs.iter().cloned())).collect();
        let ready: Vec<StepId> =
            first.iter().map(|node| node.id.clone()).chain(needs.iter().cloned()).collect();
        let mut nodes = move_nodes(&self.to, &ready);
        let moved: Vec<StepId> = nodes.iter().map(|node| node.id.clone()).chain(ready).collect();
        nodes.extend(first);
        nodes.extend(adjusts(Around::After).map(|node| node.after(moved.iter().cloned())));
        let mut after: Vec<StepId> = nodes.iter().map(|node| node.id.clone()).chain(before).collect();
        if let Some(smoke) = self.smoke {
            let node = SmokeTest::new(&self.to, self.release, smoke).node(&after);
            after.push(node.id.clone());
            nodes.push(node);
        }
        let stops = resources::all().into_iter().flat_map(|kind| kind.stops(&self.to));
        let stops: Vec<Node> =
            stops.map(|node| node.after(after.clone()).holding(stage_slot(&ran.stage))).collect();
        after.extend(stops.iter().map(|node| node.id.clone()));
        nodes.extend(stops);
        let record = RecordMove {
            pipeline: ran.pipeline.clone(),
            stage: ran.stage.clone(),
            current: current(self.release, set, op.spec.accepted, &op.spec.actor),
            rollback: is_rollback,
            set: (!is_rollback).then(|| set.clone()),
            release: self.is_new.then(|| self.release.clone()),
        };
        let node = Node::new(StepId::new("record"), "", record).after(after);
        let recorded = [node.id.clone()];
        nodes.push(node.holding(stage_slot(&ran.stage)).point_of_no_return());
        // The release runs, and nothing is undone any more: if the triggers cannot be connected, people decide.
        if let Some(StagedStack { of, plan, .. }) = self.stack {
            let wires = PassNodes::wire(op, of, plan, &recorded)?;
            nodes.extend(wires.nodes.into_iter().map(|node| node.holding(stage_slot(&ran.stage))));
        }
        Ok(nodes)
    }
}

/// The part of a stage's record about the release that it runs.
pub(crate) fn current(release: &Release, set: &VersionSet, since: Timestamp, by: &Actor) -> Current {
    Current {
        release: release.number,
        build: release.build,
        digest: release.artifact.digest.clone(),
        commit: release.commit.clone(),
        since,
        by: by.clone(),
        apis: set.apis.clone(),
        settings: set.settings.clone(),
        parameters: set.parameters.clone(),
        system: set.system.clone(),
        has_stack: set.stack.is_some(),
        events_off: set.events_off,
    }
}

/// The audit subject of an operation that moves a stage.
pub(crate) fn move_subject(
    stage: &StageName,
    release: &Release,
    before: Option<ReleaseNumber>,
) -> AuditSubject {
    AuditSubject {
        stage: Some(stage.clone()),
        build: Some(release.build),
        commit: Some(release.commit.clone()),
        before,
        after: Some(release.number),
        ..AuditSubject::default()
    }
}

/// The write at the end of an operation that moved a stage and undid the move. An operation that looked at the stage in between
/// saw something that is no longer true, although the record did not change.
pub(crate) fn touched(
    op: &OperationState,
    succeeded: bool,
    cx: &End<'_>,
    (pipeline, stage): (&PipelineName, &StageName),
) -> Vec<Write> {
    // A resolution writes the record itself.
    if succeeded || op.resolved.is_some() || !began_to_move(op) {
        return vec![];
    }
    vec![Write::Update {
        key: Keys::new(cx.target).stage(pipeline, stage),
        set: [(TOUCHED.to_owned(), Guard::Text(op.id.to_string()))].into(),
        due: DueChange::Keep,
        when: Precondition::Present,
    }]
}

/// The steps that move a stage to a version set, side by side, each after `after`. Resources that need no move have no step.
fn move_nodes(to: &Move, after: &[StepId]) -> Vec<Node> {
    let functions = to.set.versions.keys().map(|function| Part::Function(function));
    let apis = to.set.apis.iter().map(Part::of_pinned);
    let parts = apis.chain([Part::Shared]).chain(functions);
    let nodes =
        parts.flat_map(|part| resources::all().into_iter().filter_map(move |kind| kind.moves(to, part)));
    nodes.map(|node| node.after(after.iter().cloned()).holding(stage_slot(&to.before.stage))).collect()
}
