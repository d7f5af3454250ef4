//! What every kind of AWS resource answers.

use futures::future::BoxFuture;

use crate::operation::effects::Mutation;
use crate::operation::{EngineError, Node, OperationState, StepId, World};
use crate::records::{Artifact, PinnedApi, VersionSet};
use crate::resources::describe::{Change, Line};
use crate::resources::plan::Deployable;
use crate::resources::seen::{Seen, Surveyed};
use crate::resources::watch::{RanBefore, Watch};
use crate::rules::{Drift, Parameters, Recorded};
use sluice_model::{PipelineName, PortResult, ReleaseNumber, StageName, Target};

/// A kind of AWS resource. A method that a kind does not implement means that the kind has no part in it.
///
/// The rule for steps: what nobody can reach is *prepared*, may happen while people decide, and stays after a failure. What
/// people can reach *moves*, under the stage's slot, and every such step can be undone.
pub(crate) trait Resource: Sync {
    /// Its name in `docs/resources.md`.
    fn name(&self) -> &'static str;

    /// Every mutation that its steps make.
    fn effects(&self) -> &'static [&'static Mutation];

    /// Why it does not have to fulfil a duty. The test of all kinds asks about each.
    fn exempt(&self, _: Duty) -> Option<&'static str> {
        None
    }

    /// The look at what exists, before anything is prepared.
    fn look(&self, _: &Preparation, _: Part, _: &Watch) -> Option<Node> {
        None
    }

    /// The difference between what exists and what the release needs, as steps. Called again with every change of the journal,
    /// until everything is known and done.
    fn prepare(&self, _: ToPrepare) -> Result<Prepared, EngineError> {
        Ok(Prepared::default())
    }

    /// The step that moves a part of the stage; none if it is where it should be. Its caller adds the order and the slot.
    fn moves(&self, _: &Move, _: Part) -> Option<Node> {
        None
    }

    /// The calls that show what stages run now: what [`Resource::drift`] compares.
    fn survey<'a>(&self, _: &'a World, _: &'a [Surveyed]) -> Vec<SurveyCall<'a>> {
        vec![]
    }

    /// What is not as recorded, of what was looked at.
    fn drift(&self, _: &Recorded, _: &Seen) -> Drift {
        Drift::default()
    }

    /// What a release changes, for the person who approves it.
    fn describe(&self, _: &Change) -> Vec<Line> {
        vec![]
    }
}

/// A call that shows something of these stages.
pub(crate) type SurveyCall<'a> = BoxFuture<'a, PortResult<Vec<(StageName, Seen)>>>;

/// What every kind does, or says why it need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// It notices what somebody changed outside Sluice.
    Drift,
    /// It describes what a release changes.
    Description,
}

/// A part of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// One function: its logical id while the release is prepared, its name in AWS when the stage moves.
    Function(&'a str),
    /// What the functions share.
    Shared,
}

/// A release and the stage that it is prepared for.
pub(crate) struct Preparation<'a> {
    pub(crate) op: &'a OperationState,
    pub(crate) target: &'a Target,
    pub(crate) pipeline: &'a PipelineName,
    pub(crate) stage: &'a StageName,
    pub(crate) bucket: &'a str,
    pub(crate) artifact: &'a Artifact,
    /// The API that the source stage's record names.
    pub(crate) api: Option<&'a PinnedApi>,
    /// The release that the stage ran when the operation was requested.
    pub(crate) before: Option<ReleaseNumber>,
    /// Drift that the requester saw and accepted.
    pub(crate) outside: Option<&'a Drift>,
    /// The stage's values of the template's parameters.
    pub(crate) parameters: &'a Parameters,
}

/// A part of a release that is prepared.
pub(crate) struct ToPrepare<'a> {
    pub(crate) of: &'a Preparation<'a>,
    pub(crate) plan: &'a Deployable,
    pub(crate) part: Part<'a>,
    /// The steps that the kinds before this one prepare of the part.
    pub(crate) needs: &'a [StepId],
}

/// What one kind prepares of one part.
pub(crate) struct Prepared {
    pub(crate) nodes: Vec<Node>,
    /// What it adds to the version set; `None` until that is known.
    pub(crate) set: Option<VersionSet>,
    /// What its look saw of the stage.
    pub(crate) seen: Seen,
}

impl Default for Prepared {
    fn default() -> Self {
        Self { nodes: vec![], set: Some(VersionSet::default()), seen: Seen::default() }
    }
}

/// A stage that moves to a version set.
pub(crate) struct Move<'a> {
    pub(crate) target: &'a Target,
    /// What the stage ran, to which an undo returns.
    pub(crate) before: &'a RanBefore,
    pub(crate) set: &'a VersionSet,
    /// What the operation's looks saw of the stage.
    pub(crate) seen: &'a Seen,
    /// Whether it is a rollback: everything that the release needs exists, and shared parts move first.
    pub(crate) is_rollback: bool,
}
