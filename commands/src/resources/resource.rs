//! The trait of a kind of AWS resource, and the types that it uses.

use std::borrow::Cow;

use futures::future::BoxFuture;

use crate::names::API_STAGE;
use crate::operation::effects::Mutation;
use crate::operation::{EngineError, Node, OperationState, StepId, World};
use crate::records::{Artifact, PinnedApi, PinnedApis, PinnedSettings, StackChoices, VersionSet};
use crate::resources::describe::{Change, Line};
use crate::resources::plan::{Deployable, LayerArns, PlannedFunction};
use crate::resources::seen::{Seen, Surveyed};
use crate::resources::watch::{RanBefore, Watch};
use crate::rules::{Drift, Parameters, Recorded};
use sluice_model::{ApiKind, PipelineName, PortResult, ReleaseNumber, StageName, Target};
use sluice_template::{AppApi, AppLayer};

/// A kind of AWS resource. A kind implements only the methods in which it has a part.
///
/// A step that *prepares* changes nothing that is served. It may run while an approval is pending, and what it created stays
/// after a failure. A step that *moves* changes what is served. It holds the stage's slot and can be undone.
pub(crate) trait Resource: Sync {
    /// Its name in `docs/resources.md`.
    fn name(&self) -> &'static str;

    /// Every mutation that its steps make.
    fn effects(&self) -> &'static [&'static Mutation];

    /// Why it is exempt from a duty. A test checks that every kind fulfils each duty or is exempt.
    fn exempt(&self, _: Duty) -> Option<&'static str> {
        None
    }

    /// The look at what exists, before anything is prepared.
    fn look(&self, _: &Preparation, _: Part, _: &Watch) -> Option<Node> {
        None
    }

    /// The steps from what exists to what the release needs. It is called again after every change of the journal, until
    /// everything is known and done.
    fn prepare(&self, _: ToPrepare) -> Result<Prepared, EngineError> {
        Ok(Prepared::default())
    }

    /// The step that moves a part of the stage; `None` if no move is needed. The caller adds the order and the slot.
    fn moves(&self, _: &Move, _: Part) -> Option<Node> {
        None
    }

    /// The steps that change something of functions before the stage moves to their versions, or right after it.
    fn adjusts(&self, _: &Move, _: Around) -> Vec<Node> {
        vec![]
    }

    /// The steps that end what the stage serves and the release does not have. They run after the moves and the smoke test: until
    /// then, what served before still does.
    fn stops(&self, _: &Move) -> Vec<Node> {
        vec![]
    }

    /// The calls that show what stages run now: what [`Resource::drift`] compares.
    fn survey<'a>(&self, _: &'a World, _: &'a [Surveyed]) -> Vec<SurveyCall<'a>> {
        vec![]
    }

    /// The differences between the record and what was seen.
    fn drift(&self, _: &Recorded, _: &Seen) -> Drift {
        Drift::default()
    }

    /// What a release changes, for the person who approves it.
    fn describe(&self, _: &Change) -> Vec<Line> {
        vec![]
    }
}

/// When a step that belongs to a move runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Around {
    /// Before the move: of versions to which the stage does not lead yet.
    Before,
    /// Right after it, before the smoke test: of what is served.
    After,
}

/// A call that shows something of these stages.
pub(crate) type SurveyCall<'a> = BoxFuture<'a, PortResult<Vec<(StageName, Seen)>>>;

/// What every kind must do, unless it is exempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// It detects changes that were made outside Sluice.
    Drift,
    /// It describes what a release changes.
    Description,
}

/// A part of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A layer, by its logical id.
    Layer(&'a str, &'a AppLayer),
    /// One function: by its logical id while the release is prepared, by its name in AWS when the stage moves.
    Function(&'a str),
    /// The resources that the stage has once.
    Shared,
    /// One API.
    Api(ApiPart<'a>),
}

/// An API as a part of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ApiPart<'a> {
    pub(crate) logical: &'a str,
    pub(crate) kind: ApiKind,
    /// The name of its API stage.
    pub(crate) stage: &'a str,
}

impl<'a> Part<'a> {
    /// The API of an application.
    pub(crate) fn of_app((logical, api): (&'a String, &'a AppApi)) -> Self {
        let stage = api.stage.as_deref().unwrap_or(API_STAGE);
        Self::Api(ApiPart { logical, kind: api.kind, stage })
    }

    /// The API of a version set.
    pub(crate) fn of_pinned((logical, api): (&'a String, &'a PinnedApi)) -> Self {
        Self::Api(ApiPart { logical, kind: api.kind, stage: api.stage_name() })
    }
}

/// A release and the stage that it is prepared for.
pub(crate) struct Preparation<'a> {
    pub(crate) op: &'a OperationState,
    pub(crate) target: &'a Target,
    pub(crate) pipeline: &'a PipelineName,
    pub(crate) stage: &'a StageName,
    pub(crate) bucket: &'a str,
    pub(crate) artifact: &'a Artifact,
    /// The release.
    pub(crate) release: ReleaseNumber,
    /// The APIs that the stage's record names.
    pub(crate) apis: &'a PinnedApis,
    /// Whether the stage's record has a stack.
    pub(crate) has_stack: bool,
    /// Whether the stage is the pipeline's first: it has the template's own physical names.
    pub(crate) is_first: bool,
    /// The steps after which the stack may change; `None` if people decide later.
    pub(crate) stack_after: Option<&'a [StepId]>,
    /// The release that the stage ran when the operation was requested.
    pub(crate) before: Option<ReleaseNumber>,
    /// Drift that the requester saw and accepted.
    pub(crate) outside: Option<&'a Drift>,
    /// The stage's values of the template's parameters.
    pub(crate) parameters: &'a Parameters,
    /// What people decided about the stage's stack.
    pub(crate) choices: StackChoices,
}

/// A part of a release, to be prepared.
pub(crate) struct ToPrepare<'a> {
    pub(crate) of: &'a Preparation<'a>,
    pub(crate) plan: &'a Deployable,
    pub(crate) part: Part<'a>,
    /// The steps of the same part from the kinds before this one.
    pub(crate) needs: &'a [StepId],
    /// The versions of layers that exist.
    pub(crate) layers: &'a LayerArns,
    /// What the parts before this one contribute to the version set; `None` until that is known.
    pub(crate) set: Option<&'a VersionSet>,
}

impl<'a> ToPrepare<'a> {
    /// The function with this logical id. Functions are prepared once all their layers exist.
    pub(crate) fn planned(&self, logical: &str) -> Result<Cow<'a, PlannedFunction>, EngineError> {
        let planned = self.plan.planned(logical)?.with_layers(self.layers);
        planned.ok_or_else(|| EngineError::Corrupt(format!("a layer of {logical} does not exist")))
    }
}

/// What one kind prepares of one part.
pub(crate) struct Prepared {
    pub(crate) nodes: Vec<Node>,
    /// Its contribution to the version set; `None` until that is known.
    pub(crate) set: Option<VersionSet>,
    /// What its look saw on the stage.
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
    /// The release to which an undo returns.
    pub(crate) before: &'a RanBefore,
    pub(crate) set: &'a VersionSet,
    /// What the operation's looks saw on the stage.
    pub(crate) seen: &'a Seen,
    /// The APIs that the stage's record names.
    pub(crate) recorded: &'a PinnedApis,
    /// The settings of functions that the stage's record names.
    pub(crate) settings: &'a PinnedSettings,
    /// Drift that the requester saw and accepted.
    pub(crate) accepted: Option<&'a Drift>,
}
