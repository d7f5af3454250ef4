//! The parameters of a promotion.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::operation::{OperationState, PROMOTE, SignalKind, StepId};
use crate::records::{AuditSubject, Change, PinnedApis, PinnedSettings, Release, StackChoices};
use crate::resources::Preparation;
use crate::rules::{Asked, Drift, Parameters, Smoke, Want};
use crate::steps::move_subject;
use sluice_model::{Member, PipelineName, ReleaseNumber, StageName, Target, UserId};
use sluice_template::plain::SystemParameters;

/// Its kind.
pub const KIND: &str = PROMOTE;
/// The step that waits for approvals.
pub const APPROVAL: &str = "approval";
/// The step that reads the commits in between.
pub(super) const COMMITS: &str = "commits";
/// The step that compares the releases.
pub(super) const CHANGES: &str = "changes";

/// The parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Params {
    /// The pipeline.
    pub name: PipelineName,
    /// The stage to promote to.
    pub to: StageName,
    /// The stage that runs the release.
    pub from: StageName,
    /// The release.
    pub release: Release,
    /// The artifact bucket.
    pub bucket: String,
    /// What the stage ran at the time of the request.
    pub before: Option<Before>,
    /// The APIs that the stage's record names.
    #[serde(default, skip_serializing_if = "PinnedApis::is_empty")]
    pub apis: PinnedApis,
    /// The settings of functions that the stage's record names.
    #[serde(default, skip_serializing_if = "PinnedSettings::is_empty")]
    pub settings: PinnedSettings,
    /// Whether the stage's record has a stack.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_stack: bool,
    /// The number of approvals it needs.
    pub approvals: usize,
    /// The people to mention: approvers, including some members of groups.
    pub approvers: Vec<UserId>,
    /// The stage's own approvers. If there are none, those of the installation decide.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub named: BTreeSet<Member>,
    /// Whether the requester's own approval counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub self_approval: bool,
    /// When the request expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whether the stage was rolled back from the release, and the requester accepts that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// The reason for overriding gates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
    /// The repository, to list the commits between what runs and what would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The closed gates that are overridden, as sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// The smoke test after the move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke: Option<Smoke>,
    /// The drift of the stage that the requester accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Drift>,
    /// The values of the template's parameters on the stage.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// What people decided about the stage's stack.
    #[serde(default, skip_serializing_if = "StackChoices::is_default")]
    pub stack: StackChoices,
    /// The stage after this one, for the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<StageName>,
}

impl Params {
    /// The attempt, for the gates of the stage.
    pub fn want(&self) -> Want<'_> {
        Want::Promote {
            from: &self.from,
            release: self.release.number,
            again: self.again,
            overrides: self.override_reason.is_some(),
        }
    }

    /// The input of the version set.
    pub(super) fn preparation<'a>(
        &'a self,
        op: &'a OperationState,
        target: &'a Target,
        stack_after: Option<&'a [StepId]>,
    ) -> Preparation<'a> {
        Preparation {
            op,
            target,
            pipeline: &self.name,
            stage: &self.to,
            bucket: &self.bucket,
            artifact: &self.release.artifact,
            release: self.release.number,
            apis: &self.apis,
            has_stack: self.has_stack,
            is_first: false,
            stack_after,
            before: self.before.as_ref().map(|before| before.release),
            outside: self.outside.as_ref(),
            parameters: &self.parameters,
            choices: self.stack,
        }
    }

    /// What decides who may approve it.
    pub fn asked<'a>(&'a self, requester: &'a UserId) -> Asked<'a> {
        Asked { requester, approvers: &self.named, self_approval: self.self_approval }
    }

    /// Everybody who approved.
    pub(super) fn approved_at_all(op: &OperationState) -> impl Iterator<Item = &UserId> {
        let signals = op.signals.iter().filter(|signal| signal.kind == SignalKind::Approve);
        signals.map(|signal| &signal.actor.id)
    }

    /// The people whose approval the journal has, each once.
    pub(super) fn approved<'a>(&self, op: &'a OperationState) -> BTreeSet<&'a UserId> {
        let counts = |user: &UserId| self.self_approval || *user != op.spec.actor.id;
        Self::approved_at_all(op).filter(|user| counts(user)).collect()
    }

    /// What its audit records name.
    pub(crate) fn audit_subject(&self, op: &OperationState) -> AuditSubject {
        let approvals = op.signals.iter().filter(|signal| signal.kind == SignalKind::Approve);
        AuditSubject {
            approvers: approvals.map(|signal| signal.actor.clone()).collect(),
            reason: self.override_reason.clone(),
            ..move_subject(&self.to, &self.release, self.before.as_ref().map(|before| before.release))
        }
    }
}

/// What a stage ran when a promotion was requested.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Before {
    /// The release.
    pub release: ReleaseNumber,
    /// Its commit.
    pub commit: Change,
    /// The values that the template's parameters had there.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// What Systems Manager had for it there.
    #[serde(default, skip_serializing_if = "SystemParameters::is_empty")]
    pub system: SystemParameters,
}
